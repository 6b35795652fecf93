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


def files(root: str | Path) -> dict[str, bytes]:
    """The text under `root`: a file, or a folder in the first layout that fits, as of
    `texts.read`.

    enwik8 and text8 are cut at 90% and 95% exactly, which is 90M/5M/5M of their 100M
    bytes; a file of any other name is cut there at the nearest earlier line end. Files
    named by split are taken as they are. A tree of files is split by file, by a hash of
    its path; if that leaves a split empty, by position.
    """
    if not str(root):
        raise UserError(f"no text folder given; {_LAYOUTS}")
    path = storage.path(root)
    if not path.exists():
        raise UserError(f"text root {str(root)!r} does not exist; {_LAYOUTS}")
    splits = _one_file(path) if path.is_file() else _folder(path)
    if not all(splits.values()):
        empty = ", ".join(split for split in SPLITS if not splits[split])
        raise UserError(f"no text for {empty} in {str(root)!r}; give longer files")
    return splits


def _folder(folder: Path) -> dict[str, bytes]:
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


def _one_file(path: Path) -> dict[str, bytes]:
    if _plain_name(path) in _RAW:
        return by_position(storage.read_bytes(path), at_lines=False)
    return by_position(texts.read(path))


def _triple(
    folder: Path, there: dict[str, Path], pattern: str
) -> dict[str, bytes] | None:
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
    return {split: texts.read(path) for split, path in paths.items()}


def _tree(folder: Path, paths: list[Path]) -> dict[str, bytes]:
    _refuse_splits(folder, paths)
    documents = [
        (path.relative_to(folder).as_posix(), texts.read(path)) for path in paths
    ]
    splits = by_name(documents)
    if all(splits.values()):
        return splits
    return by_position(_joined(text for _, text in documents))


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


def by_position(data: bytes, at_lines: bool = True) -> dict[str, bytes]:
    """The first 90%, the next 5% and the last 5%."""
    cuts = [len(data) * 90 // 100, len(data) * 95 // 100]
    if at_lines:
        ends = [data.rfind(b"\n", 0, cut) + 1 for cut in cuts]
        if 0 < ends[0] < ends[1]:
            cuts = ends
        else:  # one line is too long
            cuts = [_character_start(data, cut) for cut in cuts]
    first, second = cuts
    return {"train": data[:first], "valid": data[first:second], "test": data[second:]}


def _character_start(data: bytes, at: int) -> int:
    while 0 < at < len(data) and data[at] & 0xC0 == 0x80:
        at -= 1
    return at


def by_name(documents: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Splits documents 90/5/5 by a hash of their names: one name, one split."""
    texts: dict[str, list[bytes]] = {split: [] for split in SPLITS}
    for name, text in documents:
        texts[_split_of(name)].append(text)
    return {split: _joined(texts[split]) for split in SPLITS}


def _split_of(name: str) -> str:
    twentieth = int.from_bytes(hashlib.sha256(name.encode()).digest()) % 20
    return {0: "valid", 1: "test"}.get(twentieth, "train")


def _joined(texts: Iterable[bytes]) -> bytes:
    """Texts, a blank line after each."""
    return b"".join(text.strip(b"\r\n") + b"\n\n" for text in texts)
