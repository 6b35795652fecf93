"""The tables and pictures of trained runs: which there are, in which order."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax

from common.contract import summary
from common.metrics import over
from papers.captioning import (
    baselines,
    claims,
    data,
    predict,
    runs,
    sheets,
    sources,
    tables,
    train,
)
from papers.captioning.captions import Writer
from papers.captioning.config import Config
from papers.captioning.measure import Measured, measured

Values = Iterator[tuple[str, Any]]
# What all others are compared with.
BASELINES = tuple(f"img_glstm{start}" for start in claims.STARTS)
COMPOSED = ("scenes", "generated")  # sources whose captions can be told right or wrong
_LINK = "[Captions](papers/captioning)"


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): all runs side by side, what they differ by, what is right
    in their captions, test pictures with their captions, the guidance along one of
    them, and the data."""
    writers = {n: own for n, own in trained.items() if own[0].task == "caption"}
    rows = {name: measured(name, *own) for name, own in writers.items()}
    if rows:
        yield from _of_captions(runs.with_vocabulary(config), rows)
        yield from _guidance(rows, writers)
    for name, (own, state) in trained.items():
        if own.task != "caption":
            of = "crop" if own.task == "classify" else "picture"
            yield f"Errors, {name}", tables.errors(_errors(own, state), of)
    yield "Data", tables.data(config, sources.load(sources.Wanted.of(config.data)))
    found = [*claims.of(rows, said_in(config))]
    if found:
        yield "Summary", summary(_LINK, found)


def said_in(config: Config) -> str:
    """The test data in words."""
    count = len(data.pictures(config, "test"))
    kinds = {"generated": "coloured shapes", "scenes": "composed scenes"}
    name = config.data.name or "coco_captions"
    where = name if config.data.source == "tfds" else config.data.root
    return f"{count:,} {kinds.get(_source(config)) or f'pictures of {where}'}"


def _source(config: Config) -> str:
    d = config.data
    return d.source if d.source != "auto" else "files" if d.root else "scenes"


def _of_captions(config: Config, rows: Mapping[str, Measured]) -> Values:
    first = next(iter(rows.values()))
    constant = baselines.constant_caption(config)
    others = {
        "a constant caption": baselines.constant_scores(constant, first.pictures),
        "the nearest training picture's": baselines.nearest_scores(config, first),
        "a reference, against the others": baselines.reference_scores(first.pictures),
    }
    yield "Captions", tables.captions(rows, _encoders(config, rows), others)
    yield "The constant caption", constant
    if max(len(row.seeds) for row in rows.values()) > 1:
        yield "By seed", tables.by_seed(rows)
    for baseline in BASELINES:
        compared = tables.differences(rows, baseline) if baseline in rows else None
        if compared is not None and compared.rows:
            yield f"Beside {baseline}", compared
    if _source(config) in COMPOSED:
        yield "What is right in the captions", tables.facts(rows)
    for number, sheet in enumerate(sheets.sheets(config, rows)):
        yield f"Pictures with their captions, {number + 1}", sheet
    yield "Published", tables.published()


def _encoders(config: Config, rows: Mapping[str, Measured]) -> dict[str, str]:
    """The stage that each run's encoder comes from; "own": it is fine-tuned itself."""
    made = runs.runs(config)
    found = {}
    for name, row in rows.items():
        after = made[name].after if name in made else ()
        drawn = "released" if row.config.encoder.weights else "drawn"
        found[name] = "own" if row.config.encoder.trains else next(iter(after), drawn)
    return found


def _guidance(
    rows: Mapping[str, Measured], writers: Mapping[str, tuple[Config, Any]]
) -> Values:
    """Of the first run whose guidance depends on the text, along its caption of the
    first test picture."""
    for name, row in rows.items():
        if row.config.model.guidance == "text":
            own = row.config
            words = data.vocabulary_of_network(own)
            picture = data.images(own, "test", row.index[:1])[0]
            caption = words.encode(row.seeds[0].captions[0], own.data.length)
            writer = Writer.of(*writers[name])
            title = f"{name}, {row.pictures.names[0]}"
            yield from predict.guided(writer, words, title, picture, caption)
            return


def _errors(config: Config, state: Any) -> dict[str, float]:
    """Of the classifier, on crops of test digits; of "words", on test pictures."""
    step = jax.jit(lambda state, batch: train.eval_step(config, state, batch))
    return over(lambda batch: step(state, batch), data.batches(config, "test"))
