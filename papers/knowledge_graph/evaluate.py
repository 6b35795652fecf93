"""The four embeddings compared: link prediction, kinds of relations, classification."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from common.contract import Claim, Config, Table, summary
from common.data.completions import repeated
from common.data.triples import RELATION, Graph
from papers.knowledge_graph import data
from papers.knowledge_graph.measure import KINDS, Ranked, accuracy, kinds, ranked
from papers.knowledge_graph.ranks import measures
from papers.knowledge_graph.runs import first_seed

Values = Iterator[tuple[str, Any]]
Seeds = Mapping[str, list[Ranked]]  # {run: ranks of every seed}
SHOWN = 20  # relations of the table by relation: those with most test triples
# Filtered Hits@10 on FB15k in the four papers; "bern" but for TransE.
PAPER = {"transe": 0.471, "transh": 0.644, "transr": 0.687, "transd": 0.773}


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): facts of the graph; tables of link prediction, by kinds of
    relations and by relation, of classification; a map of entities; the summary."""
    graph = data.graph(config)
    yield "Graph", _facts(graph)
    found: dict[str, list[Ranked]] = {}
    shares: dict[str, list[float]] = {}
    for name, (own, state) in trained.items():
        found.setdefault(first_seed(name), []).append(ranked(own, state))
        shares.setdefault(first_seed(name), []).append(accuracy(own, state))
    yield "Link prediction", link_table(found)
    yield "Kinds of relations", kind_table(graph, found)
    yield "Relations", relation_table(graph, found)
    yield "Triple classification", classification_table(shares)
    yield "Map", _map(graph, trained, _best(found))
    link = "[TransE, H, R, D](papers/knowledge_graph)"
    if claims := [*_claims(graph, found)]:
        yield "Summary", summary(link, claims)


def _facts(graph: Graph) -> str:
    twice = {split: repeated(graph, split) for split in ("valid", "test")}
    sizes = f"{len(graph.entities):,} entities, {len(graph.relations):,} relations"
    triples = f"{len(graph.train):,} training triples"
    others = (
        f"{len(getattr(graph, split)):,} {split} ({count:,} stand in training too)"
        for split, count in twice.items()
    )
    return ", ".join([sizes, triples, *others])


def link_table(found: Seeds) -> Table:
    """Means over heads and tails, and over seeds."""
    columns = (
        "run", "MR", "MRR", "Hits@1", "Hits@3", "Hits@10", "+-", "of heads",
        "of tails", "raw MR", "raw MRR", "raw Hits@10",
    )  # fmt: skip
    rows = []
    for name, seeds in found.items():
        filtered = [measures(s.ranks.filtered) for s in seeds]
        raw = [measures(s.ranks.raw) for s in seeds]
        sides = [np.mean(s.ranks.filtered <= 10, axis=0) for s in seeds]
        hits = [m["hits@10"] for m in filtered]
        rows.append(
            [
                name,
                *(_mean(filtered, n) for n in filtered[0]),
                float(np.abs(np.subtract(hits, np.mean(hits))).max()),
                *map(float, np.mean(sides, axis=0)),
                *(_mean(raw, n) for n in ("mr", "mrr", "hits@10")),
            ]
        )
    seeds = max(map(len, found.values()))
    count = len(next(iter(found.values()))[0].triples)
    note = (
        f"{count:,} test triples, heads and tails; filtered, but for raw; mean ranks "
        f"of ties; {seeds} seed(s), +- the largest deviation of their Hits@10"
    )
    return Table(columns, rows, note)


def _mean(values: list[dict[str, float]], name: str) -> float:
    return float(np.mean([v[name] for v in values]))


def kind_table(graph: Graph, found: Seeds) -> Table:
    """Filtered Hits@10 by kind of relation: table 4 of Bordes et al. 2013."""
    kind = np.array(kinds(graph))
    some = next(iter(found.values()))[0].triples
    counts = {k: int(np.sum(kind[some[:, RELATION]] == k)) for k in KINDS}
    columns = ("run", *(f"{side} {k}" for side in ("head", "tail") for k in KINDS))
    rows = [
        [name, *(_hits(seeds, kind, k, side) for side in (0, 1) for k in KINDS)]
        for name, seeds in found.items()
    ]
    sizes = ", ".join(f"{k} {count:,}" for k, count in counts.items())
    return Table(columns, rows, f"filtered Hits@10; test triples: {sizes}")


