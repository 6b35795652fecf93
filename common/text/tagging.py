"""Penn Treebank tags of English words, by Brill's rules.

The lexicon (each word's commonest tag) and the rules (endings of unknown words, tags in
context) are files inside the textblob package, from Brill's tagger of 1994 (MIT
licence). The package is not imported.

Brill 1994, "Some advances in transformation-based part of speech tagging",
https://arxiv.org/abs/cmp-lg/9406010
"""

import functools
import importlib.util
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from common.contract import UserError

_FILES = ("lexicon", "morphology", "context")
_EDGE = "STAART"  # as the rules name what is outside a sentence
_REACH = 3  # words that a rule looks away, at most
_SIGNS = {
    **dict.fromkeys(("(", "[", "{"), "-LRB-"),
    **dict.fromkeys((")", "]", "}"), "-RRB-"),
    **dict.fromkeys(("``", "“", "‘", "«"), "``"),  # noqa: RUF001
    **dict.fromkeys(("''", '"', "”", "»"), "''"),
    **dict.fromkeys((":", ";", "--", "...", "…", "–", "—"), ":"),  # noqa: RUF001
    **dict.fromkeys((".", "!", "?"), "."),
    **dict.fromkeys(("$", "£", "€", "US$", "¥"), "$"),
    **{",": ",", "-": "HYPH", "#": "#", "&": "CC", "'s": "POS", "’s": "POS"},  # noqa: RUF001
    **{"n't": "RB", "'ll": "MD", "'re": "VBP", "'ve": "VBP", "'m": "VBP", "'d": "MD"},
}
_NUMBER = re.compile(r"[+-]?\d[\d.,:/]*(?:s|th|st|nd|rd)?|\d+(?:[.,]\d+)*")
_NUMBERS = re.compile(
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|"
    "fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|"
    "seventy|eighty|ninety|hundred|thousand|million|billion|trillion"
)


# Words that no rule makes a verb, a noun or an adjective.
_NEVER_OPEN = frozenset(("not", "n't", "then")) | frozenset(
    f"{which}{what}"
    for which in ("some", "any", "every", "no")
    for what in ("thing", "body", "one")
)
_PREPOSITIONS_AND_MORE = frozenset(("like", "near", "inside", "outside", "above"))


def tags(words: Sequence[str]) -> tuple[str, ...]:
    """A tag for each word of a sentence. UserError: textblob is not installed."""
    words = [word.replace("’", "'") for word in words]  # noqa: RUF001
    found = [alone(word, i == 0) for i, word in enumerate(words)]
    quotes = [i for i, word in enumerate(words) if word == '"']
    for i in quotes[::2]:
        found[i] = "``"
    for i in [i for i, word in enumerate(words) if word == "'"][::2]:
        if i and found[i - 1] in ("NNS", "NNPS"):
            found[i] = "POS"  # "the engineers ' report"; a quotation has two
    edge = [_EDGE] * _REACH
    around = [*edge, *words, *edge]
    found = [*edge, *found, *edge]
    for old, new, holds in _rules().context:
        if old in found:
            for i in range(_REACH, len(found) - _REACH):
                if found[i] != old or not holds(around, found, i):
                    continue
                if _may_be(around[i], old, new):
                    found[i] = new
    return tuple(found[_REACH:-_REACH])


def _may_be(word: str, old: str, new: str) -> bool:
    """Whether a rule of context may change a word's tag. Brill's tagger asks for a tag
    that the word has in its corpus; textblob's lexicon has one tag a word, and without
    that question "in" would be a verb behind "him"."""
    low = word.lower()
    if new.startswith("NNP"):
        return low != word
    if new == "VBG" and not low.endswith(("ing", "in'")):
        return False
    if old == "IN" and new in ("DT", "WDT"):
        return low == "that"
    if new.startswith(("VB", "NN", "JJ")):
        if old == "IN":
            return low in _PREPOSITIONS_AND_MORE
        return low not in _NEVER_OPEN
    return True


def alone(word: str, first: bool = False) -> str:
    """The tag of a word without its neighbours; `first` of its sentence."""
    if word in _SIGNS:
        return _SIGNS[word]
    if _NUMBER.fullmatch(word):
        return "JJ" if word[-1] in "thd" else "NNS" if word[-1] == "s" else "CD"
    if not any(letter.isalnum() for letter in word):
        return "SYM"
    lexicon = _rules().lexicon
    low = word.lower()
    if _NUMBERS.fullmatch(low):
        return "CD"
    if first and word[0].isupper() and lexicon.get(low, "NNP") != "NNP":
        return lexicon[low]
    if word in lexicon:
        return lexicon[word]
    if word[0].isupper():
        return "NNPS" if word.endswith("ans") else "NNP"
    return lexicon[low] if low in lexicon else _by_form(word)


def _by_form(word: str) -> str:
    tag = "NN"
    for rule in _rules().forms:
        tag = rule(word, tag)
    return tag


