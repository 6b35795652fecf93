"""Byte-level byte-pair encoding, the vocabulary of GPT-2 (Radford et al. 2019)."""

import codecs
import dataclasses
import functools
from collections.abc import Callable, Iterable

import numpy as np
import regex
from numpy.typing import ArrayLike

from common.contract import UserError
from common.text import merges as bpe
from common.text.parts import parts
from common.text.vocab import Decoder, Vocab, as_bytes

END_OF_TEXT = "<|endoftext|>"
# Contractions, letters, digits, other signs, white space. Case matters: IT'S is cut
# otherwise than it's, and trained models have seen it so.
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_pieces = regex.compile(PATTERN).findall
_REMEMBERED = 2**18  # pieces of text whose ids are looked up


def _letters() -> list[str]:
    """By byte, a printable letter: the character of its number where that is printable,
    the others in order from U+0100."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]


LETTERS = _letters()
_TO_LETTERS = str.maketrans({chr(byte): LETTERS[byte] for byte in range(256)})
_TO_BYTES = {letter: byte for byte, letter in enumerate(LETTERS)}


@dataclasses.dataclass(frozen=True, repr=False)
class ByteBPE(Vocab):
    """Bytes, and merges of bytes that lie within a piece of `PATTERN`.

    Every text has ids and comes back from them byte by byte, invalid UTF-8 too, whose
    bytes count as signs. UserError: a byte is missing, or merges do not fit.
    """

    tokens: tuple[str, ...]  # by id, each byte as its printable letter
    merges: tuple[bpe.Pair, ...]  # by rank
    end: str | None = END_OF_TEXT  # what ends a document; None: nothing does

    unit = "byte_bpe"
    eos = None
    unk = None

    def __post_init__(self):
        bpe.check(self.tokens, self.merges)
        if missing := {*LETTERS}.difference(self.tokens):
            byte = min(map(_TO_BYTES.get, missing))
            raise UserError(
                f"no token for byte 0x{byte:02x}: this is no byte-level vocabulary"
            )
        if self.end is not None and self.end not in self.marks:
            raise UserError(f"{self.end!r} must be a token that no merge makes")

    @classmethod
    def of(cls, train: bytes | Iterable[bytes], *, vocab_size: int) -> "ByteBPE":
        """The vocabulary of a text or of documents: 256 bytes, merges, <|endoftext|>.

        Args:
          train: text that is counted.
          vocab_size: the largest `size`; less where a text has fewer pairs.
        """
        least = len(LETTERS) + 1
        if vocab_size < least:
            raise UserError(f"vocab_size={vocab_size} must be {least} or more")
        documents = [train] if isinstance(train, bytes) else train
        spelt = functools.lru_cache(_REMEMBERED)(_spelt)
        cut = (_split(part) for data in documents for part in parts(data))
        texts = (" ".join(map(spelt, pieces)) for pieces in cut)
        tokens, merges = bpe.learn(texts, LETTERS, vocab_size - 1)
        return cls((*tokens, END_OF_TEXT), tuple(merges))

    @property
    def size(self) -> int:
        return len(self.tokens)

    @functools.cached_property
    def marks(self) -> list[str]:
        """The tokens that are neither bytes nor merged. No text has them."""
        found = bpe.made_by_none(self.tokens, self.merges)
        return [token for token in found if token not in _TO_BYTES]

    @functools.cached_property
    def end_of_text(self) -> int | None:
        return None if self.end is None else self.tokens.index(self.end)

    def encode(self, data: bytes | str, allow_end: bool = False) -> np.ndarray:
        """The ids [time] int32 of a text; a str counts as its UTF-8.

        allow_end: `end`, where it is written in the text, becomes `end_of_text`. As in
          the released code it is otherwise text like any other.
        """
        if not allow_end or self.end is None:
            return super().encode(data)
        first, *rest = map(self._encode, as_bytes(data).split(self.end.encode()))
        end = np.array([self.end_of_text], np.int32)
        return np.concatenate([first, *(part for ids in rest for part in (end, ids))])

    def _encode(self, data: bytes) -> np.ndarray:
        ids_of = self._ids_of
        found = [np.zeros(0, np.int32)]
        for part in parts(data):
            ids: list[int] = []
            for piece in _split(part):
                ids += ids_of(piece)
            found.append(np.array(ids, np.int32))
        return np.concatenate(found)

    @functools.cached_property
    def _ids_of(self) -> Callable[[str], list[int]]:
        merge = bpe.merger(self.tokens, self.merges)
        return functools.lru_cache(_REMEMBERED)(lambda piece: merge(_spelt(piece)))

    def decode_bytes(self, ids: ArrayLike) -> bytes:
        """The bytes of ids [time], exactly."""
        return b"".join(map(self._bytes_of.__getitem__, self.checked(ids).tolist()))

    @functools.cached_property
    def _bytes_of(self) -> list[bytes]:
        return [_bytes(token) for token in self.tokens]

    def decoder(self) -> Decoder:
        partial = codecs.getincrementaldecoder("utf-8")("replace")

        def decode(ids: ArrayLike, final: bool = False) -> str:
            return partial.decode(self.decode_bytes(ids), final)

        return decode


def _split(part: bytes) -> list[str]:
    return _pieces(part.decode("utf-8", "surrogateescape"))


def _spelt(piece: str) -> str:
    """A piece in letters that stand for its bytes."""
    data = piece.encode("utf-8", "surrogateescape")
    return data.decode("latin-1").translate(_TO_LETTERS)


def _bytes(token: str) -> bytes:
    if any(letter not in _TO_BYTES for letter in token):
        return token.encode()  # somebody's mark
    return bytes(map(_TO_BYTES.get, token))
