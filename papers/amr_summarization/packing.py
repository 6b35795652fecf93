"""Samples of unequal lengths in rows of one length, so that little is padding.

A row holds several samples, each a segment with a number from 1. What stands in one
segment sees nothing of the others.
"""

from collections.abc import Sequence

import numpy as np

from papers.amr_summarization.encode import Encoded
from papers.amr_summarization.vocabulary import START

Row = list[int]  # the samples of a row


def packed(samples: Sequence[Encoded], source: int, target: int) -> list[Row]:
    """The samples of each row, that has room for so many items and pieces. The longest
    come first, and each goes to the row in which it leaves the least room."""
    order = sorted(range(len(samples)), key=lambda i: (-len(samples[i].target), i))
    rows: list[Row] = []
    room: list[int] = []  # for items
    by_room: list[list[int]] = [[] for _ in range(target + 1)]  # for pieces
    for i in order:
        items = len(samples[i].item)
        pieces = len(samples[i].target)
        fitting = (
            (left, row)
            for left in range(pieces, target + 1)
            for row in by_room[left]
            if room[row] >= items
        )
        left, row = next(fitting, (target, len(rows)))
        if row == len(rows):
            rows.append([])
            room.append(source)
        else:
            by_room[left].remove(row)
        rows[row].append(i)
        room[row] -= items
        by_room[left - pieces].append(row)
    return rows


def arrays(
    samples: Sequence[Encoded],
    rows: Sequence[Row],
    source: int,
    target: int,
    symbols: int,
) -> dict[str, np.ndarray]:
    """The rows' arrays.

    Returns: int32 arrays [rows, source] and [rows, target].
      item, ending, tag: as of `Encoded`.
      source_segment, segment: the number of the sample; 0 is padding.
      source_place, place: where an item or a piece stands in its sample.
      target: the pieces; pointers count the items of the whole row.
      previous: the piece before each.
    """
    names = ("item", "ending", "tag", "source_segment", "source_place")
    found = {name: np.zeros((len(rows), source), np.int32) for name in names}
    names = ("target", "previous", "segment", "place")
    found |= {name: np.zeros((len(rows), target), np.int32) for name in names}
    for row, members in enumerate(rows):
        item = 0
        piece = 0
        for segment, i in enumerate(members, start=1):
            sample = samples[i]
            own = row, slice(item, item + len(sample.item))
            found["item"][own] = sample.item
            found["ending"][own] = sample.ending
            found["tag"][own] = sample.tag
            found["source_segment"][own] = segment
            found["source_place"][own] = np.arange(len(sample.item))
            written = np.where(sample.target < symbols, 0, item) + sample.target
            own = row, slice(piece, piece + len(written))
            found["target"][own] = written
            found["previous"][own] = np.append(START, written[:-1])
            found["segment"][own] = segment
            found["place"][own] = np.arange(len(written))
            item += len(sample.item)
            piece += len(written)
    return found