def _hits(seeds: list[Ranked], kind: np.ndarray, wanted: str, side: int):
    shares = []
    for s in seeds:
        own = kind[s.triples[:, RELATION]] == wanted
        if not own.any():
            return None
        shares.append(np.mean(s.ranks.filtered[own, side] <= 10))
    return float(np.mean(shares))


def relation_table(graph: Graph, found: Seeds) -> Table:
    """Filtered Hits@10 of the relations with most test triples, heads and tails."""
    triples = next(iter(found.values()))[0].triples
    counts = np.bincount(triples[:, RELATION], minlength=len(graph.relations))
    most = np.argsort(-counts, kind="stable")[:SHOWN]
    kind = kinds(graph)
    rows = []
    for relation in most[counts[most] > 0]:
        own = triples[:, RELATION] == relation
        hits = (
            float(np.mean([np.mean(s.ranks.filtered[own] <= 10) for s in seeds]))
            for seeds in found.values()
        )
        name = graph.relations[relation]
        rows.append([name, kind[relation], int(counts[relation]), *hits])
    columns = ("relation", "kind", "test triples", *found)
    shown = f"the {len(rows)} of {np.sum(counts > 0)} relations with most test triples"
    return Table(columns, rows, f"filtered Hits@10, heads and tails; {shown}")


def classification_table(shares: Mapping[str, list[float]]) -> Table:
    """The accuracy of triple classification, over seeds."""
    rows = [
        [name, float(np.mean(a)), float(np.abs(np.subtract(a, np.mean(a))).max())]
        for name, a in shares.items()
    ]
    note = (
        "test triples and as many wrong ones, with an entity of the relation in the "
        "right one's place; thresholds chosen on validation triples"
    )
    return Table(("run", "accuracy", "+-"), rows, note)


def _best(found: Seeds) -> str:
    """The run with the largest filtered Hits@10."""
    return max(
        found,
        key=lambda run: np.mean([s.ranks.filtered <= 10 for s in found[run]]),
    )


def _map(graph: Graph, trained: Mapping[str, tuple[Config, Any]], name: str) -> Any:
    from papers.knowledge_graph.figures import entity_map  # matplotlib takes a second

    return entity_map(graph, name, *trained[name])


def _claims(graph: Graph, found: Seeds) -> Iterator[Claim]:
    """What the papers say of each other, where both runs were trained."""
    hits = {
        name: _mean([measures(s.ranks.filtered) for s in seeds], "hits@10")
        for name, seeds in found.items()
    }
    where = f"{len(graph.entities):,} entities, Hits@10"
    for name in ("transh", "transr", "transd"):
        if {"transe", name} <= hits.keys():
            label = f"Trans{name[-1].upper()}"
            yield Claim(
                f"{label}, which projects entities, predicts links better than TransE",
                f"{PAPER[name]:.3f}, TransE {PAPER['transe']:.3f} (FB15k, Hits@10)",
                f"{hits[name]:.3f}, TransE {hits['transe']:.3f} ({where})",
                _larger(found, name, "transe"),
            )
    if {"transr", "transr_cold"} <= hits.keys():
        yield Claim(
            "TransR needs TransE's vectors to start from",
            "used throughout (Lin et al. 2015, 4.2)",
            f"{hits['transr']:.3f}, without {hits['transr_cold']:.3f} ({where})",
            _larger(found, "transr", "transr_cold"),
        )


def _larger(found: Seeds, run: str, other: str) -> bool | None:
    """Whether one run has the larger Hits@10; None: the seeds deviate by more than the
    two differ."""
    ours, theirs = (
        np.array([measures(s.ranks.filtered)["hits@10"] for s in found[name]])
        for name in (run, other)
    )
    difference = ours.mean() - theirs.mean()
    spread = max(np.ptp(ours), np.ptp(theirs))
    return None if 0 < abs(difference) <= spread else bool(difference > 0)
