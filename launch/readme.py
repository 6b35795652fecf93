"""Writes measured results into a README, so that no number is copied by hand.

    python -m launch.readme papers/unit/README.md --workdir=/tmp/unit

replaces what stands between `<!-- results: NAME -->` and `<!-- end -->` by the result
of that name in the workdir's report, and by the command that made it.
"""

import argparse
import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.contract import UserError
from launch.report import read_results
from launch.results import Result

BLOCK = re.compile(
    r"^<!-- results: (?P<name>.+?) -->\n(?P<body>.*?)^<!-- end -->$", re.M | re.S
)
OPENING = re.compile(r"^<!-- results: (.+?) -->$", re.M)


def main(argv: Sequence[str]) -> int:
    """Returns the exit code: 0 done, 1 `--check` found old results, 2 a mistake.

    Writes every README or, after a mistake, none.
    """
    arguments = _parser().parse_args(argv)
    try:
        facts, results = _read(arguments.workdir)
        old = {path: _text(path) for path in arguments.readmes}
        new = {path: rewrite(text, facts, results) for path, text in old.items()}
    except UserError as error:
        print(f"readme: {error}", file=sys.stderr)
        return 2
    changed = [path for path in old if old[path] != new[path]]
    for path in changed:
        print(f"{path}: {'out of date' if arguments.check else 'written'}")
        if not arguments.check:
            path.write_text(new[path], encoding="utf-8")
    return 1 if arguments.check and changed else 0


def rewrite(text: str, facts: Mapping[str, str], results: Mapping[str, Result]) -> str:
    """The README's text with all its blocks renewed.

    Raises UserError for a block without end and for a name that cannot be had.
    """

    def block(match: re.Match) -> str:
        name = match["name"]
        if nested := OPENING.search(match["body"]):
            raise UserError(f"no <!-- end --> between {name!r} and {nested[1]!r}")
        body = _find(name, results).to_markdown()
        return f"<!-- results: {name} -->\n\n{body}\n\n{_source(facts)}\n\n<!-- end -->"

    new, count = BLOCK.subn(block, text)
    if count < len(OPENING.findall(text)):
        raise UserError(f"no <!-- end --> after {OPENING.findall(text)[-1]!r}")
    return new


def _find(name: str, results: Mapping[str, Result]) -> Result:
    if name not in results:
        near = difflib.get_close_matches(name, results, n=3, cutoff=0.4)
        has = ", ".join(map(repr, near or results)) or "none at all"
        raise UserError(f"no result {name!r} in the report; nearest: {has}")
    if results[name].kind == "figure":
        raise UserError(f"{name!r} is a figure; a README takes tables, numbers, text")
    return results[name]


def _source(facts: Mapping[str, str]) -> str:
    """One small line: the command, then the other facts."""
    others = [f"{name} {fact}" for name, fact in facts.items() if name != "command"]
    command = [f"`{facts['command']}`"] if "command" in facts else []
    return f"<sub>{' · '.join(command + others)}</sub>"


def _read(workdir: Path) -> tuple[dict[str, str], dict[str, Result]]:
    try:
        return read_results(workdir / "report")
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing: evaluate first") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m launch.readme")
    parser.add_argument("readmes", nargs="+", type=Path, metavar="FILE.md")
    parser.add_argument("--workdir", type=Path, required=True, help="of an evaluation")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if outdated"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
