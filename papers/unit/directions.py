"""The two domains, a and b, and the directions between them."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

DOMAINS = ("a", "b")
Value = TypeVar("Value")


class Direction(NamedTuple):
    """From images of one domain to images of the other, or of the same one.

    Its text is such as "a2b": in configs, in metrics and as a key of `State.frames`.
    """

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source}2{self.target}"

    @classmethod
    def parse(cls, text: str) -> "Direction":
        source, target = text.split("2")
        return cls(source, target)

    @property
    def back(self) -> "Direction":
        return Direction(self.target, self.source)


DIRECTIONS = (Direction("a", "b"), Direction("b", "a"))


def by_domain(pair: Sequence[Value]) -> dict[str, Value]:
    """(a's, b's) -> {"a": a's, "b": b's}."""
    return dict(zip(DOMAINS, pair, strict=True))
