"""Wikidata's films inside the bokeh_sampledata package: titles, dates, casts, and what
Wikidata says of each film (CC0). The package is not imported.

Versions before 2026.1 carry films of another source under a licence that forbids
commercial use, and are refused.
"""

import dataclasses
import functools
import importlib.metadata
import sqlite3
from pathlib import Path

from common.contract import UserError

PACKAGE = "bokeh_sampledata"
OLDEST = (2026, 1)  # the first version whose films are Wikidata's
# Relations of a film, and the kind of what each leads to: people who direct and people
# who write are the same entities, a country and a language are not.
RELATIONS = {
    "directed by": "person",
    "written by": "person",
    "genre": "genre",
    "country": "country",
    "language": "language",
    "rated": "rating",
    "produced by": "company",
}


@dataclasses.dataclass(frozen=True)
class Film:
    """A film; `name` is its title and year, and another number where two share both."""

    name: str
    title: str
    released: str  # year-month-day
    cast: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]  # (relation, what it leads to)


def database() -> Path:
    """The films' file. UserError: the package is missing, or older than 2026.1."""
    try:
        package = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            f"the films are in {PACKAGE}: pip install '{PACKAGE}>=2026.1'"
        ) from None
    refuse_older(package.version)
    return Path(package.locate_file(f"{PACKAGE}/_data/movies.db"))


def refuse_older(version: str) -> None:
    """UserError for versions whose films have another licence."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        raise UserError(
            f"{PACKAGE} {version} has films under a licence without commercial use: "
            f"pip install '{PACKAGE}>=2026.1', whose films are Wikidata's (CC0)"
        )


@functools.cache
def films(since: int = 1980) -> tuple[Film, ...]:
    """The films released in the year `since` or later, by date and then by number."""
    query = (
        "select o.ID, Title, Released, o.Cast, Director, Writer, Genre, Country, "
        "Language, o.Rating, Production from omdb o join tomatoes t on o.ID = t.ID "
        "where Released >= ? order by Released, o.ID"
    )
    connection = sqlite3.connect(f"file:{database()}?mode=ro", uri=True)
    try:
        rows = connection.execute(query, (f"{since:04d}",)).fetchall()
    finally:
        connection.close()
    found = []
    names: dict[str, int] = {}
    for _, title, released, cast, *facts in rows:
        name = f"{title} ({released[:4]})"
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name} #{names[name]}"
        found.append(Film(name, title, released, _split(cast), _facts(facts)))
    return tuple(found)


def _facts(columns: list[str | None]) -> tuple[tuple[str, str], ...]:
    """(relation, name); `columns` are in the order of `RELATIONS`."""
    return tuple(
        (relation, name)
        for relation, text in zip(RELATIONS, columns, strict=True)
        for name in _split(text)
    )


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (text or "").split(", "))))


@functools.cache
def triples(since: int = 1980, seen: int = 3) -> tuple[tuple[str, str, str], ...]:
    """(head, relation, tail) by name: what Wikidata says of films without their casts.

    seen: tails that stand in fewer triples are left out.
    """
    found = [
        (film.name, relation, f"{name}, {RELATIONS[relation]}")
        for film in films(since)
        for relation, name in film.facts
    ]
    counts: dict[str, int] = {}
    for *_, tail in found:
        counts[tail] = counts.get(tail, 0) + 1
    return tuple(dict.fromkeys(t for t in found if counts[t[2]] >= seen))
