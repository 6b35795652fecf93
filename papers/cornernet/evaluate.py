"""The tables and pictures of the trained networks: what corner pooling, tags and
offsets are worth."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from common.detection_metrics import CocoScores
from common.truth import Found
from papers.cornernet import figures, tables
from papers.cornernet.config import Config, cells, kind_of
from papers.cornernet.corner_metrics import corner_ap
from papers.cornernet.data import split_of
from papers.cornernet.measure import (
    Maps,
    chosen_threshold,
    corner_points,
    find,
    maps_of,
    scores_of,
    searched,
    true_points,
)
from papers.cornernet.train import State

Values = Iterator[tuple[str, Any]]
ANY_PAIR = float("inf")  # a threshold that every pair of tags is below
# Table 6 and more: what is replaced by the truth, and the threshold of tags.
ABLATIONS = {
    "as predicted": (),
    "any pair of corners": (),
    "true groups": ("tag",),
    "true heat maps": ("heat",),
    "true heat maps and offsets": ("heat", "offset"),
    "true heat maps, offsets and groups": ("heat", "offset", "tag"),
}


@dataclasses.dataclass(frozen=True)
class Net:
    """One trained run, measured on the test split."""

    name: str
    config: Config
    threshold: float  # of tags, chosen on the validation split
    valid: CocoScores
    test: CocoScores
    maps: Maps
    findings: list[Found]

    @property
    def kind(self) -> str:
        return kind_of(self.name)[0]


def evaluate(config: Config, trained: Mapping[str, tuple[Config, State]]) -> Values:
    """Yields (name, value): the scores of every run, kinds of runs side by side,
    corners by themselves, what true maps and no tags would give, and pictures."""
    if config.eval.view == "original":
        yield from _at_own_size(trained)
        return
    nets = [measured(name, *of) for name, of in trained.items()]
    yield "Scores", tables.scores(nets)
    kinds: dict[str, list[Net]] = defaultdict(list)
    for net in nets:
        kinds[net.kind].append(net)
    if len(kinds) > 1:
        yield "Kinds", tables.kinds(kinds)
    if {"corner_pool", "no_pool"} <= {*kinds}:
        yield (
            "Corner pooling",
            tables.differences(kinds["corner_pool"], kinds["no_pool"]),
        )
    yield "IoU", tables.by_iou(kinds)
    corners = {kind: [corners_of(net) for net in own] for kind, own in kinds.items()}
    yield "Corners", tables.corners(corners)
    if config.eval.ablations:
        rows = {kind: [ablations(net) for net in own] for kind, own in kinds.items()}
        yield "True maps", tables.ablations(rows)
    firsts = {kind: own[0] for kind, own in kinds.items()}
    yield (
        "Precision and recall",
        figures.precision_and_recall({k: n.test for k, n in firsts.items()}),
    )
    yield from _pictures(config, next(iter(firsts.values())))
    if summary := tables.claims(config, kinds):
        yield "Summary", summary


def measured(name: str, config: Config, state: State) -> Net:
    """A run with the threshold of tags that is best on the validation split."""
    threshold, valid = chosen_threshold(config, maps_of(config, state, "valid"))
    maps = maps_of(config, state, "test")
    findings = find(maps, threshold)
    test = scores_of(config, maps.truths, findings, maps.data.names)
    return Net(name, config, threshold, valid, test, maps, findings)


def corners_of(net: Net) -> dict[tuple[str, str], float]:
    """{(kind of corner, quadrant): AP} on the test split."""
    size = tuple(net.config.data.size)
    cell = size[0] / cells(net.config, size[0])
    results = {}
    found = corner_points(net.maps)
    for number, kind in enumerate(("top-left", "bottom-right")):
        actual = true_points(net.maps, number)
        for quadrant, ap in corner_ap(found[number], actual, size, cell).items():
            results[kind, quadrant] = ap
    return results


def ablations(net: Net) -> dict[str, CocoScores]:
    """Scores on the test split with some maps replaced by true ones."""
    config = net.config
    results = {}
    for name, truth in ABLATIONS.items():
        threshold = ANY_PAIR if name == "any pair of corners" else net.threshold
        findings = find(net.maps, threshold, truth)
        results[name] = scores_of(
            config, net.maps.truths, findings, net.maps.data.names
        )
    return results


def _at_own_size(trained: Mapping[str, tuple[Config, State]]) -> Values:
    """The published test, picture by picture."""
    scores = {}
    for name, (config, state) in trained.items():
        data = split_of(config, "test")
        truths, findings = zip(*searched(config, state, data), strict=True)
        scores[name] = scores_of(config, [*truths], [*findings], data.names)
    yield "Scores", tables.at_own_size(scores)


def _pictures(config: Config, net: Net) -> Values:
    count = config.eval.pictures
    if not count:
        return
    least = config.predict.threshold
    yield "Hits and misses", figures.strip(net.maps, net.findings, count, least)
    yield "Heat maps", figures.heats(net.maps, count)
    yield "Groups", figures.grouped(net.maps, net.findings, count, least)
    yield "Beside the truth", figures.beside(net.maps, net.findings, least)
