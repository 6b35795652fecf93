"""Text from four kinds of place, each {"train": bytes, "valid": bytes, "test": bytes}.

Text stays bytes until a vocabulary, which alone knows the unit, decodes it: a model of
bytes must see every one of them, and the user's files need not be valid UTF-8.
"""

import ast
import difflib
import functools
import gzip
import hashlib
import importlib
import itertools
import os
import random
import sysconfig
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from common.contract import UserError

SPLITS = ("train", "valid", "test")
SOURCES = ("embedded", "files", "tfds", "generated")


@functools.cache
def load(source: str, root: str = "", name: str = "") -> dict[str, bytes]:
    """The text of a source, read once a process.

    Args:
      source: "embedded", "generated", "files" (under `root`) or "tfds" (set `name`,
        prepared under `root`).
      root: a text file or a folder; for "tfds" its data_dir, "" being TFDS's default.
      name: of the TFDS set.
    """
    match source:
        case "embedded":
            return embedded()
        case "files":
            return files(root)
        case "tfds":
            return tfds(name, root)
        case "generated":
            return generated()
    raise UserError(f"unknown text source {source!r}; {_nearest(source, SOURCES)}")


# Reference manual and library only: no tests, no near-duplicate codec tables, nothing
# that somebody installed beside them.
_NOT_LIBRARY = {
    "__pycache__",
    "dist-packages",
    "encodings",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tests",
    "turtledemo",
}
_ASCII = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "--", "…": "..."}  # noqa: RUF001
)


@functools.cache
def embedded() -> dict[str, bytes]:
    """About 2 MB of English: Python's language reference and library docstrings.

    ASCII, so bytes are characters; split by file, about 90/5/5. Every text occurs once,
    in the first file that has it. The text, hence a loss on it, differs a little from
    one Python version to the next.
    """
    owners: dict[str, str] = {}
    for name, text in itertools.chain(_topics(), _docstrings()):
        owners.setdefault(text.translate(_ASCII), name)
    splits = _by_name(
        (name, text.encode()) for text, name in owners.items() if text.isascii()
    )
    if not all(splits.values()):
        raise UserError(
            "this Python carries no library sources to read English from; choose "
            "another text source: files, tfds or generated"
        )
    return splits


def _topics() -> Iterator[tuple[str, str]]:
    """The chapters of the language reference behind `help()`, as (name, text)."""
    try:
        topics = importlib.import_module("pydoc_data.topics").topics
    except ImportError:  # some distributions package it apart
        return
    yield from sorted(topics.items())


def _docstrings() -> Iterator[tuple[str, str]]:
    """The standard library's docstrings, parsed and never imported, as (file, text)."""
    library = Path(sysconfig.get_path("stdlib"))
    for folder, folders, names in os.walk(library):
        folders[:] = sorted(set(folders) - _NOT_LIBRARY)
        for path in (Path(folder, name) for name in sorted(names)):
            if path.suffix == ".py":
                file = path.relative_to(library).as_posix()
                yield from ((file, text) for text in _file_docstrings(path))


def _file_docstrings(path: Path) -> Iterator[str]:
    source = path.read_bytes()
    if b'"""' not in source and b"'''" not in source:
        return
    try:
        yield from _node_docstrings(ast.parse(source))
    except SyntaxError:  # a distribution's template, say: not Python, so no docstring
        return


def _node_docstrings(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> Iterator[str]:
    """Walks definitions only: ast.walk would visit every expression, slowly."""
    if text := ast.get_docstring(node):
        yield text
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _node_docstrings(child)


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
    path = Path(root).expanduser()
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
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name.removesuffix(".gz").endswith((".txt", ".md"))
    ]
    if not texts:
        raise UserError(f"no text found in {str(folder)!r}; {_LAYOUTS}")
    plain = [path for path in texts if ".md" not in path.suffixes]  # no lone README
    return _one_file(plain[0]) if len(plain) == 1 else _tree(folder, texts)


def _one_file(path: Path) -> dict[str, bytes]:
    raw = path.name.removesuffix(".gz") in ("enwik8", "text8")
    return _by_position(_read(path), at_lines=not raw)


def _triple(folder: Path, pattern: str) -> dict[str, bytes] | None:
    """One file a split; None if there is none to train on."""
    found = {
        split: _find(folder, [pattern.format(alias) for alias in _ALIASES[split]])
        for split in SPLITS
    }
    if found["train"] is None:
        return None
    for split, path in found.items():
        if path is None:
            wanted = pattern.format(split)
            raise UserError(f"{str(folder)!r} has no {wanted} beside its other splits")
    return {split: _read(path) for split, path in found.items()}


