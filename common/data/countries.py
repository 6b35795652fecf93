"""Countries of the world: what the files of countryinfo and the tables of babel say.

countryinfo has capitals, regions, borders and demonyms; its files are read, the package
is not imported. babel has CLDR's names of languages and currencies.
"""

import functools
import importlib.util
import json
from pathlib import Path

from common.contract import UserError

PACKAGES = ("countryinfo", "babel")


@functools.cache
def records() -> dict[str, dict]:
    """{ISO 3166 code of two letters: what countryinfo's file says of the country}.
    UserError: a package is missing."""
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"the countries are in the package {package}: pip install {package}"
            )
    (root,) = importlib.util.find_spec("countryinfo").submodule_search_locations
    files = sorted((Path(root) / "data").glob("*.json"))
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return {c["ISO"]["alpha2"]: c for c in found if (c.get("ISO") or {}).get("alpha2")}


def official_languages(code: str) -> list[tuple[str, str]]:
    """(code, English name) of the languages with an official status in a country."""
    from babel.core import get_global

    known = get_global("territory_languages").get(code, {})
    names = _english().languages
    return [
        (c, names[c]) for c, f in known.items() if f["official_status"] and c in names
    ]


def currencies(code: str) -> list[tuple[str, bool]]:
    """(English name, whether it is in use now) of a country's legal tenders."""
    from babel.core import get_global

    names = _english().currencies
    return [
        (names.get(currency, currency), not end)
        for currency, _, end, tender in get_global("territory_currencies").get(code, ())
        if tender
    ]


@functools.cache
def _english():
    from babel import Locale  # 0.1 s, for those who need it

    return Locale("en")


def script(language: str) -> str | None:
    """The English name of the script that a language is mostly written in."""
    from babel.core import get_global

    parts = get_global("likely_subtags").get(language, "").split("_")
    return _english().scripts.get(parts[1]) if len(parts) > 1 else None
