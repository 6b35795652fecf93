"""Vocabularies by the name of their unit: built from a text, or loaded from a file."""

import json
from pathlib import Path

from common.contract import UserError
from common.files import storage
from common.text.symbols import ByteVocab, CharVocab
from common.text.vocab import Vocab
from common.text.words import WordVocab

_CLASSES = {cls.unit: cls for cls in (ByteVocab, CharVocab, WordVocab)}


def build(unit: str, train: bytes, **options) -> Vocab:
    """The vocabulary of a text.

    Args:
      unit: "byte", "char" or "word".
      train: the text whose units are counted.
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
