"""Four tasks made from embedded text, one for each form."""

import random
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from common.contract import UserError
from common.data import text
from common.data.split_names import SPLITS
from papers.gpt.tasks.embedded import Docstring, by_module, docstrings, in_halves
from papers.gpt.tasks.forms import Encode
from papers.gpt.tasks.task import TOP_SCORE, Example, Task, assemble

PACKAGES = (
    "asyncio",
    "email",
    "http",
    "importlib",
    "logging",
    "multiprocessing",
    "unittest",
    "xml",
)
_OF_A_PACKAGE = {"test": 50, "valid": 15}
_PAIRS = {"train": 1200, "valid": 150, "test": 400}
_WINDOWS = {"train": 1200, "valid": 200, "test": 500}
_CONTEXT, _ENDING = 28, 14  # tokens at most
# How near the docstrings of a pair are, as a score.
_GRADES = {"itself": 5.0, "module": 2.5, "apart": 0.0}


def topics(per_class: int = 60, seed: int = 0) -> Task:
    """Classification: the package of the library that a docstring stands in, of eight.
    Training has `per_class` docstrings of each, validation 15, test 50."""
    examples, notes = [], []
    for label, package in enumerate(PACKAGES):
        found = [d.text for d in docstrings() if d.package == package]
        random.Random(f"{seed} {package}").shuffle(found)
        sizes = {**_OF_A_PACKAGE, "train": per_class}
        if len(found) < sum(sizes.values()):
            notes.append(f"{package} has {len(found)} docstrings, fewer than wanted")
        for split, size in sizes.items():
            examples += [Example((t,), label, split) for t in found[:size]]
            found = found[size:]
    return assemble(
        "topics", "classification", PACKAGES, ("accuracy",), examples, notes=notes
    )


def same_module(seed: int = 0) -> Task:
    """Entailment's form: whether two docstrings come from one module. Splits share no
    module."""
    names = ("same", "different")
    label_of = {"module": 0, "apart": 1}
    examples = [
        Example((first.text, second.text), label_of[kind], split)
        for split, kind, first, second in _pairs(docstrings(), (*label_of,), seed)
    ]
    return assemble("same-module", "entailment", names, ("accuracy",), examples)


def relatedness(seed: int = 0) -> Task:
    """Similarity, scored: how near the docstrings of two texts stand in the library.

    The texts are the first half of one and the second half of another: the same
    docstring has 5, one of the same module 2.5, one of another package 0. Made, not
    rated by people. Splits share no module.
    """
    examples = [
        Example((first.halves[0], second.halves[1]), _GRADES[kind], split)
        for split, kind, first, second in _pairs(in_halves(), (*_GRADES,), seed)
    ]
    names = tuple(map(str, range(TOP_SCORE + 1)))
    metrics = ("pearson", "spearman")
    return assemble("relatedness", "similarity", names, metrics, examples, scored=True)


def _pairs(
    candidates: Sequence[Docstring], kinds: Sequence[str], seed: int
) -> Iterator[tuple[str, str, Docstring, Docstring]]:
    """(split, kind, first, second), the kinds in turn and no pair twice. Every
    docstring has a partner of every kind, so that one text by itself tells nothing of
    the pair."""
    for split, files in by_module(candidates, seed).items():
        rng = random.Random(f"{seed} {split} {kinds}")
        pool = [docstring for found in files.values() for docstring in found]
        if len({docstring.package for docstring in pool}) < 2:
            raise UserError(
                "this Python's library has too few docstrings to pair; give a task of "
                "files, such as 'table'"
            )
        seen = set()
        for _ in range(20 * _PAIRS[split]):
            kind = kinds[len(seen) % len(kinds)]
            first = rng.choice(pool)
            second = _partner(first, kind, files[first.file], pool, rng)
            if second and (first, second) not in seen:
                seen.add((first, second))
                yield split, kind, first, second
            if len(seen) == _PAIRS[split]:
                break


def _partner(
    first: Docstring,
    kind: str,
    module: Sequence[Docstring],
    pool: Sequence[Docstring],
    rng: random.Random,
) -> Docstring | None:
    """A docstring at random; None: it is not of that kind."""
    if kind == "itself":
        return first
    second = rng.choice(module if kind == "module" else pool)
    if kind == "module":
        return second if second != first else None
    return second if second.package != first.package else None


class _Window(NamedTuple):
    context: str
    ending: str


def endings(encode: Encode, seed: int = 0) -> Task:
    """Choice: which of two endings follows a context, a Story Cloze without stories.

    Contexts have 28 tokens and endings 14, less what would cut a word. The wrong ending
    is that of another window of the same text. Each split reads its own split of the
    embedded text.
    """
    examples, notes = [], []
    for split in SPLITS:
        rng = random.Random(f"{seed} {split} endings")
        whole = text.embedded()[split].decode()
        windows = [*_windows(whole, _WINDOWS[split], encode)]
        if len(windows) < _WINDOWS[split]:
            notes.append(f"the {split} text has {len(windows)} windows")
        for own, other in zip(windows, _apart(windows, rng), strict=True):
            label = rng.randrange(2)
            answers = (other, own.ending) if label else (own.ending, other)
            examples.append(Example((own.context, *answers), label, split))
    return assemble("endings", "choice", (), ("accuracy",), examples, notes=notes)


def _windows(whole: str, count: int, encode: Encode) -> Iterator[_Window]:
    """Stretches of a text that do not overlap, `count` at most, evenly spread."""
    words = re.findall(r"\S+\s*", whole)
    at = 0
    for i in range(count):
        start = max(at, i * len(words) // count)
        end = start
        while start == end < len(words):  # the next word may be too long for a part
            middle = _reach(words, start, _CONTEXT, encode)
            end = _reach(words, middle, _ENDING, encode)
            if not start < middle < end:
                start = end = start + 1
        if end >= len(words):
            return
        parts = words[start:middle], words[middle:end]
        yield _Window(*("".join(part).strip() for part in parts))
        at = end


def _reach(words: Sequence[str], start: int, tokens: int, encode: Encode) -> int:
    """The end of the words from `start` that have that many tokens at most."""
    at = start
    while at < len(words) and tokens >= (size := len(encode(words[at]))):
        tokens -= size
        at += 1
    return at


def _apart(windows: Sequence[_Window], rng: random.Random) -> list[str]:
    """For each window another one's ending; each ending is wrong once."""
    if len(windows) < 4:
        raise UserError(f"a text of {len(windows)} windows is too short for endings")
    shift = rng.randrange(1, len(windows) - 1)
    return [windows[(i + shift) % len(windows)].ending for i in range(len(windows))]
