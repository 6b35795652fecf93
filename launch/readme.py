"""Writes measured results into a README, so that no number is copied by hand.

    python -m launch.readme papers/unit/README.md --workdir=/tmp/unit

replaces what stands between `<!-- results: NAME -->` and `<!-- end -->` by the result
of that name in the workdir's report, and by the command that made it. With several
--workdir, tables of one name are joined.
"""

import argparse
import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.contract import Table, UserError
from common.files import storage
from launch.reports.origin import LEADS
from launch.reports.report import read_results
from launch.reports.results import Result, code, inline

ReportData = tuple[Mapping[str, str], Mapping[str, Result]]  # facts and results

BLOCK = re.compile(
    r"^<!-- results: (?P<name>.+?) -->\n(?P<body>.*?)^<!-- end -->$", re.M | re.S
)
OPENING = re.compile(r"^<!-- results: (.+?) -->$", re.M)
MARK = re.compile(r"^(?=<!-- (?:results: .+?|end) -->$)", re.M)


def main(argv: Sequence[str]) -> int:
    """Returns the exit code: 0 done, 1 `--check` found old results, 2 a mistake.

    Writes every README or, after a mistake, none.
    """
    arguments = _parser().parse_args(argv)
    try:
        folders = [storage.path(workdir) / "report" for workdir in arguments.workdir]
        reports = [read_results(folder) for folder in folders]
        old = {path: _text(path) for path in arguments.readmes}
        new = {path: rewrite(text, reports) for path, text in old.items()}
    except UserError as error:
        print(f"readme: {error}", file=sys.stderr)
        return 2
    changed = [path for path in old if old[path] != new[path]]
    for path in changed:
        print(f"{path}: {'out of date' if arguments.check else 'written'}")
        if not arguments.check:
            path.write_text(new[path], encoding="utf-8")
    return 1 if arguments.check and changed else 0


def rewrite(text: str, reports: Sequence[ReportData]) -> str:
    """The README's text with all its blocks renewed.

    UserError: a block has no end, or no report has a result of its name.
    """

    def block(match: re.Match) -> str:
        name = match["name"]
        if nested := OPENING.search(match["body"]):
            raise UserError(f"no <!-- end --> between {name!r} and {nested[1]!r}")
        # A line of the result that looks like ours would end the block.
        body = MARK.sub(" ", "\n\n".join(_find(name, reports)))
        return f"<!-- results: {name} -->\n\n{body}\n\n<!-- end -->"

    new, count = BLOCK.subn(block, text)
    if count < len(OPENING.findall(text)):
        raise UserError(f"no <!-- end --> after {OPENING.findall(text)[-1]!r}")
    return new


def _find(name: str, reports: Sequence[ReportData]) -> list[str]:
    """The result of that name in Markdown, and where it comes from. Tables of several
    reports become one."""
    found = [(facts, results[name]) for facts, results in reports if name in results]
    if not found:
        names = dict.fromkeys(name for _, results in reports for name in results)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
        has = ", ".join(map(repr, near or names)) or "none at all"
        raise UserError(f"no result {name!r} in the report; nearest: {has}")
    kinds = {result.kind for _, result in found}
    if kinds & {"figure", "pair"}:
        raise UserError(f"{name!r} is a figure; a README takes tables, numbers, text")
    body = _merged([result for _, result in found]) if len(found) > 1 else found[0][1]
    return [body.to_markdown(), _sources([facts for facts, _ in found])]


def _merged(results: Sequence[Result]) -> Result:
    tables = [result.value for result in results if result.kind == "table"]
    columns = {tuple(table.columns) for table in tables}
    if len(tables) < len(results) or len(columns) > 1:
        raise UserError(f"{results[0].name!r} is in several reports and not one table")
    rows = [row for table in tables for row in table.rows]
    notes = dict.fromkeys(table.note for table in tables if table.note)
    return Result(results[0].name, "table", Table(columns.pop(), rows, " ".join(notes)))


def _sources(reports: Sequence[Mapping[str, str]]) -> str:
    """Where the results come from: a small line, or one that unfolds into many."""
    lines = [_source(facts) for facts in reports]
    if len(lines) == 1:
        return f"<sub>{lines[0]}</sub>"
    shown = "\n".join(f"- {line}" for line in lines)
    return (
        f"<details><summary>the commands behind it</summary>\n\n{shown}\n\n</details>"
    )


def _source(facts: Mapping[str, str]) -> str:
    """The command, then how it was measured. Its workdir is a folder of one machine."""
    left_out = ("command", *LEADS)
    others = [inline(f"{n} {fact}") for n, fact in facts.items() if n not in left_out]
    words = facts.get("command", "").split(" ")
    command = " ".join(word for word in words if not word.startswith("--workdir="))
    return " · ".join([code(command)] * bool(command) + others)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m launch.readme")
    parser.add_argument("readmes", nargs="+", type=Path, metavar="FILE.md")
    parser.add_argument(
        "--workdir", required=True, action="append", help="of an evaluation"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if outdated"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
