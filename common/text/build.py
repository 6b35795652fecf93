"""Vocabularies by the name of their unit: built from a text, or loaded from a file."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common.contract import UserError
from common.files import storage
from common.text.byte_bpe import ByteBPE
from common.text.symbols import ByteVocab, CharVocab
from common.text.vocab import Vocab
from common.text.word_bpe import WordBPE
from common.text.words import WordVocab

_CLASSES = {
    cls.unit: cls for cls in (ByteVocab, CharVocab, WordVocab, ByteBPE, WordBPE)
}


def build(unit: str, train: bytes | Iterable[bytes], **options) -> Vocab:
    """The vocabulary of a text.

    Args:
      unit: "byte", "char", "word", "byte_bpe" (GPT-2's) or "word_bpe" (GPT's).
      train: the text whose units are counted; for the BPEs also documents.
      **options: those of the `of` of `ByteVocab`, `CharVocab`, `WordVocab`, `ByteBPE`
        or `WordBPE`.
    """
    if unit not in _CLASSES:
        raise UserError(f"unknown unit {unit!r}; choose one of {', '.join(_CLASSES)}")
    return _CLASSES[unit].of(train, **options)


def load(path: str | Path) -> Vocab:
    """The vocabulary that `Vocab.save` wrote."""
    try:
        fields = json.loads(storage.path(path).read_text("utf-8"))
        cls = _CLASSES[fields.pop("unit")]
        return cls(**{name: _tuples(value) for name, value in fields.items()})
    except UserError as error:
        raise UserError(f"{str(path)!r}: {error}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{str(path)!r} holds no vocabulary saved by `save`") from error


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
