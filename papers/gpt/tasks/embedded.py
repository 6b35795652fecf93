"""Docstrings of Python's library, as the tasks read them, and the text without them."""

import functools
import random
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from common.contract import UserError
from common.data import text
from common.data.split_names import SPLITS
from papers.gpt.tasks.task import Task

_NOT_EVERYWHERE = ("tkinter", "distutils")  # not every Python has them
_LEAST = 30  # characters of a docstring that says something
_LONG = 80  # characters of a docstring that can be cut into halves
_MOST = 500  # characters of a docstring in a pair
_OF_A_FILE = 8  # docstrings of one module in pairs
_SHARES = {"test": 2, "valid": 1, "train": 7}  # of ten files


class Docstring(NamedTuple):
    """A text and the file that it stands in, a path below the library's folder."""

    file: str
    text: str

    @property
    def package(self) -> str:
        """The top folder, or the module's name."""
        return self.file.partition("/")[0].removesuffix(".py")

    @property
    def halves(self) -> tuple[str, str] | None:
        """The text cut at the first space of its second half; None: it has none, or
        fewer than 80 characters."""
        cut = self.text.find(" ", len(self.text) // 2)
        if len(self.text) < _LONG or cut < 0:
            return None
        return self.text[:cut].rstrip(), self.text[cut:].lstrip()


@functools.cache
def docstrings() -> tuple[Docstring, ...]:
    """The library's docstrings of 30 characters or more that stand in one file alone,
    in ASCII; sorted, so that they do not depend on the order of a disk.

    Raises:
      UserError: this Python has no library sources.
    """
    files: dict[str, set[str]] = {}
    for file, found in text._docstrings():
        files.setdefault(found.strip("\r\n"), set()).add(file)
    alone = sorted(
        Docstring(min(owners), found)
        for found, owners in files.items()
        if len(owners) == 1 and len(found) >= _LEAST and found.isascii()
    )
    kept = tuple(d for d in alone if d.package not in _NOT_EVERYWHERE)
    if not kept:
        raise UserError(
            "this Python carries no library sources to make tasks from; give a task "
            "of files, such as 'table'"
        )
    return kept


def in_halves() -> tuple[Docstring, ...]:
    """The docstrings that have halves, neither of which is another's too."""
    halves = Counter(half for d in docstrings() for half in d.halves or ())
    return tuple(
        d for d in docstrings() if d.halves and max(map(halves.get, d.halves)) == 1
    )


def by_module(
    pool: Iterable[Docstring], seed: int = 0
) -> dict[str, dict[str, list[Docstring]]]:
    """{split: {file: docstrings}} of files with two docstrings or more, of which none
    has more than 500 characters. Seven of ten files train, one validates, two test.

    A file gives 8 docstrings at most: a large one would be most of a split, and the
    text to pre-train on loses those that are held out.
    """
    by_file: dict[str, list[Docstring]] = {}
    for docstring in pool:
        if len(docstring.text) <= _MOST:
            by_file.setdefault(docstring.file, []).append(docstring)
    rng = random.Random(f"{seed} files")
    names = [name for name in sorted(by_file) if len(by_file[name]) > 1]
    rng.shuffle(names)
    dealt = [split for split in SPLITS for _ in range(_SHARES[split])]
    splits: dict[str, dict[str, list[Docstring]]] = {split: {} for split in SPLITS}
    for i, name in enumerate(names):
        size = min(len(by_file[name]), _OF_A_FILE)
        splits[dealt[i % len(dealt)]][name] = rng.sample(by_file[name], size)
    return splits


def held_out(tasks: Iterable[Task]) -> frozenset[str]:
    """The docstrings that stand in validation and test examples, whole or by half."""
    texts = {
        text
        for task in tasks
        for split in ("valid", "test")
        for example in task.of(split)
        for text in example.texts
    }
    return frozenset(
        d.text
        for d in docstrings()
        if not texts.isdisjoint((d.text, *(d.halves or ())))
    )


def without(data: bytes, texts: Iterable[str]) -> bytes:
    """Embedded text to pre-train on, without these texts. A text is taken out where it
    is whole paragraphs, and stays where it is a part of one. The longest goes first:
    a shorter one may be a paragraph of it, so that the order of `texts` would count."""
    data = b"\n\n" + data
    for found in sorted(texts, key=lambda text: (-len(text), text)):
        data = data.replace(b"\n\n" + found.encode() + b"\n\n", b"\n\n")
    return data[2:]
