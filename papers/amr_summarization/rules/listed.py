"""Lists of words that are written in running text."""

from typing import Any


def words(text: str) -> frozenset[str]:
    """The words between white space."""
    return frozenset(text.split())


def numbered(text: str, start: int = 0) -> dict[str, int]:
    """{word: its place}, counted from `start`."""
    return {word: number for number, word in enumerate(text.split(), start=start)}


def each(text: str, value: Any) -> dict[str, Any]:
    """{word: value} of all words."""
    return dict.fromkeys(text.split(), value)
