"""Countries of the world: a real graph inside two installed packages.

countryinfo's files have capitals, regions, borders and time zones. babel has CLDR's
tables: languages by territory, scripts, and currencies with their years.
"""

import functools
from collections.abc import Iterator

from common.data import countries as world
from common.data.triple_files import from_names
from common.data.triples import Graph, from_arrays

Row = tuple[str, str, str]  # head, relation, tail
HELD_OUT = 0.08  # of all triples, in each of the two other splits


@functools.cache
def graph() -> Graph:
    """Countries, cities, regions, languages, scripts, currencies and time zones, in
    ten relations. What stands in the splits valid and test occurs in train too, in
    other triples. A border stands once: the other way round it would be the answer.
    """
    rows = sorted({*_geography(), *_culture()})
    whole = from_names(rows)
    return from_arrays(
        whole.all,
        entities=whole.entities,
        relations=whole.relations,
        share=HELD_OUT,
    )


def _geography() -> Iterator[Row]:
    countries = world.records()
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
    from babel.core import get_global

    times = get_global("meta_zones")
    spoken: dict[str, str] = {}
    for code, country in world.records().items():
        name = country["name"]
        for currency, current in world.currencies(code):
            yield name, "currency" if current else "former currency", currency
        for zone in get_global("territory_zones").get(code, ()):
            if zone in times:
                yield name, "keeps", f"{times[zone].replace('_', ' ')} time"
        for language, english in world.official_languages(code):
            yield name, "official language", english
            spoken[language] = english
    for language, english in spoken.items():
        if script := world.script(language):
            yield english, "written in", f"{script} script"