class _Rules:
    """The three files, read once."""

    def __init__(self) -> None:
        text = {name: _lines(name) for name in _FILES}
        self.lexicon = {
            word: tag.split("|")[0]
            for word, tag in (line.split()[:2] for line in text["lexicon"])
        }
        self.forms = [
            rule
            for line in text["morphology"]
            if (rule := _form_rule(line.split(), self.lexicon))
        ]
        self.context = [
            rule for line in text["context"] if (rule := _context_rule(line.split()))
        ]


@functools.cache
def _rules() -> _Rules:
    return _Rules()


def _lines(name: str) -> list[str]:
    package = importlib.util.find_spec("textblob")
    if package is None:
        raise UserError("tags come from textblob's lexicon: pip install textblob")
    (root,) = package.submodule_search_locations
    text = (Path(root) / "en" / f"en-{name}.txt").read_text(encoding="utf-8")
    return [
        line
        for line in text.splitlines()
        if len(line.split()) > 1 and not line.startswith(";;;")
    ]


def _form_rule(
    parts: list[str], lexicon: dict[str, str]
) -> Callable[[str, str], str] | None:
    """A rule of the morphology file: (word, its tag) -> its tag by this rule. None for
    rules that read the words beside it in a large corpus."""
    new = parts[-2]
    if parts[1] in _FORMS:
        mark, name = parts[:2]
        old = None
    elif parts[2].removeprefix("f") in _FORMS:  # from one tag alone
        old, mark = parts[:2]
        name = parts[2].removeprefix("f")
    else:
        return None
    holds = _FORMS[name]
    return lambda word, tag: (
        new if old in (None, tag) and holds(word, mark, lexicon) else tag
    )


_FORMS = {
    "hassuf": lambda word, mark, _: word.endswith(mark),
    "haspref": lambda word, mark, _: word.startswith(mark),
    "char": lambda word, mark, _: mark in word,
    "addsuf": lambda word, mark, known: word + mark in known,
    "addpref": lambda word, mark, known: mark + word in known,
    "deletesuf": lambda word, mark, known: (
        word.endswith(mark) and word.removesuffix(mark) in known
    ),
    "deletepref": lambda word, mark, known: (
        word.startswith(mark) and word.removeprefix(mark) in known
    ),
}
_Holds = Callable[[Sequence[str], Sequence[str], int], bool]


def _context_rule(parts: list[str]) -> tuple[str, str, _Holds] | None:
    """A rule of the context file: (old tag, new tag, where it holds). None: a damaged
    line, of which the file has one."""
    old, new, name, *values = parts
    tests = _CONTEXTS[name]
    if len(tests) != len(values):
        return None
    first, *second = (
        _equals(of, places, value)
        for (of, *places), value in zip(tests, values, strict=True)
    )
    if not second:
        return old, new, first
    return (
        old,
        new,
        lambda words, found, i: first(words, found, i) and second[0](words, found, i),
    )


def _equals(of: str, places: list[int], value: str) -> _Holds:
    """Whether a word (w) or a tag (t) at one of the places from i is `value`."""
    if len(places) > 1:
        return lambda words, found, i: (
            value in [(words if of == "w" else found)[i + place] for place in places]
        )
    (place,) = places
    if of == "w":
        return lambda words, found, i: words[i + place] == value
    return lambda words, found, i: found[i + place] == value


# What each template compares: words (w) or tags (t), and at which places from the word
# itself; one of the places is enough.
_CONTEXTS = {
    "PREVTAG": (("t", -1),),
    "NEXTTAG": (("t", 1),),
    "PREV2TAG": (("t", -2),),
    "NEXT2TAG": (("t", 2),),
    "PREV1OR2TAG": (("t", -1, -2),),
    "NEXT1OR2TAG": (("t", 1, 2),),
    "PREV1OR2OR3TAG": (("t", -1, -2, -3),),
    "NEXT1OR2OR3TAG": (("t", 1, 2, 3),),
    "SURROUNDTAG": (("t", -1), ("t", 1)),
    "PREVBIGRAM": (("t", -2), ("t", -1)),
    "NEXTBIGRAM": (("t", 1), ("t", 2)),
    "CURWD": (("w", 0),),
    "PREVWD": (("w", -1),),
    "NEXTWD": (("w", 1),),
    "PREV1OR2WD": (("w", -1, -2),),
    "NEXT1OR2WD": (("w", 1, 2),),
    "PREV2WD": (("w", -2),),
    "NEXT2WD": (("w", 2),),
    "LBIGRAM": (("w", -1), ("w", 0)),
    "RBIGRAM": (("w", 0), ("w", 1)),
    "WDPREVTAG": (("t", -1), ("w", 0)),
    "WDNEXTTAG": (("w", 0), ("t", 1)),
    "WDAND2AFT": (("w", 0), ("w", 2)),
    "WDAND2BFR": (("w", -2), ("w", 0)),
    "WDAND2TAGAFT": (("w", 0), ("t", 2)),
    "WDAND2TAGBFR": (("t", -2), ("w", 0)),
}


def known(word: str) -> str:
    """The tag that the lexicon gives a word; "" where it has none."""
    return _rules().lexicon.get(word, "")
