"""Countries, their capitals and their people, from countryinfo's files."""

import functools
import importlib.util
import json
from pathlib import Path

from common.contract import UserError


@functools.cache
def kinds() -> dict[str, str]:
    """{name in lower case: "country" or "city"}. The package is not imported."""
    found = {}
    for country in _countries():
        for capital in _listed(country.get("capital")):
            found[capital.lower()] = "city"
    for country in _countries():
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
    for country in _countries():
        for demonym in _listed(country.get("demonym")):
            found.setdefault(demonym.lower(), country["name"])
    return found


def _listed(value: str | list[str] | None) -> list[str]:
    """One name or several, as the files have them."""
    names = [value] if isinstance(value, str) else value or []
    return [name for name in names if name]


@functools.cache
def _countries() -> tuple[dict, ...]:
    package = importlib.util.find_spec("countryinfo")
    if package is None:
        raise UserError("countries come from countryinfo: pip install countryinfo")
    (root,) = package.submodule_search_locations
    files = sorted((Path(root) / "data").glob("*.json"))
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return tuple(country for country in found if country.get("name"))
