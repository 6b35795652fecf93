"""The rows of the tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from common.contract import Table
from papers.captioning import scene_facts, tokens
from papers.captioning.config import Config, Model
from papers.captioning.differences import Difference, difference
from papers.captioning.measure import SCORES, Measured
from papers.captioning.paper_results import ENCODERS, NEURALTALK2_CIDER
from papers.captioning.sources import Splits
from papers.captioning.vocabulary import words_of

Rows = Mapping[str, Measured]
Baselines = Mapping[str, Mapping[str, float] | None]
_EXTRA = ("exact", "distinct", "UNK")
_CAPTIONS = ("run", "encoder", "guidance", "nll", "±", *SCORES, "± ", *_EXTRA)


def guidance(model: Model) -> str:
    """What the LSTM sees of the image, in words."""
    if model.guidance == "none":
        return "image at the first step"
    if model.guidance == "image":
        return "image at every step"
    words = {0: "sentence", 1: "last word"}.get(model.words, f"last {model.words}")
    form = "full tensor" if model.guidance == "bilinear" else words
    return f"image x {form}, {model.phi}"


def captions(rows: Rows, encoders: Mapping[str, str], baselines: Baselines) -> Table:
    """All runs side by side, and what no model is needed for.

    Args:
      encoders: the stage that each run's encoder comes from.
      baselines: {name: scores}.
    """
    found = []
    for name, row in rows.items():
        cells = {
            "run": name,
            "encoder": encoders.get(name),
            "guidance": guidance(row.config.model),
            "nll": row.mean("nll"),
            "±": row.spread("nll"),
            "± ": row.spread("CIDEr-D"),
            **{score: row.mean(score) for score in (*SCORES, *_EXTRA)},
        }
        found.append([cells[column] for column in _CAPTIONS])
    for name, scores in baselines.items():
        if scores is not None:
            cells = {"run": name, **scores}
            found.append([cells.get(column) for column in _CAPTIONS])
    return Table(_CAPTIONS, found, _note(rows))


def _note(rows: Rows) -> str:
    first = next(iter(rows.values()))
    few = "With fewer than a hundred pictures CIDEr-D says little"
    beams = first.config.eval.beams
    count = max(len(row.seeds) for row in rows.values())
    seeds = f"means of up to {count} seeds, and the largest deviation from them"
    seeds = seeds if count > 1 else "one seed"
    return (
        f"{len(first.pictures):,} test pictures; {seeds}; {beams} beam(s). nll: nats a "
        "target. Scores in per cent as coco-caption's code defines them, CIDEr-D times "
        "100. exact: captions that are one of the references; distinct: how many "
        "different ones; UNK: its share of words. The nearest training picture is that "
        "of the least squares in 8 x 8 pixels. METEOR and SPICE need Java and are left "
        "out"
        f"{'. ' + few if len(first.pictures) < 100 else ''}"
    )


def by_seed(rows: Rows) -> Table:
    """nll and CIDEr-D of each seed."""
    count = max(len(row.seeds) for row in rows.values())
    found = []
    for name, row in rows.items():
        cells: list[Any] = [name]
        for score in ("nll", "CIDEr-D"):
            values = [*map(float, row.values(score))]
            cells += [*values, *[None] * (count - len(values))]
        found.append(cells)
    columns = ["run"]
    for score in ("nll", "CIDEr-D"):
        columns += [f"{score}, seed {i}" for i in range(count)]
    return Table(columns, found)


def differences(rows: Rows, baseline: str) -> Table:
    """What each run is ahead of the baseline by."""
    found = []
    for name, row in rows.items():
        if name != baseline and len(row.seeds) == len(rows[baseline].seeds):
            d = difference(row, rows[baseline])
            found.append([name, *_cells(d)])
    columns = (
        "run", "nll", "error", "seeds with less", "CIDEr-D", "error ",
        "seeds with more",
    )  # fmt: skip
    note = (
        f"less {baseline}'s, seed by seed on the same pictures. error: the standard "
        "error over the pictures, which the seeds do not show"
    )
    return Table(columns, found, note)


def _cells(d: Difference) -> list:
    seeds = len(d.nll_by_seed)
    less = f"{int(np.sum(d.nll_by_seed < 0))} of {seeds}"
    more = f"{int(np.sum(d.cider_by_seed > 0))} of {seeds}"
    return [d.nll, d.nll_error, less, d.cider, d.cider_error, more]


def facts(rows: Rows) -> Table:
    """How much of what the captions of composed scenes say is so."""
    found = []
    for name, row in rows.items():
        each = [scene_facts.right(seed.captions, row.pictures) for seed in row.seeds]
        found.append([name, *map(_mean, zip(*each, strict=True))])
    pictures = next(iter(rows.values())).pictures
    chance = [
        scene_facts.right([own[i] for own in _turned(pictures.texts)], pictures)
        for i in range(len(pictures.captions(0)))
    ]
    other = "a reference of another picture"
    found.append([other, *map(_mean, zip(*chance, strict=True))])
    columns = ("run", "things", "their colours", "their nouns", "grounds")
    note = (
        "per cent of what captions name that is there, means over the seeds; a thing "
        "is a colour with its noun"
    )
    return Table(columns, found, note)


def _turned(items: Sequence[Any]) -> list[Any]:
    """The first one last."""
    return [*items[1:], *items[:1]]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def data(config: Config, splits: Splits) -> Table:
    """What there is."""
    words = tokens.vocabulary(config.data)
    found = []
    for split, pictures in splits.items():
        texts = [words_of(text) for own in pictures.texts for text in own]
        lengths = np.array([*map(len, texts)])
        unknown = [word not in words.number for text in texts for word in text]
        found.append(
            [
                split,
                len(pictures),
                len(texts),
                float(lengths.mean()),
                int(lengths.max()),
                100 * float(np.mean(lengths > config.data.length)),
                100 * float(np.mean(unknown)),
                len({*map(tuple, texts)}),
            ]
        )
    columns = (
        "split", "pictures", "captions", "words", "most words", "% cut",
        "% unknown words", "different captions",
    )  # fmt: skip
    unk = f", UNK for those seen less than {config.data.min_count} times"
    note = (
        f"{words.size:,} words of the training captions{unk * (words.unk is not None)}"
    )
    return Table(columns, found, note)


def errors(metrics: Mapping[str, float], of: str) -> Table:
    """What a stage gets wrong.

    of: "crop" or "picture".
    """
    rows = [
        [name.removesuffix("_error"), 100 * value]
        for name, value in metrics.items()
        if name.endswith("_error")
    ]
    return Table((f"of a {of}", "% wrong"), rows)


def published() -> Table:
    """What the code's page reports on COCO."""
    rows = [[f"td-gLSTM, {name}", *scores] for name, scores in ENCODERS.items()]
    rows.append(["NeuralTalk2", None, None, NEURALTALK2_CIDER])
    note = "COCO, by their authors; other data than here"
    return Table(("model", "B4", "METEOR", "CIDEr"), rows, note)
