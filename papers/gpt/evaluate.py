"""The paper's tables and pictures, on our tasks: which there are, in which order."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from common.contract import Table, summary
from common.decoding import Draw, Generator
from papers.gpt import claims, data, figures, measure, objective, tables
from papers.gpt.config import Config
from papers.gpt.measure import Group, Reader

Values = Iterator[tuple[str, Any]]
PROMPT = 30  # tokens of the test text that the samples continue
DRAWS = {"top-k 40": {"temperature": 0.7, "top_k": 40}, "greedy": {"temperature": 0.0}}


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): losses of the pre-trained networks, scores of the tasks by
    what each was trained with, the two halves of figure 2, and samples."""
    readers = [
        Reader.of(name, own, state)
        for name, (own, state) in trained.items()
        if not own.task
    ]
    groups = [
        group
        for name, (own, state) in trained.items()
        if own.task
        for group in measure.groups(name, own, state)
    ]
    if readers:
        yield "Language model", tables.language(readers)
    curve = _along_training(groups, readers)
    if groups:
        yield "Tasks", tables.ablation(groups, readers)
        yield from _figure_2(groups, curve)
        yield from _more(groups)
    if config.eval.sample:
        yield from _samples(readers)
    found = [*claims.of(groups, curve)]
    if found:
        yield "Summary", summary("[GPT](papers/gpt)", found)


def _along_training(
    groups: Sequence[Group], readers: Sequence[Reader]
) -> tuple[str, Table] | None:
    """The first task that can be asked of a language model, and its scores."""
    for name in dict.fromkeys(g.config.task for g in groups):
        task = data.task(tables.first(groups, name).config)
        if table := tables.along_training(readers, task):
            return name, table
    return None


def _figure_2(groups: Sequence[Group], curve: tuple[str, Table] | None) -> Values:
    """Both halves; the left one of the first task that has it."""
    for name in dict.fromkeys(g.config.task for g in groups):
        if table := tables.transfer(groups, name):
            yield f"Layers taken over, {name}", table
            yield f"Score against layers, {name}", figures.transfer(table)
            break
    if curve:
        name, table = curve
        yield f"Zero-shot along pre-training, {name}", table
        yield f"Zero-shot score, {name}", figures.along_training(table)


def _more(groups: Sequence[Group]) -> Values:
    """Public results, the examples, and what a reader must know of them."""
    if table := tables.public(groups):
        yield "The paper's tasks", table
    yield "Examples", tables.examples(groups)
    warnings = dict.fromkeys(
        f"{g.run}, depth {g.depth}: {line}" for g in groups for line in g.warnings
    )
    if warnings:
        yield "Warning", "\n".join(warnings)
    notes = dict.fromkeys(
        f"{g.config.task}: {note}" for g in groups for note in data.task(g.config).notes
    )
    if notes:
        yield "Notes on the examples", "\n".join(notes)


def _samples(readers: Sequence[Reader]) -> Values:
    """Continuations of one held-out prompt by the Transformer. The prompt is from the
    middle of the test text, for a text often opens with a heading."""
    for reader in readers:
        if reader.config.model.network != "transformer":
            continue
        tokens = data.encoded(reader.config, "test")
        prompt = np.asarray(tokens[len(tokens) // 2 :][:PROMPT], np.int32)
        for name, how in DRAWS.items():
            draw = Draw(reader.vocab.size, **how)
            write = Generator(objective.network(reader.config), reader.params, draw)
            keys = jax.random.split(jax.random.key(0), 1)
            new = [*write([prompt], keys, reader.config.eval.sample)]
            tokens = np.concatenate([prompt, *(row for (row,) in new)])
            yield f"Sample, {name}", reader.vocab.decode(tokens[tokens >= 0])
        return
