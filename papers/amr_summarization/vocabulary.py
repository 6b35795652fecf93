"""The items that the network reads and the pieces that it writes, each with a row.

A trained state holds its vocabulary as arrays of bytes, so that it needs no data.
"""

import dataclasses
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from papers.amr_summarization import pieces

UNKNOWN, START, END, OPEN, CLOSE = range(5)
SPECIAL = ("<unknown>", "<start>", "<end>", pieces.OPEN, pieces.CLOSE)
WIDTH = 24  # bytes of a name; a longer one is unknown
# Penn Treebank's and OntoNotes'. Row 0 is for any other.
TAGS = (
    "CC", "CD", "DT", "EX", "FW", "IN", "JJ", "JJR", "JJS", "LS", "MD", "NN", "NNS",
    "NNP", "NNPS", "PDT", "POS", "PRP", "PRP$", "RB", "RBR", "RBS", "RP", "SYM", "TO",
    "UH", "VB", "VBD", "VBG", "VBN", "VBP", "VBZ", "WDT", "WP", "WP$", "WRB", ".", ",",
    ":", "``", "''", "-LRB-", "-RRB-", "$", "#", "HYPH", "NFP", "ADD", "AFX", "XX",
)  # fmt: skip
_TAG = {name: i for i, name in enumerate(TAGS, start=1)}


class Arrays(NamedTuple):
    """UTF-8, padded with zeros."""

    items: np.ndarray  # [items, WIDTH] uint8
    symbols: np.ndarray  # [symbols, WIDTH] uint8


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    items: tuple[str, ...]
    symbols: tuple[str, ...]

    def __post_init__(self):
        item = {name: i for i, name in enumerate(self.items)}
        symbol = {name: i for i, name in enumerate(self.symbols)}
        object.__setattr__(self, "_item", item)
        object.__setattr__(self, "_symbol", symbol)

    def item(self, name: str) -> int:
        return self._item.get(name, UNKNOWN)

    def known(self, piece: str) -> bool:
        """Whether the piece, which is no pointer, can be written."""
        return piece in self._symbol

    def encode(self, sequence: Iterable[str], symbols: int) -> list[int]:
        """Ids of pieces: those of pointers begin at `symbols`."""
        found = []
        for piece in sequence:
            place = pieces.pointed(piece)
            known = self._symbol.get(piece, UNKNOWN)
            found.append(known if place is None else symbols + place)
        return found

    def decode(self, ids: Iterable[int], symbols: int) -> list[str]:
        """The pieces up to the end."""
        found = []
        for i in ids:
            if i == END:
                break
            if i >= symbols:
                found.append(pieces.pointer(int(i) - symbols))
            elif i < len(self.symbols):
                found.append(self.symbols[i])
        return found

    def arrays(self, items: int, symbols: int) -> Arrays:
        return Arrays(_bytes(self.items, items), _bytes(self.symbols, symbols))

    @classmethod
    def of(cls, arrays: Arrays) -> "Vocabulary":
        return cls(_names(arrays.items), _names(arrays.symbols))


def common(counts: Counter, most: int, least: int) -> tuple[str, ...]:
    """The names that count, the most frequent first: at most `most`, special ones
    included, each `least` times or more."""
    order = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    fit = [
        name
        for name, count in order
        if count >= least and name not in SPECIAL and _storable(name)
    ]
    return (*SPECIAL, *fit)[:most]


def _storable(name: str) -> bool:
    return 0 < len(name.encode()) <= WIDTH and "\0" not in name


def ending(item: str, endings: int) -> int:
    """The row of an item's last three letters; numbers of as many digits share one."""
    last = "".join("0" if letter.isdigit() else letter for letter in item[-3:])
    return zlib.crc32(last.encode()) % endings


def tag(name: str) -> int:
    """The row of a part of speech."""
    return _TAG.get(name, 0)


def _bytes(names: tuple[str, ...], rows: int) -> np.ndarray:
    found = np.zeros((rows, WIDTH), np.uint8)
    for row, name in zip(found, names, strict=False):
        own = name.encode()
        row[: len(own)] = np.frombuffer(own, np.uint8)
    return found


def _names(rows: np.ndarray) -> tuple[str, ...]:
    names = [bytes(row).rstrip(b"\0").decode() for row in np.asarray(rows)]
    return tuple(name for name in names if name)