def _tree(folder: Path, paths: list[Path]) -> dict[str, bytes]:
    documents = [(path.relative_to(folder).as_posix(), _read(path)) for path in paths]
    splits = _by_name(documents)
    if all(splits.values()):
        return splits
    return _by_position(_joined(text for _, text in documents))


def _find(folder: Path, names: list[str]) -> Path | None:
    candidates = (folder / (name + end) for name in names for end in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    try:
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        broken = f"{str(path)!r} is not a complete gzip file"
        raise UserError(f"{broken}; fetch it again") from error


def generated(seed: int = 0, size: int = 20_000) -> dict[str, bytes]:
    """A toy language for smoke tests: `size` bytes to train on, a tenth to test on.

    Half of the sentences repeat one of the last eight, so a model that remembers some
    250 characters does better than one that does not.
    """
    sizes = {"train": size, "valid": size // 10, "test": size // 10}
    return {
        split: _sentences(random.Random(f"{seed} {split}"), length)
        for split, length in sizes.items()
    }


_GRAMMAR = (
    ("the", "a", "one", "every"),
    ("old", "small", "green", "quiet", "warm", "tall", "strange", "lost"),
    ("cat", "river", "child", "house", "stone", "bird", "king", "letter"),
    ("sees", "follows", "finds", "loves", "forgets", "holds", "meets", "paints"),
    ("the", "a", "no", "some"),
    ("garden", "moon", "road", "winter", "song", "window", "sea", "story"),
)


def _sentences(rng: random.Random, size: int) -> bytes:
    lines: list[str] = []
    written = 0
    while written < size:
        again = lines and rng.random() < 0.5
        fresh = " ".join(map(rng.choice, _GRAMMAR)) + ".\n"
        lines.append(rng.choice(lines[-8:]) if again else fresh)
        written += len(lines[-1])
    return "".join(lines).encode()


def tfds(name: str, data_dir: str = "", key: str = "text") -> dict[str, bytes]:
    """The feature `key` of a prepared TFDS set, one example a line; no TensorFlow.

    A set without a validation split (lm1b) is validated on its test split, and the
    other way round; a set of one split (wikipedia) is cut 90/5/5 by position. Reading
    takes about 60 us an example.
    """
    builder = _tfds_builder(name, data_dir)
    for part, wanted, there in (
        ("feature", key, builder.info.features),
        ("split", "train", builder.info.splits),
    ):
        if wanted not in there:
            raise UserError(
                f"TFDS set {name!r} has no {part} {wanted!r}; {_nearest(wanted, there)}"
            )
    held_out = [
        split for split in ("validation", "test") if split in builder.info.splits
    ]
    texts = {
        split: b"".join(item[key] + b"\n" for item in builder.as_data_source(split))
        for split in ("train", *held_out)
    }
    if not held_out:
        return _by_position(texts["train"])
    valid, test = texts[held_out[0]], texts[held_out[-1]]
    return {"train": texts["train"], "valid": valid, "test": test}


def _tfds_builder(name: str, data_dir: str):
    """A builder whose data is on disk, in a format of random access."""
    import tensorflow_datasets  # half a second, and for this source alone

    try:
        builder = tensorflow_datasets.builder(name, data_dir=data_dir or None)
    except ValueError as error:  # of the name, the configuration or the version
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
        raise UserError(
            f"unknown TFDS set {name!r}; {_nearest(name, known)}"
        ) from error
    formats = {form.value for form in builder.info.available_file_formats()}
    if not builder.is_prepared() or not formats & {"array_record", "parquet"}:
        where = f"data_dir={data_dir!r}, " if data_dir else ""
        raise UserError(
            f"TFDS set {name!r} is not prepared for random access; prepare it with: "
            "import tensorflow_datasets as tfds; "
            f"tfds.builder({name!r}, {where}file_format='array_record')"
            ".download_and_prepare()"
        )
    return builder


def _by_position(data: bytes, at_lines: bool = True) -> dict[str, bytes]:
    """The first 90%, the next 5% and the last 5%."""
    cuts = [len(data) * 90 // 100, len(data) * 95 // 100]
    if at_lines:
        ends = [data.rfind(b"\n", 0, cut) + 1 for cut in cuts]
        cuts = ends if 0 < ends[0] < ends[1] else cuts  # one long line has no inner end
    first, second = cuts
    return {"train": data[:first], "valid": data[first:second], "test": data[second:]}


def _by_name(documents: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Documents of one name share a split, found by hashing it: stable, 90/5/5."""
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


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=4, cutoff=0)
    return f"nearest: {', '.join(near)}"
