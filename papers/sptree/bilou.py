"""Entities as labels of words: begin, inside, last, outside, unit.

Label 0 is outside; kind k has the labels 1 + 4 k ... 4 + 4 k: B, I, L, U.
"""

from collections.abc import Iterable, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

OUTSIDE = 0
BEGIN, INSIDE, LAST, UNIT = range(4)
PARTS = "BILU"

Span = tuple[int, int, int]  # first word, end (exclusive), kind


def count(kinds: int) -> int:
    """The number of labels."""
    return 1 + 4 * kinds


def label(kind: int, part: int) -> int:
    return 1 + 4 * kind + part


def part_of(labels: Int[Array, "*n"]) -> Int[Array, "*n"]:
    """BEGIN, INSIDE, LAST or UNIT; -1 where a word is outside."""
    return jnp.where(labels == OUTSIDE, -1, (labels - 1) % 4)


def kind_of(labels: Int[Array, "*n"]) -> Int[Array, "*n"]:
    """The kind; it means nothing where a word is outside."""
    return (labels - 1) // 4


def is_last(labels: Int[Array, "*n"]) -> Bool[Array, "*n"]:
    """Where an entity has its last word."""
    part = part_of(labels)
    return (part == LAST) | (part == UNIT)


def is_first(labels: Int[Array, "*n"]) -> Bool[Array, "*n"]:
    part = part_of(labels)
    return (part == BEGIN) | (part == UNIT)


def successors(kinds: int) -> Bool[np.ndarray, "labels labels"]:
    """[before, after]: whether a label may follow another. Before the first word stands
    OUTSIDE."""
    labels = np.arange(count(kinds))
    part = np.where(labels == OUTSIDE, -1, (labels - 1) % 4)
    kind = (labels - 1) // 4
    opens = (part == -1) | (part == BEGIN) | (part == UNIT)
    goes_on = (part == INSIDE) | (part == LAST)
    within = (part == BEGIN) | (part == INSIDE)
    same = kind[:, None] == kind
    return np.where(within[:, None], goes_on & same, opens)


def may_end(kinds: int) -> Bool[np.ndarray, "labels"]:
    """Whether a label may be that of the last word."""
    part = np.arange(count(kinds)) - 1
    return (part < 0) | (part % 4 == LAST) | (part % 4 == UNIT)


def encode(spans: Iterable[Span], words: int) -> Int[np.ndarray, "words"]:
    """The labels of a sentence whose entities share no words."""
    labels = np.zeros(words, np.int32)
    for start, end, kind in spans:
        if labels[start:end].any():
            raise ValueError(f"entities share words [{start}, {end})")
        if end == start + 1:
            labels[start] = label(kind, UNIT)
            continue
        labels[start:end] = label(kind, INSIDE)
        labels[start] = label(kind, BEGIN)
        labels[end - 1] = label(kind, LAST)
    return labels


def decode(labels: Sequence[int]) -> list[Span]:
    """The entities of labels that follow each other as `successors` allows."""
    spans = []
    start = 0
    for place, value in enumerate(labels):
        if value == OUTSIDE:
            continue
        kind, part = divmod(int(value) - 1, 4)
        if part in (BEGIN, UNIT):
            start = place
        if part in (LAST, UNIT):
            spans.append((start, place + 1, kind))
    return spans
