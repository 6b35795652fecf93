"""Degrees, as AMR 1.2.6 has them: `have-degree-91`.

:ARG1  what has a quality        :ARG4  what it is compared with
:ARG2  the quality               :ARG6  what follows: "too young to know"
:ARG3  more, most, less, least, equal, too, enough
"""

from collections.abc import Callable
from typing import NamedTuple

from papers.amr_summarization.rules import listed
from papers.amr_summarization.rules.drafts import Draft
from papers.amr_summarization.rules.rule_tree import case

Visit = Callable[[Draft, int], str | None]

_SAID = listed.words("more most less least too enough")
_BY_TAG = {"JJR": "more", "RBR": "more", "JJS": "most", "RBS": "most"}


class Degree(NamedTuple):
    """The words of a comparison."""

    kind: str  # of :ARG3
    sign: int  # the word that says it, of the quality itself in "larger"
    other: int | None  # the head of what it is compared with
    result: int | None  # the verb of what follows


def degree(d: Draft, i: int) -> Degree | None:
    """The degree in which an adjective is meant; its words are taken out of the tree,
    and are no dependents of the adjective any more."""
    if d.low[i] in _SAID:
        return None
    sign = next((a for a in d.kids(i, "advmod") if d.low[a] in _SAID), None)
    other = next((c for c in d.kids(i, "obl", "nmod") if _compares(d, c, "than")), None)
    kind = d.low[sign] if sign is not None else _BY_TAG.get(d.tags[i], "")
    if not kind:
        sign = next((a for a in d.kids(i, "advmod") if d.low[a] in ("as", "so")), None)
        found = [c for c in d.kids(i, "obl", "nmod") if _compares(d, c, "as")]
        if sign is None or not found:
            return None
        kind = "equal"
        other = found[0]
    results = [c for c in d.kids(i, "xcomp", "advcl", "ccomp") if _is_infinitive(d, c)]
    result = results[0] if results and kind in ("too", "enough") else None
    d.done.update(word for word in (sign, other, result) if word is not None)
    return Degree(kind, i if sign is None else sign, other, result)


def _compares(d: Draft, c: int, preposition: str) -> bool:
    return case(d, c) == preposition


def _is_infinitive(d: Draft, c: int) -> bool:
    return any(d.low[m] == "to" for m in d.children[c])


def linked(d: Draft, found: Degree, quality: str, visit: Visit) -> str:
    """A variable of have-degree-91, but for what has the quality."""
    var = d.add("have-degree-91")
    d.link(var, ":ARG2", quality)
    d.link(var, ":ARG3", d.add(found.kind, found.sign))
    for role, word in ((":ARG4", found.other), (":ARG6", found.result)):
        if word is not None:
            d.done.discard(word)
            below = visit(d, word)
            if below is not None:
                d.link(var, role, below)
    return var
