"""The results of an item that a run's report has."""

import dataclasses
import fnmatch
from collections.abc import Iterator, Mapping
from pathlib import Path

from common.contract import UserError
from common.lecture import Item
from launch.reports.report import read_results
from launch.reports.results import Result
from launch.workdir import VARIANT, remembered


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """A workdir's report.

    variant: of the paper. command: what made the report.
    """

    variant: str
    folder: Path
    command: str
    results: Mapping[str, Result]


def evaluated(workdir: Path, paper: str) -> list[Evaluated]:
    """The reports of a paper: that of `workdir`, or those of `workdir/<paper>/*`. What
    has no report is passed over. UserError: `workdir` is another paper's."""
    if not (workdir / VARIANT).exists():
        folders = {folder.name: folder for folder in (workdir / paper).glob("*")}
    else:
        owner, variant, _ = remembered(workdir)
        if owner != paper:
            raise UserError(f"{workdir} is a workdir of {owner}, not of {paper}")
        folders = {variant: workdir}
    return [
        _read(variant, folder / "report")
        for variant, folder in sorted(folders.items())
        if (folder / "report" / "results.json").exists()
    ]


def _read(variant: str, folder: Path) -> Evaluated:
    facts, results = read_results(folder)
    return Evaluated(variant, folder, facts.get("command", ""), results)


def results_of(item: Item, reports: list[Evaluated]) -> tuple[Evaluated, list[Result]]:
    """The item's results and whose they are: of the variant that it names where that
    has been evaluated, else of another one. (None, []): no report has any."""
    nearest_first = sorted(reports, key=lambda one: one.variant != item.config)
    for one in nearest_first:
        if found := [r for title in item.results for r in _named(title, one.results)]:
            return one, found
    return None, []


def _named(title: str, results: Mapping[str, Result]) -> Iterator[Result]:
    """The results that a title names, in which * stands for any letters."""
    for name, result in results.items():
        if fnmatch.fnmatchcase(name, title):
            yield result
