"""Text of four kinds of source, each {"train": bytes, "valid": bytes, "test": bytes}.

Text stays bytes, UTF-8, until a vocabulary decodes it, because only a vocabulary knows
the unit. A model of bytes must see them all.
"""

import ast
import contextlib
import ctypes
import functools
import importlib
import itertools
import os
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from common.contract import UserError
from common.data import text_layouts
from common.data.text_layouts import Documents, by_name, by_position, files, joined
from common.data.tfds_sets import prepared
from common.nearest import nearest

SOURCES = ("embedded", "files", "tfds", "generated")


@functools.cache
def load(source: str, root: str = "", name: str = "") -> dict[str, bytes]:
    """The text of a source, read once a process.

    Args:
      source: "embedded", "generated", "files" (under `root`) or "tfds" (set `name`,
        prepared under `root`).
      root: a text file or a folder; for "tfds" its data_dir, "" for TFDS's default.
      name: the name of the TFDS set.
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
    raise UserError(f"unknown text source {source!r}; {nearest(source, SOURCES)}")


def forget() -> None:
    """Lets go of what `load` has read, once it is encoded. glibc may have been told to
    keep what is freed (`launch.devices.keep_freed_memory`), and here gives it back."""
    load.cache_clear()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


@functools.cache
def documents(source: str, root: str = "", name: str = "") -> Documents:
    """The documents of each split of `load`, of the same arguments.

    A document is a docstring or chapter ("embedded"), a file of a tree or else a whole
    split ("files"), an example ("tfds"), or all of a split ("generated"). Of several in
    a split each comes without the line ends around it, and none is empty.
    """
    match source:
        case "embedded":
            splits = _embedded()
        case "files":
            splits = text_layouts.documents(root)
        case "tfds":
            splits = _tfds(name, root)
        case _:
            splits = {split: [text] for split, text in load(source).items()}
    return {split: _apart(texts) for split, texts in splits.items()}


def _apart(texts: list[bytes]) -> list[bytes]:
    if len(texts) == 1:
        return texts
    return [*filter(None, (text.strip(b"\r\n") for text in texts))]


# Folders without English of the manual or the library: tests, near-duplicate codec
# tables, and packages that somebody installed.
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
    return {split: joined(texts) for split, texts in _embedded().items()}


@functools.cache
def _embedded() -> Documents:
    owners: dict[str, str] = {}
    for name, text in itertools.chain(_topics(), _docstrings()):
        owners.setdefault(text.translate(_ASCII), name)
    splits = by_name(
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
    except ImportError:  # some distributions have it in a package of its own
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
    except SyntaxError:  # such as the template of a distribution
        return


def _node_docstrings(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> Iterator[str]:
    """Walks definitions only, because ast.walk slowly visits every expression."""
    if text := ast.get_docstring(node):
        yield text
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _node_docstrings(child)


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

    If there is no validation split (lm1b), the test split is both, and the other way
    round. A set of one split (wikipedia) is cut 90/5/5 by position. Reading an example
    takes about 60 us.
    """
    return {split: joined(texts) for split, texts in _tfds(name, data_dir, key).items()}


def _tfds(name: str, data_dir: str = "", key: str = "text") -> Documents:
    builder = prepared(name, data_dir, features=(key,))
    held_out = [
        split for split in ("validation", "test") if split in builder.info.splits
    ]
    texts = {
        split: [item[key] + b"\n" for item in builder.as_data_source(split)]
        for split in ("train", *held_out)
    }
    if not held_out:
        return by_position(texts["train"])
    return {
        "train": texts["train"],
        "valid": texts[held_out[0]],
        "test": texts[held_out[-1]],
    }
