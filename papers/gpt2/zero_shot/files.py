"""The files of a data set under a root, and their items, of which some are broken."""

import fnmatch
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from common.contract import UserError
from common.files import storage, texts

Item = TypeVar("Item")


class Broken(ValueError):
    """An item of a file does not have the set's form: the reason, in a few words."""


class Found(NamedTuple, Generic[Item]):
    """skipped: a line for each item that was left out, with its place and why."""

    items: tuple[Item, ...]
    skipped: tuple[str, ...] = ()


def find(root: str | Path, patterns: Sequence[str], what: str) -> Path:
    """The file that fits the first of `patterns` that any file fits, gzipped or not, in
    a folder or those below it. "a/b" fits a file b in a folder a. A root that is a file
    is taken as it is.

    UserError: no such root, no such file, or several.
    """
    accepted = " or ".join(patterns)
    if not str(root):
        raise UserError(f"no folder given for {what}; accepted: {accepted}")
    path = storage.path(root)
    if path.is_file():
        return path
    if not path.exists():
        raise UserError(f"{str(path)!r} does not exist; {what} is {accepted}")
    there = storage.files_below(path)
    for pattern in patterns:
        fitting = [each for each in there if fits(each, pattern)]
        if len(fitting) > 1:
            pair = " and ".join(str(each.relative_to(path)) for each in fitting[:2])
            raise UserError(
                f"{str(path)!r} has several {pattern}, {pair}: give a folder with one"
            )
        if fitting:
            return fitting[0]
    raise UserError(f"no {what} in {str(path)!r}; accepted: {accepted}")


def fits(path: Path, pattern: str) -> bool:
    """Whether the end of a path is as a pattern says, in capitals or not."""
    depth = pattern.count("/") + 1
    end = "/".join(path.absolute().parts[-depth:])
    return fnmatch.fnmatch(end.lower().removesuffix(".gz"), pattern.lower())


def read_lines(path: Path) -> list[tuple[str, str]]:
    """(place, line) of a text file, without line ends and blank lines. Only a newline
    ends a line: JSON and old texts have other separators inside."""
    lines = text(path).split("\n")
    return [
        (f"{path.name}, line {number}", line.rstrip("\r"))
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def text(path: Path) -> str:
    """A text file. UserError: it is not UTF-8, or empty."""
    found = texts.read(path).decode()
    if not found.strip():
        raise UserError(f"{str(path)!r} is empty; fetch it again")
    return found


def json_object(line: str) -> dict[str, Any]:
    """A line of JSON. Broken: it is no object."""
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        raise Broken(f"no JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise Broken("no JSON: too deep") from None
    if not isinstance(found, dict):
        raise Broken("no JSON object")
    return found


def field(found: dict[str, Any], name: str, kind: type) -> Any:
    """found[name]. Broken: it is missing, empty or of another kind."""
    value = found.get(name)
    if type(value) is not kind:
        raise Broken(f"no {name!r} of type {kind.__name__}")
    if kind in (str, list) and not value:
        raise Broken(f"{name!r} is empty")
    return value


def gather(
    path: Path,
    parts: Iterable[tuple[str, Any]],
    parse: Callable[[Any], Item],
    form: str,
) -> Found[Item]:
    """The items of (place, part) pairs, without those for which `parse` raises Broken.

    UserError: the first part is broken, so that the file is of another form; or there
    is no part.
    """
    items: list[Item] = []
    skipped: list[str] = []
    for place, part in parts:
        try:
            items.append(parse(part))
        except Broken as error:
            skipped.append(f"{place}: {error}")
            if not items:
                raise UserError(f"{place}: {error}; its form is {form}") from None
    if not items:
        raise UserError(f"no items in {str(path)!r}; its form is {form}")
    return Found(tuple(items), tuple(skipped))
