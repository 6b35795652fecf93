"""Sentences of words in running text, each word with its place in the text."""

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from common.text import english

# Dashes between words stand alone: no rule of `english` cuts at them.
_CHUNK = re.compile(r"—|--+|(?:(?!--)[^\s—])+")
_APOSTROPHE = re.compile(r"(?<=\w)’(?=\w)")  # noqa: RUF001
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")
_ENDS = frozenset((".", "!", "?", "...", "…", "!!", "??"))
_CLOSING = frozenset("\"'”’»)]}") | {"''"}  # noqa: RUF001
_OPENING = frozenset("\"'“‘«([{") | {"``"}  # noqa: RUF001
# A full stop that belongs to the word, which may end a sentence all the same.
_SHORT_ENDS = frozenset(("Inc.", "Corp.", "Co.", "Ltd.", "Jr.", "a.m.", "p.m.", "etc."))


class Word(NamedTuple):
    """A word and where it stands: characters (code points) [start, end) of the text.
    An apostrophe within a word is ', whichever the text has."""

    text: str
    start: int
    end: int


def split(text: str) -> list[list[Word]]:
    """The sentences of a text, each a list of words that spell it without white space.

    A sentence ends after . ! or ? and the quotation marks and brackets that close
    behind it, where the next word does not go on in small letters; and at an empty
    line. Words are those of `common.text.english`.
    """
    found: list[list[Word]] = []
    start = 0
    for gap in [*_PARAGRAPH.finditer(text), None]:
        end = gap.start() if gap else len(text)
        found += _sentences(list(words(text[start:end], start)))
        start = gap.end() if gap else end
    return found


def words(text: str, offset: int = 0) -> Iterator[Word]:
    """Yields the words of a text; `offset` is added to their places."""
    for chunk in _CHUNK.finditer(text):
        at = chunk.start() + offset
        for piece in _pieces(chunk[0]):
            yield Word(piece, at, at + len(piece))
            at += len(piece)


@functools.lru_cache(2**16)
def _pieces(chunk: str) -> tuple[str, ...]:
    return tuple(english.chunk_words(_APOSTROPHE.sub("'", chunk)))


def _sentences(rest: list[Word]) -> list[list[Word]]:
    found = []
    start = 0
    for i, word in enumerate(rest):
        after = i + 1
        if word.text in _ENDS or word.text in _SHORT_ENDS:
            while after < len(rest) and _closes(rest, after):
                after += 1
            if after < len(rest) and after > start and _begins(rest, after, word):
                found.append(rest[start:after])
                start = after
    return [*found, rest[start:]] if rest[start:] else found


def _closes(rest: list[Word], i: int) -> bool:
    """Whether a quotation mark or bracket closes: it touches the word before it."""
    return rest[i].text in _CLOSING and rest[i].start == rest[i - 1].end


def _begins(rest: list[Word], i: int, stop: Word) -> bool:
    """Whether a sentence may begin at word i, after a space and the word `stop`."""
    if rest[i].start == rest[i - 1].end:
        return False
    opened = rest[i].text in _OPENING and i + 1 < len(rest)
    first = rest[i + 1 if opened else i].text
    if stop.text in _SHORT_ENDS:
        return first[0].isupper() and first in _STARTERS
    return not first[0].islower()


# Words that rarely stand behind an abbreviation within a sentence with a capital.
_STARTERS = frozenset(
    ("The", "A", "An", "In", "On", "At", "It", "He", "She", "They", "We", "I")
) | {"This", "That", "These", "Those", "But", "And", "However"}
