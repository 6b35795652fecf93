"""Names, dates, numbers and quantities as AMR has them."""

import re

from papers.amr_summarization.rules import listed, places
from papers.amr_summarization.rules import rule_words as words
from papers.amr_summarization.rules.drafts import Draft, quoted

_TITLES = listed.words(
    "mr. mrs. ms. dr. mr mrs ms dr president minister king queen general prince "
    "princess senator sir lord lady pope captain colonel judge chancellor governor "
    "professor"
)
_KINDS = {
    "university": "university", "college": "university", "school": "school",
    "inc.": "company", "inc": "company", "corp.": "company", "corp": "company",
    "co.": "company", "ltd.": "company", "company": "company", "group": "company",
    "n.v.": "company", "airlines": "company", "bank": "company",
    "party": "political-party", "ministry": "government-organization",
    "department": "government-organization", "committee": "organization",
    "association": "organization", "organization": "organization",
    "institute": "organization", "council": "organization", "union": "organization",
    "army": "military", "navy": "military", "river": "river", "lake": "lake",
    "ocean": "ocean", "sea": "sea", "mountain": "mountain", "mount": "mountain",
    "island": "island", "islands": "island", "war": "war", "street": "road",
    "road": "road", "avenue": "road", "bridge": "bridge", "museum": "museum",
    "prize": "award", "award": "award", "times": "newspaper", "post": "newspaper",
    "news": "organization", "county": "county", "city": "city", "valley": "valley",
    "hotel": "hotel", "hospital": "hospital", "church": "worship-place",
    "airport": "airport", "park": "park", "cup": "game", "league": "organization",
    "club": "organization", "act": "law", "language": "language",
}  # fmt: skip
_CONTINENTS = listed.words("africa asia europe america antarctica oceania")
_YEAR = re.compile(r"1[0-9]{3}|20[0-9]{2}")
_NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?")


def entity(d: Draft, i: int) -> str | None:
    """The variable of a name, a date, a number or a quantity that word i heads."""
    return date(d, i) or name(d, i) or quantity(d, i) or number(d, i)


def is_name(d: Draft, i: int) -> bool:
    return d.tags[i].startswith("NNP") and d.low[i] not in words.WEEKDAYS


def name(d: Draft, i: int) -> str | None:
    """`(p / person :name (n / name :op1 "Barack" :op2 "Obama"))`."""
    if not is_name(d, i) or d.low[i] in words.MONTHS:
        return None
    parts = sorted([i, *_name_parts(d, i)])
    spoken = [p for p in parts if d.low[p] not in _TITLES or len(parts) == 1]
    titles = [p for p in parts if p not in spoken]
    kind = kind_of(d, i, spoken, bool(titles))
    var = d.add(kind, i)
    d.var_of[i] = var
    own = d.add("name", *spoken)
    d.link(var, ":name", own)
    for place, part in enumerate(spoken, start=1):
        d.constant(own, f":op{place}", quoted(d.words[part]))
    d.done.update(parts)
    return var


def _name_parts(d: Draft, i: int) -> list[int]:
    """The other words of a name: its flat parts and compounds that are names too."""
    found = []
    for c in d.children[i]:
        named = d.arc(c) in ("compound", "amod") and d.tags[c].startswith("NNP")
        if d.arc(c) == "flat" or named:
            found += [c, *_name_parts(d, c)]
    return found


def kind_of(d: Draft, i: int, parts: list[int], titled: bool = False) -> str:
    """The type of a name by its last word, the world's countries and what stands by
    it; a person where nothing is known."""
    low = " ".join(d.low[p] for p in parts)
    if titled:
        return "person"
    known = places.kinds().get(low)
    if known:
        return known
    if low in _CONTINENTS:
        return "continent"
    kinds = [_KINDS[d.low[p]] for p in (parts[-1], parts[0]) if d.low[p] in _KINDS]
    if kinds:
        return kinds[0]
    if len(parts) == 1 and len(d.words[i]) > 1 and d.words[i].isupper():
        return "organization"
    at = [c for c in d.children[i] if d.arc(c) == "case" and d.low[c] in words.PLACES]
    return "city" if at else "person"


