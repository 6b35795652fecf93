"""Countries, their capitals and their people, as countryinfo has them."""

import functools

from common.data import countries


@functools.cache
def kinds() -> dict[str, str]:
    """{name in lower case: "country" or "city"}."""
    found = {}
    for country in countries.records().values():
        for capital in _listed(country.get("capital")):
            found[capital.lower()] = "city"
    for country in countries.records().values():
        found[country["name"].lower()] = "country"
    return found | {
        "u.s.": "country", "us": "country", "usa": "country", "uk": "country",
        "u.k.": "country", "britain": "country", "england": "country",
        "scotland": "country", "wales": "country", "soviet union": "country",
        "russia": "country", "iran": "country", "syria": "country",
    }  # fmt: skip


@functools.cache
def peoples() -> dict[str, str]:
    """{demonym in lower case: its country}, such as "french" to "France"."""
    found = {}
    for country in countries.records().values():
        for demonym in _listed(country.get("demonym")):
            found.setdefault(demonym.lower(), country["name"])
    return found


def _listed(value: str | list[str] | None) -> list[str]:
    """One name or several, as the files have them."""
    names = [value] if isinstance(value, str) else value or []
    return [name for name in names if name]
