"""Captions in json: Karpathy's, NeuralTalk2's and COCO's.

{"images": [{"filename": ..., "filepath": ..., "split": "train",
             "sentences": [{"raw": ..., "tokens": [...]}]}]}        Karpathy
[{"file_path": ..., "captions": [...]}]                             NeuralTalk2
{"images": [{"id": 1, "file_name": ...}],
 "annotations": [{"image_id": 1, "caption": ...}]}                  COCO
"""

import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common.contract import UserError
from common.data.split_names import split_of
from papers.captioning.sources.entries import Entry

# COCO's pictures that Karpathy's split leaves over, which everyone trains on.
_LEFT_OVER = "restval"
_NO_CAPTIONS = ("instances", "keypoints", "panoptic", "stuff", "image_info", "results")


def is_other(path: Path) -> bool:
    """Whether the name is one of COCO's files without captions, which are large."""
    return any(word in path.stem.lower() for word in _NO_CAPTIONS)


def entries(path: Path, data: Any) -> tuple[str, Iterator[Entry]] | None:
    """The layout's name and the entries; None: it has no captions of a known layout.
    UserError, when the entries are read: one of them is not as it should be."""
    for name, fits, reader in _LAYOUTS:
        if fits(data):
            return name, reader(path, data)
    return None


def _listed(data: Any, key: str) -> list:
    rows = data.get(key) if isinstance(data, dict) else None
    return rows if isinstance(rows, list) else []


def _any_has(rows: Any, key: str) -> bool:
    return isinstance(rows, list) and any(
        isinstance(row, dict) and key in row for row in rows
    )


def _is_karpathy(data: Any) -> bool:
    return _any_has(_listed(data, "images"), "sentences")


def _karpathy(path: Path, data: Any) -> Iterator[Entry]:
    for row in _objects(path, data["images"]):
        name = _text(path, row, "filename")
        folder = row.get("filepath") or ""
        yield Entry(
            f"{folder}/{name}" if isinstance(folder, str) and folder else name,
            tuple(_sentence(path, x) for x in _list(path, row, "sentences")),
            _split(path, row),
        )


def _sentence(path: Path, sentence: Any) -> str:
    """The sentence as it was written, or its tokens."""
    if isinstance(sentence, dict):
        if isinstance(sentence.get("raw"), str):
            return sentence["raw"]
        tokens = sentence.get("tokens")
        if isinstance(tokens, list) and all(isinstance(x, str) for x in tokens):
            return " ".join(tokens)
    raise UserError(
        f'{str(path)!r}: a sentence should have "raw" or "tokens", and is '
        f"{str(sentence)[:80]}"
    )


def _is_neuraltalk2(data: Any) -> bool:
    return _any_has(data, "captions") or _any_has(_listed(data, "images"), "captions")


def _neuraltalk2(path: Path, data: Any) -> Iterator[Entry]:
    rows = data if isinstance(data, list) else data["images"]
    for row in _objects(path, rows):
        key = "file_path" if "file_path" in row else "file_name"
        captions = [_caption(path, x) for x in _list(path, row, "captions")]
        yield Entry(_text(path, row, key), tuple(captions), _split(path, row))


def _caption(path: Path, caption: Any) -> str:
    if isinstance(caption, list) and all(isinstance(x, str) for x in caption):
        return " ".join(caption)
    if isinstance(caption, str):
        return caption
    raise UserError(
        f"{str(path)!r}: a caption should be text, and is {str(caption)[:80]}"
    )


def _is_coco(data: Any) -> bool:
    return bool(_listed(data, "images")) and _any_has(
        _listed(data, "annotations"), "caption"
    )


def _coco(path: Path, data: Any) -> Iterator[Entry]:
    """All of a file are of one split, that of its name."""
    words = re.split(r"[^a-z]+", path.stem.lower())
    split = next(filter(None, map(split_of, words)), None)
    captions: dict[Any, list[str]] = {}
    names = {}
    for row in _objects(path, data["images"]):
        names[_id(path, row, "id")] = _text(path, row, "file_name")
    strangers = []
    for row in _objects(path, data["annotations"]):
        own = _id(path, row, "image_id")
        text = _text(path, row, "caption")
        if own in names:
            captions.setdefault(own, []).append(text)
        else:
            strangers.append(own)
    if strangers:
        message = (
            f"{str(path)!r}: {len(strangers)} captions are of images that it does not "
            f"list, such as {strangers[0]!r}"
        )
        if not captions:
            raise UserError(f"{message}, and no others are there")
        warnings.warn(f"{message}: left out", stacklevel=5)
    for own, name in names.items():
        yield Entry(name, tuple(captions.get(own, ())), split)


def _objects(path: Path, rows: Any) -> list[dict]:
    for row in rows:
        if not isinstance(row, dict):
            raise UserError(
                f"{str(path)!r}: a picture should be an object, and is {str(row)[:80]}"
            )
    return rows


def _list(path: Path, row: dict, key: str) -> list:
    value = row.get(key, [])
    if not isinstance(value, list):
        raise UserError(
            f"{str(path)!r}: {key!r} should be a list, and is {str(value)[:80]}"
        )
    return value


def _text(path: Path, row: dict, key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise UserError(
            f"{str(path)!r}: {key!r} should be text, and is {value!r} in "
            f"{str(row)[:120]}"
        )
    return value


def _id(path: Path, row: dict, key: str) -> int | str:
    value = row.get(key)
    if type(value) not in (int, str):
        raise UserError(f"{str(path)!r}: {key!r} is {value!r} in {str(row)[:120]}")
    return value


def _split(path: Path, row: dict) -> str | None:
    value = row.get("split")
    if value is None:
        return None
    split = "train" if value == _LEFT_OVER else split_of(str(value))
    if split is None:
        raise UserError(
            f"{str(path)!r}: the split {value!r} in {str(row)[:120]} is none of train, "
            f"{_LEFT_OVER}, val and test"
        )
    return split


_LAYOUTS: tuple[tuple[str, Callable, Callable], ...] = (
    ("Karpathy's json", _is_karpathy, _karpathy),
    ("NeuralTalk2's json", _is_neuraltalk2, _neuraltalk2),
    ("COCO's json", _is_coco, _coco),
)