def date(d: Draft, i: int) -> str | None:
    """`(d / date-entity :month 2 :day 29 :year 2012)`."""
    low = d.low[i]
    named = low in words.MONTHS and d.words[i][:1].isupper() and d.tags[i] != "MD"
    if low in words.WEEKDAYS:
        return _weekday(d, i)
    if not named and not (_YEAR.fullmatch(low) and _stands_alone(d, i)):
        return None
    var = d.add("date-entity", i)
    d.var_of[i] = var
    if not named:
        d.constant(var, ":year", low)
        return var
    d.constant(var, ":month", str(words.MONTHS[low]))
    beside = [*d.children[i]]
    for c in beside:
        bare = d.low[c].rstrip("stndrh") if d.low[c][:1].isdigit() else ""
        if _YEAR.fullmatch(d.low[c]):
            d.constant(var, ":year", d.low[c])
            d.done.add(c)
        elif bare.isdigit() and 0 < int(bare) < 32:
            d.constant(var, ":day", str(int(bare)))
            d.done.add(c)
    return var


def _stands_alone(d: Draft, i: int) -> bool:
    """A number that counts nothing: it is no child of a noun by nummod."""
    return d.arc(i) != "nummod" or d.parsed.heads[i] < 0


def _weekday(d: Draft, i: int) -> str:
    var = d.add("date-entity", i)
    d.var_of[i] = var
    d.link(
        var,
        ":weekday",
        d.add(d.low[i].rstrip("s") if d.low[i][-2:] == "ys" else d.low[i], i),
    )
    return var


def value(text: str) -> str | None:
    """A number in digits: "twenty-five" and "1,000" as "25" and "1000"."""
    low = text.lower().replace(",", "")
    if _NUMBER.fullmatch(low):
        return low.lstrip("+")
    for table in (words.NUMBERS, words.TENS, words.SCALES):
        if low in table:
            return str(table[low])
    tens, _, ones = low.partition("-")
    if tens in words.TENS and ones in words.NUMBERS:
        return str(words.TENS[tens] + words.NUMBERS[ones])
    return None


def counted(d: Draft, i: int) -> str | None:
    """The value of a number word with those that hang on it or stand behind it: "two
    million" is 2000000, whichever hangs on which."""
    if value(d.words[i]) is None:
        return None
    parts = [c for c in d.children[i] if d.arc(c) in ("compound", "nummod", "flat")]
    last = i
    for behind in range(i + 1, len(d.words)):
        if d.parsed.heads[behind] != d.parsed.heads[i]:
            break
        if value(d.words[behind]) is not None:
            if not _goes_on(d.low[last], d.low[behind]):
                break
            parts.append(behind)
            last = behind
    total = below = 0.0  # thousands and more; what a further scale may multiply
    for part in sorted([i, *parts]):
        own = value(d.words[part])
        if own is None:
            continue
        d.done.add(part)
        if d.low[part] not in words.SCALES:
            below += float(own)
        elif d.low[part] == "hundred":
            below = (below or 1) * 100
        else:
            total += (below or 1) * float(own)
            below = 0.0
    total += below
    return str(int(total)) if total == int(total) else str(total)


def _goes_on(word: str, after: str) -> bool:
    """Whether two number words are of one number: "two million", "twenty five"; "10 -
    20" are two."""
    ones = word in words.TENS and words.NUMBERS.get(after, 10) < 10
    return ones or word in words.SCALES or after in words.SCALES


def quantity(d: Draft, i: int) -> str | None:
    """`(t / temporal-quantity :quant 2 :unit (h / hour))`, and percentages."""
    unit = words.SYMBOLS.get(d.low[i], d.lemmas[i])
    amounts = [c for c in d.kids(i, "nummod", "compound", "amod") if value(d.words[c])]
    if unit in ("percent", "%") and amounts:
        var = d.add("percentage-entity", i)
        d.constant(var, ":value", counted(d, amounts[0]) or "")
    elif unit in words.UNITS and amounts:
        var = d.add(words.UNITS[unit], i)
        d.constant(var, ":quant", counted(d, amounts[0]) or "")
        d.link(var, ":unit", d.add(unit, i))
    else:
        return None
    d.done.add(amounts[0])
    d.var_of[i] = var
    return var


def number(d: Draft, i: int) -> str | None:
    """A number that stands alone, as a concept of its digits."""
    if d.tags[i] != "CD":
        return None
    found = counted(d, i)
    if found is None:
        return None
    var = d.add("one" if d.low[i] == "one" else found, i)
    d.var_of[i] = var
    return var
