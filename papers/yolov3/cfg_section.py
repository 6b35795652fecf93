"""One section of a cfg's text, and its values with their lines."""

from collections.abc import Callable
from typing import NamedTuple

from common.contract import UserError


class Section(NamedTuple):
    """A section, with {key: (line number, value)}."""

    name: str
    line: int
    options: dict[str, tuple[int, str]]
    source: str  # the file's name, for errors

    def error(self, key: str, why: str) -> UserError:
        line, value = self.options.get(key, (self.line, None))
        shown = key if value is None else f"{key}={value}"
        return UserError(f"{self.source}, line {line}: [{self.name}] {shown}: {why}")

    def text(self, key: str, default: str = "") -> str:
        return self.options.get(key, (0, default))[1]

    def _number(self, kind: Callable, words: str, key: str, text: str, least: float):
        try:
            value = kind(text)
        except ValueError:
            raise self.error(key, f"give {words}") from None
        if not least <= value < float("inf"):
            raise self.error(key, f"give {words}, at least {least:g}")
        return value

    def whole(self, key: str, default: int | None, least: float = 0) -> int:
        """A whole number; default None: the key must be there."""
        if default is None and key not in self.options:
            raise self.error(key, "is missing")
        if key not in self.options:
            return default
        return self._number(int, "a whole number", key, self.text(key), least)

    def real(self, key: str, default: float, least: float = 0.0) -> float:
        if key not in self.options:
            return default
        return self._number(float, "a number", key, self.text(key), least)

    def wholes(self, key: str, least: float = 0) -> tuple[int, ...]:
        return self._several(int, "whole numbers and commas", key, least)

    def reals(self, key: str, least: float = 0.0) -> tuple[float, ...]:
        return self._several(float, "numbers and commas", key, least)

    def _several(self, kind: Callable, words: str, key: str, least: float) -> tuple:
        if key not in self.options:
            return ()
        items = self.text(key).split(",")
        return tuple(self._number(kind, words, key, item, least) for item in items)
