"""Draws the items of lectures, and writes their pages:

workdir/figures/<paper>/*.png, index.html    an item after another
workdir/figures/index.html                   all papers: item, source, picture
"""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from absl import flags

from common.contract import Paper, UserError
from common.files import storage
from common.lecture import Item
from launch import catalogue, options
from launch.lectures import page
from launch.lectures.reports import Evaluated, evaluated, results_of
from launch.lectures.shown import Shown, Value
from launch.lectures.sources import find, source
from launch.reports.report import Report, read_results
from launch.workdir import write_whole

FOLDER = "figures"


def command(values: flags.FlagValues, changes: Sequence[str]) -> None:
    """Writes the pages of --paper, or of all papers, below --workdir. UserError: flags
    that change a config, which no page would show."""
    if changes or values["config"].present:
        raise UserError("--mode=figures shows every variant that it needs: no --config")
    asked = values.paper or options.ALL
    names = catalogue.names() if asked == options.ALL else [asked]
    figures(names, storage.path(values.workdir or "workdir"))


def figures(names: Sequence[str], workdir: Path) -> None:
    """Writes the pages of these papers into `workdir/figures`, with what their reports
    below `workdir` show. UserError: a paper names nothing for a lecture."""
    out = workdir / FOLDER
    shown = {}
    for name in names:
        paper = catalogue.load(name)
        if not paper.LECTURE:
            raise UserError(f"papers/{name} lists no LECTURE: see common.lecture")
        shown[name] = draw(paper, name, out / name, evaluated(workdir, name))
        print(f"{name}: {out / name / 'index.html'}", flush=True)
    if len(names) > 1:
        write_whole(out / "index.html", page.overview(shown))
        print(f"all: {out / 'index.html'}", flush=True)


def draw(
    paper: Paper, name: str, folder: Path, reports: Sequence[Evaluated]
) -> list[Shown]:
    """Writes a paper's page and pictures into `folder`; returns what they show."""
    title = paper.__doc__.strip().splitlines()[0]
    report = Report(folder, title=title, facts={})
    for item in paper.LECTURE:
        if item.drawn:
            report.add(item.name, find(item.drawn, paper.__name__)())
    report.write()
    _, drawn = read_results(folder)
    shown = []
    for item in paper.LECTURE:
        own = [Value(drawn[item.name])] if item.drawn else []
        own += _reported(item, reports, folder)
        names = [*item.code, *([item.drawn] if item.drawn else [])]
        sources = [source(n, paper.__name__) for n in names]
        shown.append(Shown(item, sources, own, _command(name, item)))
    write_whole(folder / "index.html", page.page(title, shown, folder))
    return shown


def _reported(
    item: Item, reports: Sequence[Evaluated], folder: Path
) -> Iterator[Value]:
    """The results that a report has, its pictures copied to `folder`."""
    one, results = results_of(item, reports)
    for result in results:
        copies = {}
        for picture, file in page.pictures(result).items():
            copies[picture] = f"{one.variant}-{file}"
            write_whole(folder / copies[picture], _picture(one.folder / file))
        if result.kind == "figure":
            result = dataclasses.replace(result, value=copies[result.name])
        elif result.kind == "pair":
            result = dataclasses.replace(result, value=copies)
        yield Value(result, one.command, one.variant)


def _picture(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}: evaluate again") from error


def _command(paper: str, item: Item) -> str:
    """What makes the item where no report shows it."""
    start = f"python launch/main.py --paper={paper}"
    if item.command:
        return f"{start} {item.command}"
    if not item.results:
        return ""
    return start + (f" --config={item.config}" if item.config != "default" else "")
