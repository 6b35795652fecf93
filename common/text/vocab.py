"""What a vocabulary is: text (bytes) to ids (int32) and back."""

import abc
import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from common.contract import UserError
from common.files import storage

Decoder = Callable[..., str]


class Vocab(abc.ABC):
    """The units of a text, numbered from 0.

    Attributes:
      size: how many ids there are.
      eos: the id that ends a line; None: no id does.
      unk: the id of what is not in the vocabulary; None: meeting it is an error.
      end_of_text: the id that ends a document; None: no id does.
    """

    unit: ClassVar[str]
    size: int
    eos: int | None
    unk: int | None
    end_of_text: int | None = None

    def encode(self, data: bytes | str) -> np.ndarray:
        """The ids [time] int32 of a text; a str counts as its UTF-8."""
        return self._encode(as_bytes(data))

    @abc.abstractmethod
    def _encode(self, data: bytes) -> np.ndarray: ...

    def encode_documents(self, documents: Iterable[bytes | str]) -> np.ndarray:
        """The ids [time] int32 of documents one after another, `end_of_text` after each
        where there is one."""
        end = [] if self.end_of_text is None else [self.end_of_text]
        parts = [np.zeros(0, np.int32)]
        for text in documents:
            parts += [self.encode(text), np.array(end, np.int32)]
        return np.concatenate(parts)

    @abc.abstractmethod
    def decoder(self) -> Decoder:
        """`f(ids, final=False) -> str` for ids that arrive in pieces, as in sampling.

        What a piece leaves open (half a UTF-8 character, the space before the next
        word) waits for the next piece; `final=True` says that none follows.
        """

    def decode(self, ids: ArrayLike) -> str:
        """The text of ids [time]. Invalid UTF-8 becomes U+FFFD. UserError: an id is not
        in the vocabulary."""
        return self.decoder()(ids, final=True)

    def checked(self, ids: ArrayLike) -> np.ndarray:
        """Ids as int64. UserError: one of them is not in the vocabulary."""
        ids = np.asarray(ids, np.int64)
        wrong = ids[(ids < 0) | (ids >= self.size)]
        if wrong.size:
            raise UserError(f"id {wrong[0]} is none of the vocabulary's {self.size:,}")
        return ids

    def save(self, path: str | Path) -> None:
        """Writes the JSON that `load` reads."""
        text = json.dumps(self._fields(), ensure_ascii=False, indent=1)
        storage.path(path).write_text(text, "utf-8")

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that ids depend on, in 64 hex digits. Equal vocabularies have
        equal ones, in every process."""
        text = json.dumps(self._fields(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def mark(self) -> np.uint32:
        """32 bits of the fingerprint, which a state remembers; never 0."""
        return np.uint32(int(self.fingerprint[:8], 16) or 1)

    def __str__(self) -> str:
        return f"{self.unit} vocabulary of {self.size:,}, {self.fingerprint[:8]}"

    def _fields(self) -> dict[str, Any]:
        return {"unit": self.unit, **dataclasses.asdict(self)}


def as_bytes(data: bytes | str) -> bytes:
    """The UTF-8 of a str, lone surrogates too; bytes as they are."""
    return data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data


def refuse_other_vocabulary(vocab: Vocab, rows: int, trained: int) -> None:
    """UserError where a network does not know this vocabulary's ids.

    Args:
      rows: ids that the network has.
      trained: the mark of the vocabulary that it was trained with; 0: not known.
    """
    if vocab.size > rows:
        raise UserError(
            f"the vocabulary has {vocab.size} tokens, the network {rows}: give the one "
            "that it was trained with"
        )
    if trained not in (0, vocab.mark):
        raise UserError(
            "the network was trained with another vocabulary than that of "
            f"{vocab.unit}s that config.data gives now: its ids would be read as other "
            "text. Give the tokenizer or the text that it was trained with"
        )
