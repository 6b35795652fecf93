"""Vocabularies of bytes and of characters, which are numbers looked up in one table."""

import abc
import codecs
import dataclasses
import functools
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from common.contract import UserError
from common.text.vocab import Decoder, Vocab

NEWLINES = ("keep", "drop", "eos")
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_NEWLINE = ord("\n")


class _SymbolVocab(Vocab):
    """Units that have numbers: byte values or code points."""

    symbols: str  # by id; a byte is the character of its number
    drop_newlines: bool  # leave newlines out of the text

    _n_codes: ClassVar[int]
    _dtype: ClassVar[str]
    _codec: ClassVar[str]  # the encoding of a text whose numbers are written as _dtype

    @classmethod
    @abc.abstractmethod
    def _codes(cls, data: bytes) -> np.ndarray:
        """The numbers [time] of a text."""

    @classmethod
    def _seen(cls, train: bytes, newlines: str, first: str = "") -> str:
        """The symbols of a text, most frequent first, ties by number."""
        codes = cls._codes(train)
        # In parts, because bincount copies its input to int64.
        parts = np.array_split(codes, len(codes) // 2**24 + 1)
        counts = sum(np.bincount(part, minlength=cls._n_codes) for part in parts)
        ranked = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        first = "\n" + first if newlines == "eos" else first
        apart = first + "\n" if newlines == "drop" else first
        return first + "".join(chr(code) for code in ranked if chr(code) not in apart)

    @property
    def size(self) -> int:
        return len(self.symbols)

    @property
    def eos(self) -> int | None:
        return None if self.drop_newlines else _index(self.symbols, "\n")

    @property
    def unk(self) -> int | None:
        return _index(self.symbols, _UNKNOWN)

    @functools.cached_property
    def _code_of(self) -> np.ndarray:
        return np.array([ord(symbol) for symbol in self.symbols], self._dtype)

    @functools.cached_property
    def _id_of(self) -> np.ndarray:
        table = np.full(self._n_codes, -1 if self.unk is None else self.unk, np.int32)
        table[self._code_of] = np.arange(self.size)
        return table

    def _encode(self, data: bytes) -> np.ndarray:
        codes = self._codes(data)
        if self.drop_newlines:
            codes = codes[codes != _NEWLINE]
        ids = self._id_of[codes]
        if ids.min(initial=0) < 0:
            symbol = chr(codes[np.argmin(ids)])
            raise UserError(
                f"{self.unit} {symbol!r} is not in the vocabulary; build it from all "
                "splits, or with an id for unknown ones"
            )
        return ids

    def decoder(self) -> Decoder:
        partial = codecs.getincrementaldecoder(self._codec)("replace")

        def decode(ids: ArrayLike, final: bool = False) -> str:
            codes = self._code_of[self.checked(ids)]
            return partial.decode(codes.tobytes(), final)

        return decode


def _index(symbols: str, symbol: str) -> int | None:
    return symbols.index(symbol) if symbol in symbols else None


def _drops(newlines: str) -> bool:
    if newlines not in NEWLINES:
        choices = ", ".join(NEWLINES)
        raise UserError(f"unknown newlines {newlines!r}; choose one of {choices}")
    return newlines == "drop"


@dataclasses.dataclass(frozen=True)
class ByteVocab(_SymbolVocab):
    """Byte values: all 256, each its own id, or those that `symbols` lists."""

    symbols: str = bytes(range(256)).decode("latin-1")
    drop_newlines: bool = False

    unit = "byte"
    _n_codes = 256
    _dtype = "u1"
    _codec = "utf-8"

    @classmethod
    def of(
        cls, train: bytes, *, newlines: str = "keep", only_seen: bool = False
    ) -> "ByteVocab":
        """All bytes, or those of a text in order of frequency.

        The released enwik8 uses `only_seen=True, newlines="drop"` on all three splits:
        204 ids, and line ends are never predicted. With "keep", or with "eos", which
        gives line ends id 0, there are 205.
        """
        drop = _drops(newlines)
        if only_seen:
            return cls(cls._seen(train, newlines), drop)
        return cls(drop_newlines=drop)

    @classmethod
    def _codes(cls, data: bytes) -> np.ndarray:
        return np.frombuffer(data, cls._dtype)


@dataclasses.dataclass(frozen=True)
class CharVocab(_SymbolVocab):
    """Unicode characters of UTF-8 text. U+FFFD, where listed, stands for the others."""

    symbols: str
    drop_newlines: bool = False

    unit = "char"
    _n_codes = 0x110000
    _dtype = "<u4"
    _codec = "utf-32-le"

    @classmethod
    def of(
        cls, train: bytes, *, newlines: str = "keep", unk: bool = False
    ) -> "CharVocab":
        """The characters of a text in order of frequency, then of code point.

        Args:
          train: UTF-8 text; invalid bytes become U+FFFD.
          newlines: "keep" them as characters, "drop" them, or make them "eos", id 0.
          unk: the next id is for characters that are not in `train`.
        """
        drop = _drops(newlines)
        return cls(cls._seen(train, newlines, _UNKNOWN if unk else ""), drop)

    @classmethod
    def _codes(cls, data: bytes) -> np.ndarray:
        text = data.decode("utf-8", "replace")
        return np.frombuffer(text.encode("utf-32-le"), cls._dtype)
