"""Vocabularies of bytes, characters and words: text (bytes) to ids (int32) and back."""

import abc
import codecs
import collections
import dataclasses
import functools
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from common.contract import UserError
from common.files import storage

NEWLINES = ("keep", "drop", "eos")
EOS, UNK = "<eos>", "<unk>"
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_NEWLINE = ord("\n")

Decoder = Callable[..., str]


class Vocab(abc.ABC):
    """The units of a text, numbered from 0.

    Attributes:
      size: how many ids there are.
      eos: the id that ends a line; None: no id does.
      unk: the id of what is not in the vocabulary; None: meeting it is an error.
    """

    unit: ClassVar[str]
    size: int
    eos: int | None
    unk: int | None

    @abc.abstractmethod
    def encode(self, data: bytes) -> np.ndarray:
        """The ids [time] int32 of a text."""

    @abc.abstractmethod
    def decoder(self) -> Decoder:
        """`f(ids, final=False) -> str` for ids that arrive in pieces, as in sampling.

        What a piece leaves open (half a UTF-8 character, the space before the next
        word) waits for the next; `final=True` says that there is none.
        """

    def decode(self, ids: ArrayLike) -> str:
        """The text of ids [time]. What is not UTF-8 becomes U+FFFD."""
        return self.decoder()(ids, final=True)

    def save(self, path: str | Path) -> None:
        """Writes the JSON that `load` reads."""
        fields = {"unit": self.unit, **dataclasses.asdict(self)}
        text = json.dumps(fields, ensure_ascii=False, indent=1)
        storage.path(path).write_text(text, "utf-8")


class _SymbolVocab(Vocab):
    """Units that are numbers, bytes or code points, looked up in one table."""

    symbols: str  # by id; a byte stands as the character of its value
    drop_newlines: bool  # leave newlines out of the text

    _n_codes: ClassVar[int]
    _dtype: ClassVar[str]
    _codec: ClassVar[str]  # what the codes of the symbols spell, written out in _dtype

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

    def encode(self, data: bytes) -> np.ndarray:
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
            codes = self._code_of[np.asarray(ids, np.int64)]
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
    """Byte values: all 256, each its own id, unless `symbols` lists some."""

    symbols: str = bytes(range(256)).decode("latin-1")
    drop_newlines: bool = False

    unit = "byte"
    _n_codes, _dtype, _codec = 256, "u1", "utf-8"

    @classmethod
    def of(
        cls, train: bytes, *, newlines: str = "keep", only_seen: bool = False
    ) -> "ByteVocab":
        """All bytes, or those of a text in order of frequency.

        The released enwik8 is `only_seen=True, newlines="drop"` over all three splits:
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
    _n_codes, _dtype, _codec = 0x110000, "<u4", "utf-32-le"

    @classmethod
    def of(
        cls, train: bytes, *, newlines: str = "keep", unk: bool = False
    ) -> "CharVocab":
        """The characters of a text in order of frequency, then of code point.

        Args:
          train: UTF-8 text; bytes that are not become U+FFFD.
          newlines: "keep" them as characters, "drop" them, or make them "eos", id 0.
          unk: the next id is for characters that are not in `train`.
        """
        drop = _drops(newlines)
        return cls(cls._seen(train, newlines, _UNKNOWN if unk else ""), drop)

    @classmethod
    def _codes(cls, data: bytes) -> np.ndarray:
        text = data.decode("utf-8", "replace")
        return np.frombuffer(text.encode("utf-32-le"), cls._dtype)


@dataclasses.dataclass(frozen=True)
class WordVocab(Vocab):
    """Words between white space, <unk> for the others, <eos> after each line."""

    words: tuple[str, ...]  # by id
    line_ends: bool = True  # append <eos>

    unit = "word"

    @classmethod
    def of(
        cls,
        train: bytes,
        *,
        eos: bool = True,
        min_count: int = 1,
        max_size: int | None = None,
    ) -> "WordVocab":
        """The words of a text in order of frequency, then of first appearance.

        <eos> has id 0. <unk> keeps its rank in a text that has it (WikiText, Penn
        Treebank), and otherwise comes next.

        Args:
          train: UTF-8 text.
          eos: end every line, empty ones too, with <eos>.
          min_count: words seen less often are unknown.
          max_size: the largest `size`, <eos> and <unk> included.
        """
        counts = collections.Counter(_words(train))
        common = [word for word, n in counts.most_common() if n >= min_count]
        first = [EOS] if eos else []
        if UNK not in common[: max_size and max_size - len(first)]:
            first.append(UNK)
        return cls(tuple(dict.fromkeys(first + common))[:max_size], eos)

    @property
    def size(self) -> int:
        return len(self.words)

    @property
    def eos(self) -> int | None:
        return self._id_of.get(EOS)

    @property
    def unk(self) -> int:
        return self._id_of[UNK]

    @functools.cached_property
    def _id_of(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    def encode(self, data: bytes) -> np.ndarray:
        id_of, unk = self._id_of, self.unk
        words = _words(data, line_end=[EOS] if self.line_ends else [])
        return np.fromiter((id_of.get(word, unk) for word in words), np.int32)

    def decoder(self) -> Decoder:
        space = ""  # due before the next word: none at the start of a line

        def decode(ids: ArrayLike, final: bool = False) -> str:
            nonlocal space
            pieces = []
            for i in np.asarray(ids, np.int64):
                line_end = self.words[i] == EOS
                pieces += ["\n"] if line_end else [space, self.words[i]]
                space = "" if line_end else " "
            return "".join(pieces)

        return decode


def _words(data: bytes, line_end: list[str] | None = None) -> Iterator[str]:
    """Words line by line: a list of all the words of a large text would not fit."""
    for line in io.BytesIO(data):
        yield from line.decode("utf-8", "replace").split()
        yield from line_end or ()


_CLASSES = {cls.unit: cls for cls in (ByteVocab, CharVocab, WordVocab)}


def build(unit: str, train: bytes, **options) -> Vocab:
    """The vocabulary of a text.

    Args:
      unit: "byte", "char" or "word".
      train: the text that is counted.
      **options: those of `ByteVocab.of`, `CharVocab.of` or `WordVocab.of`.
    """
    if unit not in _CLASSES:
        raise UserError(f"unknown unit {unit!r}; choose one of {', '.join(_CLASSES)}")
    return _CLASSES[unit].of(train, **options)


def load(path: str | Path) -> Vocab:
    """The vocabulary that `Vocab.save` wrote."""
    try:
        fields = json.loads(storage.path(path).read_text("utf-8"))
        cls = _CLASSES[fields.pop("unit")]
        if cls is WordVocab:
            fields["words"] = tuple(fields["words"])
        return cls(**fields)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{str(path)!r} holds no vocabulary saved by `save`") from error
