"""What a vocabulary is: text (bytes) to ids (int32) and back."""

import abc
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from common.files import storage

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
        word) waits for the next piece; `final=True` says that none follows.
        """

    def decode(self, ids: ArrayLike) -> str:
        """The text of ids [time]. Invalid UTF-8 becomes U+FFFD."""
        return self.decoder()(ids, final=True)

    def save(self, path: str | Path) -> None:
        """Writes the JSON that `load` reads."""
        fields = {"unit": self.unit, **dataclasses.asdict(self)}
        text = json.dumps(fields, ensure_ascii=False, indent=1)
        storage.path(path).write_text(text, "utf-8")
