"""What belongs to which input: results of `predict`, grouped for its page.

A result belongs to the input whose name is among the words of its own, "a.png x3", and
of a table the rows whose first cell is an input's name.
"""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence

from common.contract import Records, Table
from launch.reports.results import Result


def by_input(
    names: Collection[str], results: Iterable[Result]
) -> tuple[dict[str, list[Result]], list[Result]]:
    """({name of an input: its results}, results of none or of all inputs)."""
    found: dict[str, list[Result]] = {name: [] for name in names}
    others = []
    for result in results:
        name = named_in(result.name, names)
        if name:
            found[name].append(result)
        elif result.kind == "table":
            rest = _divide(result, found)
            others += [rest] if rest else []
        else:
            others.append(result)
    return found, others


def named_in(text: str, names: Collection[str]) -> str:
    """The longest of the names that stands in the text as whole words; else ""."""
    words = text.split(" ")
    places = range(len(words) + 1)
    parts = (" ".join(words[a:b]) for a, b in itertools.combinations(places, 2))
    return max((part for part in parts if part in names), key=len, default="")


def _divide(result: Result, found: dict[str, list[Result]]) -> Result | None:
    """Hands each input its rows of a table, without their first cell. Returns what is
    left of the table: the rows of no input, and its note."""
    table = result.value
    own: dict[str, list[Sequence]] = {}
    rest = []
    for row in table.rows:
        rows = own.setdefault(row[0], []) if row and row[0] in found else rest
        rows.append(row)
    for name, rows in own.items():
        columns = table.columns[1:]
        part = Table(columns, [row[1:] for row in rows])
        found[name].append(Result(result.name, "table", part))
    if own and not rest and not table.note:
        return None
    return Result(result.name, "table", Table(table.columns, rest, table.note))


def classes(records: Iterable[Records]) -> list[Result]:
    """A table for each text whose classes the records have."""
    found = []
    for row in itertools.chain.from_iterable(x.rows for x in records):
        if "classes" in row:
            found.append(Result(_name(row["input"]), "table", _classes(row)))
    return found


def _name(given: str | Sequence[str]) -> str:
    return given if isinstance(given, str) else " ||| ".join(given)


def _classes(row: Mapping) -> Table:
    rows = [[each["name"], each["probability"]] for each in row["classes"]]
    note = f"score {row['score']:.4g}" if "score" in row else ""
    return Table(("class", "probability"), rows, note)
