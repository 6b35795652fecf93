"""Countries of the world: a real graph inside two installed packages.

countryinfo's files have capitals, regions, borders and time zones. babel has CLDR's
tables: languages by territory, scripts, and currencies with their years.
"""

import functools
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

from common.contract import UserError
from common.data.triple_files import from_names
from common.data.triples import Graph, from_arrays

Row = tuple[str, str, str]  # head, relation, tail
HELD_OUT = 0.08  # of all triples, in each of the two other splits
PACKAGES = ("countryinfo", "babel")


@functools.cache
def graph() -> Graph:
    """Countries, cities, regions, languages, scripts, currencies and time zones, in
    ten relations. What stands in the splits valid and test occurs in train too, in
    other triples. A border stands once: the other way round it would be the answer.
    """
    _refuse_missing()
    rows = sorted({*_geography(), *_culture()})
    whole = from_names(rows)
    return from_arrays(
        whole.all,
        entities=whole.entities,
        relations=whole.relations,
        share=HELD_OUT,
    )


def _refuse_missing() -> None:
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"config.data.source=countries needs the package {package}; "
                f"pip install {package}"
            )


def _countries() -> dict[str, dict]:
    """{ISO 3166 code of two letters: what countryinfo's file says}. The package is not
    imported: its files are read."""
    (package,) = importlib.util.find_spec("countryinfo").submodule_search_locations
    files = sorted((Path(package) / "data").glob("*.json"))
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return {c["ISO"]["alpha2"]: c for c in found if (c.get("ISO") or {}).get("alpha2")}


def _geography() -> Iterator[Row]:
    countries = _countries()
    names = {c["ISO"]["alpha3"]: c["name"] for c in countries.values()}
    for country in countries.values():
        name = country["name"]
        if capital := country.get("capital"):
            # Of one name are the city and the country, as in Singapore.
            same = capital in names.values()
            yield name, "capital", f"{capital} (city)" if same else capital
        if region := country.get("region"):
            yield name, "region", f"{region} (region)"
        if subregion := country.get("subregion"):
            yield name, "subregion", f"{subregion} (region)"
        for zone in country.get("timezones") or ():
            yield name, "clock", zone
        for code in country.get("borders") or ():
            if code in names:
                first, second = sorted((name, names[code]))
                yield first, "borders", second


def _culture() -> Iterator[Row]:
    from babel import Locale  # 0.1 s, for this source only
    from babel.core import get_global

    english = Locale("en")
    currencies = get_global("territory_currencies")
    languages = get_global("territory_languages")
    times = get_global("meta_zones")
    spoken: set[str] = set()
    for code, country in _countries().items():
        name = country["name"]
        for currency, _, end, tender in currencies.get(code, ()):
            if tender:
                relation = "former currency" if end else "currency"
                yield name, relation, english.currencies.get(currency, currency)
        for zone in get_global("territory_zones").get(code, ()):
            if zone in times:
                yield name, "keeps", f"{times[zone].replace('_', ' ')} time"
        for language, facts in languages.get(code, {}).items():
            if facts["official_status"] and language in english.languages:
                yield name, "official language", english.languages[language]
                spoken.add(language)
    for language in spoken:
        parts = get_global("likely_subtags").get(language, "").split("_")
        if len(parts) > 1 and parts[1] in english.scripts:
            script = f"{english.scripts[parts[1]]} script"
            yield english.languages[language], "written in", script
