"""Text in the user's files: one reader for each layout of a data set."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from common.contract import UserError
from common.data.split_names import ALIASES, SPLITS, split_of
from common.files import storage, texts

_LAYOUTS = (
    "accepted: enwik8 or text8; {wiki.train,wiki.valid,wiki.test}.tokens; "
    "{train,valid,test}.txt; one .txt file; a tree of .txt and .md files; any of them "
    "gzipped as .gz"
)
_TRIPLES = ("wiki.{}.tokens", "wiki.{}.raw", "ptb.{}.txt", "{}.txt")
_RAW = ("enwik8", "text8")


Documents = dict[str, list[bytes]]  # by split


def files(root: str | Path) -> dict[str, bytes]:
    """The text of `documents`, as one for each split."""
    return {split: joined(texts) for split, texts in documents(root).items()}


def documents(root: str | Path) -> Documents:
    """The text under `root`: a file, or a folder in the first layout that fits, as of
    `texts.read`.

    enwik8 and text8 are cut at 90% and 95% exactly, which is 90M/5M/5M of their 100M
    bytes; a file of any other name is cut there at the nearest earlier line end. Files
    named by split are taken as they are. A tree of files is split by file, by a hash of
    its path; if that leaves a split empty, by position. Each file of a tree is a
    document, followed by a blank line; any other split is one.
    """
    if not str(root):
        raise UserError(f"no text folder given; {_LAYOUTS}")
    path = storage.path(root)
    if not path.exists():
        raise UserError(f"text root {str(root)!r} does not exist; {_LAYOUTS}")
    splits = _one_file(path) if path.is_file() else _folder(path)
    if not all(map(any, splits.values())):
        empty = ", ".join(split for split in SPLITS if not any(splits[split]))
        raise UserError(f"no text for {empty} in {str(root)!r}; give longer files")
    return splits


def _folder(folder: Path) -> Documents:
    there = storage.entries(folder)
    if raw := _find(there, _RAW):
        return _one_file(raw)
    for pattern in _TRIPLES:
        if triple := _triple(folder, there, pattern):
            return triple
    paths = storage.files_below(folder)
    found = [path for path in paths if _plain_name(path).endswith((".txt", ".md"))]
    if not found:
        raise UserError(f"no text found in {str(folder)!r}; {_LAYOUTS}")
    plain = [path for path in found if _plain_name(path).endswith(".txt")]
    if len(plain) == 1:  # and a README
        return _one_file(plain[0])
    return _tree(folder, found)


def _plain_name(path: Path) -> str:
    return path.name.lower().removesuffix(".gz")


def _one_file(path: Path) -> Documents:
    if _plain_name(path) in _RAW:
        return by_position([storage.read_bytes(path)], at_lines=False)
    return by_position([texts.read(path)])


def _triple(folder: Path, there: dict[str, Path], pattern: str) -> Documents | None:
    """One file for each split; None if there is no training file."""
    paths = {
        split: _find(there, [pattern.format(alias) for alias in ALIASES[split]])
        for split in SPLITS
    }
    if paths["train"] is None:
        return None
    for split, path in paths.items():
        if path is None:
            wanted = pattern.format(split)
            raise UserError(f"{str(folder)!r} has no {wanted} beside its other splits")
    return {split: [texts.read(path)] for split, path in paths.items()}


def _tree(folder: Path, paths: list[Path]) -> Documents:
    _refuse_splits(folder, paths)
    found = [(path.relative_to(folder).as_posix(), texts.read(path)) for path in paths]
    splits = by_name(found)
    if all(map(any, splits.values())):
        return splits
    return by_position([_ended(text) for _, text in found])


def _refuse_splits(folder: Path, paths: list[Path]) -> None:
    """UserError: somebody has split the files, which must not be mixed."""
    found: dict[str, str] = {}
    for path in paths:
        place = path.relative_to(folder)
        stem = _plain_name(path).rsplit(".", 1)[0]
        for word in {*place.parts[:-1], stem, re.split(r"[-_. ]", stem)[-1]}:
            if split := split_of(word):
                found.setdefault(split, str(place))
    if "train" in found and len(found) > 1:
        pair = " and ".join([*found.values()][:2])
        raise UserError(
            f"{str(folder)!r} has files of several splits, {pair}: make them "
            "train.txt, valid.txt and test.txt"
        )


def _find(there: dict[str, Path], names: Iterable[str]) -> Path | None:
    """The first of the files that is there, gzipped or not."""
    candidates = (there.get(name + end) for name in names for end in ("", ".gz"))
    return next((path for path in candidates if path and path.is_file()), None)


def by_position(documents: list[bytes], at_lines: bool = True) -> Documents:
    """The first 90%, the next 5% and the last 5% of the bytes of documents. One that
    lies across a cut is cut in two."""
    data = joined(documents)
    cuts = [len(data) * 90 // 100, len(data) * 95 // 100]
    if at_lines:
        ends = [data.rfind(b"\n", 0, cut) + 1 for cut in cuts]
        if 0 < ends[0] < ends[1]:
            cuts = ends
        else:  # one line is too long
            cuts = [_character_start(data, cut) for cut in cuts]
    splits: Documents = {split: [] for split in SPLITS}
    at = 0
    for text in documents:
        first, second = (min(max(cut - at, 0), len(text)) for cut in cuts)
        parts = (text[:first], text[first:second], text[second:])
        for split, part in zip(SPLITS, parts, strict=True):
            splits[split] += [part] if part else []
        at += len(text)
    return splits


def _character_start(data: bytes, at: int) -> int:
    while 0 < at < len(data) and data[at] & 0xC0 == 0x80:
        at -= 1
    return at


def by_name(documents: Iterable[tuple[str, bytes]]) -> Documents:
    """Splits documents 90/5/5 by a hash of their names: one name, one split. Each ends
    with a blank line."""
    splits: Documents = {split: [] for split in SPLITS}
    for name, text in documents:
        splits[_split_of(name)].append(_ended(text))
    return splits


def _split_of(name: str) -> str:
    twentieth = int.from_bytes(hashlib.sha256(name.encode()).digest()) % 20
    return {0: "valid", 1: "test"}.get(twentieth, "train")


def _ended(text: bytes) -> bytes:
    """A text, and a blank line after it."""
    return text.strip(b"\r\n") + b"\n\n"


def joined(documents: list[bytes]) -> bytes:
    """Documents as one text; a single one as it is, and not copied."""
    return documents[0] if len(documents) == 1 else b"".join(documents)
