"""Sentences with their trees, and the parsers that make them."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from common.contract import UserError
from common.files import storage

ROOT = -1  # the head of a sentence's root


@dataclass(frozen=True)
class Parsed:
    """A sentence, a dependency tree over its words, and what is known of each word.

    heads: the index of each word's head; `ROOT` for the one root.
    arcs: the relation of each word to its head, by UD's names; "" where unknown.
    tags: Penn Treebank's; "" where unknown.
    spans: (start, end) of each word in the text it is from, in code points.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    heads: tuple[int, ...]
    arcs: tuple[str, ...]
    spans: tuple[tuple[int, int], ...] | None = None
    lemmas: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.lemmas:
            object.__setattr__(self, "lemmas", ("",) * len(self.words))

    def __len__(self) -> int:
        return len(self.words)


Parser = Callable[[Sequence[str]], Parsed]


def check(parsed: Parsed, where: str = "a sentence") -> Parsed:
    """The same sentence. UserError, beginning with `where`: an empty word, columns of
    other lengths, a head outside the sentence, no root or several, or words in a
    circle."""
    count = len(parsed.words)
    if not count:
        raise UserError(f"{where} has no words")
    empty = [i + 1 for i, word in enumerate(parsed.words) if not word.strip()]
    if empty:
        raise UserError(f"{where}: word {empty[0]} is empty")
    for name in ("tags", "heads", "arcs", "lemmas"):
        found = len(vars(parsed)[name])
        if found != count:
            raise UserError(f"{where} has {count} words and {found} {name}")
    if parsed.spans is not None and len(parsed.spans) != count:
        raise UserError(f"{where} has {count} words and {len(parsed.spans)} spans")
    for i, head in enumerate(parsed.heads):
        if not ROOT <= head < count:
            raise UserError(
                f"{where}: the head of word {i + 1}, {parsed.words[i]!r}, is word "
                f"{head + 1} of {count}"
            )
    roots = [i + 1 for i, head in enumerate(parsed.heads) if head == ROOT]
    if len(roots) != 1:
        said = f"roots at words {roots}" if roots else "no root"
        raise UserError(f"{where} has {said}: one word has the head 0")
    _refuse_circle(parsed, where)
    return parsed


def _refuse_circle(parsed: Parsed, where: str) -> None:
    safe = [False] * len(parsed.heads)
    for i in range(len(parsed.heads)):
        path: list[int] = []
        at = i
        while at != ROOT and not safe[at] and at not in path:
            path.append(at)
            at = parsed.heads[at]
        if at in path:
            circle = " -> ".join(parsed.words[j] for j in path[path.index(at) :])
            raise UserError(f"{where}: heads go in a circle, {circle}")
        for j in path:
            safe[j] = True


def ancestors(heads: Sequence[int], word: int) -> list[int]:
    """The word, its head, the head of that, up to the root."""
    found = [word]
    while heads[found[-1]] != ROOT:
        found.append(heads[found[-1]])
    return found


def depths(heads: Sequence[int]) -> list[int]:
    """How many words are above each word; in time that grows as the words do."""
    found: dict[int, int] = {}
    for word in range(len(heads)):
        path = []
        at = word
        while at != ROOT and at not in found:
            path.append(at)
            at = heads[at]
        depth = found.get(at, -1)
        for above, i in enumerate(reversed(path), start=1):
            found[i] = depth + above
    return [found[word] for word in range(len(heads))]


def sides(heads: Sequence[int], first: int, last: int) -> tuple[list[int], list[int]]:
    """The path between two words, without the top where its sides meet: the words up
    from each."""
    left, right = ancestors(heads, first), ancestors(heads, last)
    top = next(word for word in left if word in right)
    return left[: left.index(top)], right[: right.index(top)]


def one_root(heads: Sequence[int]) -> tuple[int, ...]:
    """Heads with one root: other roots hang on the first."""
    roots = [i for i, head in enumerate(heads) if head == ROOT]
    return tuple(roots[0] if i in roots[1:] else h for i, h in enumerate(heads))


PARSERS = ("best", "chunks", "spacy")


def parser(name: str = "best") -> Parser:
    """The parser of that name.

    "chunks": rules over tags, which always work; "spacy": spaCy with a model, if both
    are installed; "best": spaCy where it is, else the rules; a folder: the parser that
    was trained there. UserError: spaCy or its model is missing, or there is no such
    name.
    """
    check_name(name)
    match chosen(name):
        case "chunks":
            from common.text import chunk_parser

            return chunk_parser.parse
        case "spacy":
            from common.text import spacy_parser

            return spacy_parser.parse
        case _:
            from common.text import trained_parser

            return trained_parser.load(name)


def check_name(name: str, field: str = "parser") -> None:
    """UserError, which names the field: there is no parser of that name."""
    if name in PARSERS:
        return
    if not name or not storage.path(name).is_dir():
        raise UserError(
            f"{field}={name!r}: choose one of {', '.join(PARSERS)}, or name the folder "
            "of a parser that python -m launch.parser has trained"
        )


def chosen(name: str = "best") -> str:
    """Which parser `parser(name)` is: "chunks", "spacy" or "trained"."""
    if name in ("chunks", "spacy"):
        return name
    if name == "best":
        return "spacy" if _has_spacy() else "chunks"
    return "trained"


def said(name: str = "best") -> str:
    """Who makes the trees of `parser(name)`, for a reader."""
    by = {
        "chunks": "the rules over tags",
        "spacy": "spaCy",
        "trained": f"the parser of {name}",
    }
    return f"trees by {by[chosen(name)]}"


def _has_spacy() -> bool:
    if importlib.util.find_spec("spacy") is None:
        return False
    from common.text import spacy_parser

    return spacy_parser.model() is not None
