"""Text in the user's files: one reader for each layout of a data set."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from common.contract import UserError
from common.files import storage

SPLITS = ("train", "valid", "test")
_LAYOUTS = (
    "accepted: enwik8 or text8; {wiki.train,wiki.valid,wiki.test}.tokens; "
    "{train,valid,test}.txt; one .txt file; a tree of .txt and .md files; any of them "
    "gzipped as .gz"
)
_TRIPLES = ("wiki.{}.tokens", "wiki.{}.raw", "ptb.{}.txt", "{}.txt")
_ALIASES = {"train": ("train",), "valid": ("valid", "val", "dev"), "test": ("test",)}


def files(root: str | Path) -> dict[str, bytes]:
    """The text under `root`: a file, or a folder in the first layout that fits.

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
    for name in ("enwik8", "text8"):
        if raw := _find(folder, [name]):
            return _one_file(raw)
    for pattern in _TRIPLES:
        if triple := _triple(folder, pattern):
            return triple
    texts = [
        path
        for path in storage.files_below(folder)
        if path.name.removesuffix(".gz").endswith((".txt", ".md"))
    ]
    if not texts:
        raise UserError(f"no text found in {str(folder)!r}; {_LAYOUTS}")
    plain = [path for path in texts if ".md" not in path.suffixes]  # not a README
    return _one_file(plain[0]) if len(plain) == 1 else _tree(folder, texts)


def _one_file(path: Path) -> dict[str, bytes]:
    raw = path.name.removesuffix(".gz") in ("enwik8", "text8")
    return by_position(storage.read_bytes(path), at_lines=not raw)


def _triple(folder: Path, pattern: str) -> dict[str, bytes] | None:
    """One file for each split; None if there is no training file."""
    paths = {
        split: _find(folder, [pattern.format(alias) for alias in _ALIASES[split]])
        for split in SPLITS
    }
    if paths["train"] is None:
        return None
    for split, path in paths.items():
        if path is None:
            wanted = pattern.format(split)
            raise UserError(f"{str(folder)!r} has no {wanted} beside its other splits")
    return {split: storage.read_bytes(path) for split, path in paths.items()}


def _tree(folder: Path, paths: list[Path]) -> dict[str, bytes]:
    documents = [
        (path.relative_to(folder).as_posix(), storage.read_bytes(path))
        for path in paths
    ]
    splits = by_name(documents)
    if all(splits.values()):
        return splits
    return by_position(_joined(text for _, text in documents))


def _find(folder: Path, names: list[str]) -> Path | None:
    candidates = (folder / (name + end) for name in names for end in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def by_position(data: bytes, at_lines: bool = True) -> dict[str, bytes]:
    """The first 90%, the next 5% and the last 5%."""
    cuts = [len(data) * 90 // 100, len(data) * 95 // 100]
    if at_lines:
        ends = [data.rfind(b"\n", 0, cut) + 1 for cut in cuts]
        cuts = ends if 0 < ends[0] < ends[1] else cuts  # unless one line is too long
    first, second = cuts
    return {"train": data[:first], "valid": data[first:second], "test": data[second:]}


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
