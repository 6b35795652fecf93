"""What `evaluate` yields becomes a report: results.json, Markdown, PNG, one HTML page.

The page is a single file that opens from disk and asks nothing of the network.
"""

import dataclasses
import io
import itertools
import json
import numbers
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common.cells import format_cell
from common.contract import BeforeAfter, Table, UserError
from launch.reports.origin import links_of
from launch.reports.page import page
from launch.reports.results import SUMMARY, Result, inline, show
from launch.reports.training import Curves
from launch.workdir import write_whole


class Report:
    """Results of one evaluation, shown as they come and written at the end.

    facts: where the results come from: command, versions, devices, date.
    """

    def __init__(self, folder: Path, *, title: str, facts: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._title = title
        self._facts = dict(facts)
        self._results: dict[str, Result] = {}  # by slug, which names PNGs and anchors

    @property
    def results(self) -> list[Result]:
        return [*self._results.values()]

    def add(self, name: str, value: Any, source: str = "") -> Result:
        """Keeps and prints a number, Table, str, matplotlib Figure, Curves, uint8 image
        `[H, W]` or `[H, W, 3]`, BeforeAfter, or the Path of a file. ValueError: the
        name was used before.

        source: the line of a paper that it comes from.

        Returns it as the report has it, pictures as their files' names.
        """
        if any(result.name == name for result in self._results.values()):
            raise ValueError(f"two results of one report are called {name!r}")
        slug = _unused(_slug(name), self._results)
        value = _plain(value)
        if isinstance(value, Table):
            result = Result(name, "table", _plain_table(name, value))
        elif isinstance(value, str):
            result = Result(name, "text", value)
        elif isinstance(value, Path):
            result = Result(name, "file", str(value))
        elif isinstance(value, numbers.Real):
            result = Result(name, "number", value)
        elif isinstance(value, BeforeAfter):
            result = Result(name, "pair", self._pair(slug, name, value))
        elif isinstance(value, Curves):
            result = self._curves(slug, name, value)
        else:
            result = Result(name, "figure", self._picture(slug, name, value))
        self._results[slug] = dataclasses.replace(result, source=source)
        _show(result, self._folder)
        return result

    def _picture(self, slug: str, name: str, value: Any) -> str:
        """Its file, written."""
        write_whole(self._folder / f"{slug}.png", _png(name, value))
        return f"{slug}.png"

    def _pair(self, slug: str, name: str, pair: BeforeAfter) -> dict[str, str]:
        from common.pixels import as_picture, squeeze_grey  # which import JAX

        pixels = [squeeze_grey(as_picture(picture)) for picture in pair[:2]]
        before, after = (picture.shape for picture in pixels)
        if before != after or len({*pair.names}) < 2:
            raise ValueError(
                f"{name!r} lays {before} over {after}, called {pair.names}: both need "
                "one size, and names of their own"
            )
        pictures = zip(("before", "after"), pair.names, pixels, strict=True)
        return {
            own: self._picture(f"{slug}.{place}", name, value)
            for place, own, value in pictures
        }

    def _curves(self, slug: str, name: str, curves: Curves) -> Result:
        file = f"{slug}.curves.json"
        write_whole(self._folder / file, json.dumps(curves.content()))
        figure = self._picture(slug, name, curves.figure())
        return Result(name, "figure", figure, curves=file)

    def write(self, **more: str) -> None:
        """Writes results.json, report.md and index.html; the PNGs are there already.

        more: facts that are known only now.
        """
        self._facts |= more
        self._results = dict(sorted(self._results.items(), key=_place))
        results = [result.to_json() for result in self._results.values()]
        content = {"title": self._title, "facts": self._facts, "results": results}
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        write_whole(self._folder / "results.json", text)
        write_whole(self._folder / "report.md", self._markdown())
        write_page(self._folder, self._title, self._results, self._facts)

    def _markdown(self) -> str:
        parts = [f"# {inline(self._title)}"]
        for result in self._results.values():
            parts += [f"## {inline(result.name)}", result.to_markdown()]
        facts = [f"- {inline(k)}: {inline(v)}" for k, v in self._facts.items()]
        return "\n\n".join([*parts, "---", "\n".join(facts)]) + "\n"


def write_page(
    folder: Path,
    title: str,
    results: Mapping[str, Result],
    facts: Mapping[str, str],
    *,
    progress: str = "",
    reloads: bool = False,
) -> None:
    """index.html in `folder`, of results by slug. progress, reloads: as of `page`."""
    links = links_of(folder)
    more = {"links": links, "progress": progress, "reloads": reloads}
    html = page(title, results, facts, folder, **more)
    write_whole(folder / "index.html", html)


def read_results(folder: Path) -> tuple[dict[str, str], dict[str, Result]]:
    """Facts and `{name: Result}` of the report written to `folder`. UserError: it is
    missing, or damaged."""
    _, facts, results = read_report(folder)
    return facts, {result.name: result for result in results.values()}


def read_report(folder: Path) -> tuple[str, dict[str, str], dict[str, Result]]:
    """Title, facts and `{slug: Result}` of the report; UserError as `read_results`."""
    path = folder / "results.json"
    try:
        content = json.loads(path.read_bytes())
        results: dict[str, Result] = {}
        for entry in content["results"]:
            result = Result.from_json(entry)
            results[_unused(_slug(result.name), results)] = result
        return content["title"], dict(content["facts"]), results
    except FileNotFoundError:
        raise UserError(f"{path} is missing: evaluate first") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read ({why}): evaluate again") from error


def _unused(slug: str, results: Mapping[str, Result]) -> str:
    """The slug, numbered where another name has it: "IMG 1" beside "IMG_1"."""
    numbered = (f"{slug}-{i}" for i in itertools.count(2))
    return next(s for s in itertools.chain([slug], numbered) if s not in results)


def _place(named: tuple[str, Result]) -> bool:
    """A sort key: the summary stands first, all else in its order."""
    return named[1].name != SUMMARY


def _plain(value: Any) -> Any:
    """numpy and JAX scalars as Python's own, which JSON knows."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _plain_table(name: str, table: Table) -> Table:
    for row in table.rows:
        if len(row) != len(table.columns):
            raise ValueError(
                f"table {name!r}: {len(row)} cells in a row of "
                f"{len(table.columns)} columns: {row}"
            )
    rows = [[_plain(cell) for cell in row] for row in table.rows]
    return Table(list(table.columns), rows, table.note)


def _png(name: str, value: Any) -> bytes:
    """PNG bytes of a matplotlib Figure (told by its method) or a uint8 image."""
    if hasattr(value, "savefig"):
        from common import figures

        return figures.png(value)
    value = np.asarray(value) if hasattr(value, "dtype") else value
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8:
        raise TypeError(f"a report cannot show {name!r}, a {type(value).__name__}")
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(value).save(buffer, "png")
    return buffer.getvalue()


def _show(result: Result, folder: Path) -> None:
    """Prints one result as soon as it is there."""
    match result.kind:
        case "number":
            print(f"{result.name}: {format_cell(result.value)}", flush=True)
        case "figure":
            print(f"{result.name}: {folder / result.value}", flush=True)
        case "pair":
            files = ", ".join(str(folder / file) for file in result.value.values())
            print(f"{result.name}: {files}", flush=True)
        case "file":
            print(f"{result.name}: {result.value}", flush=True)
        case "table":
            show(result.name, result.value)
        case "text":
            print(f"\n{result.name}\n\n{result.value}\n", flush=True)


def _slug(name: str) -> str:
    return re.sub(r"[\W_]+", "-", name.lower()).strip("-") or "result"
