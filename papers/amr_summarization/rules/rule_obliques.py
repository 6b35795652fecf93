"""Which role a phrase with a preposition has."""

from collections.abc import Callable

from papers.amr_summarization.rules import listed
from papers.amr_summarization.rules import rule_words as words
from papers.amr_summarization.rules.drafts import Draft
from papers.amr_summarization.rules.rule_tree import case, is_passive, is_verb

Visit = Callable[[Draft, int], str | None]

_PEOPLE = listed.words("person i you he she we they boy girl man woman child")


def oblique(d: Draft, i: int, var: str, c: int, visit: Visit) -> None:
    """A noun phrase with its preposition, below a verb or a noun."""
    preposition = case(d, c)
    below = visit(d, c)
    if below is None:
        return
    concept = d.instances[below]
    event = is_frame(d.instances[var])
    role = _oblique_role(d, i, preposition, concept, event, d.parsed.arcs[c], var)
    if preposition in ("before", "after", "until", "till") or (
        role == ":location"
        and preposition in words.PLACES
        and preposition not in words.PLAIN_PLACES
    ):
        between = d.add(preposition)
        d.link(between, ":op1", below)
        below = between
    if preposition == "without":
        d.constant(below, ":polarity", "-")
        role = ":accompanier" if concept in _PEOPLE else ":manner"
    d.link(var, role, below)


def _oblique_role(
    d: Draft, i: int, preposition: str, concept: str, event: bool, arc: str, var: str
) -> str:
    verb = is_verb(d, i)
    if arc.endswith("agent") or (preposition == "by" and is_passive(d, i)):
        return ":ARG0"
    if is_time(concept):
        return ":duration" if preposition == "for" else ":time"
    if preposition in ("before", "after", "during", "until", "till", "since"):
        return ":time"
    if preposition == "of":
        return _of(d, i, concept, event, var)
    if preposition in words.PATHS:
        return ":path"
    if preposition == "to" and d.lemmas[i] in words.ABOUT_TO:
        return ":ARG1"
    if preposition in ("to", "into", "onto", "toward", "towards"):
        if d.lemmas[i] in words.MOTION:
            return ":ARG4"
        return ":ARG2" if event else ":mod" if preposition == "to" else ":destination"
    if preposition in ("from", "out of", "off"):
        if d.lemmas[i] in words.MOTION:
            return ":ARG3"
        return ":ARG2" if verb and preposition == "from" else ":source"
    if preposition == "at" and d.lemmas[i] in words.LOOKING:
        return ":ARG1"
    if preposition in words.PLACES:
        return ":location"
    person = concept in _PEOPLE
    simple = {
        "with": ":accompanier" if person else ":instrument" if verb else ":mod",
        "by": ":manner" if verb else ":ARG0",
        "for": ":beneficiary" if person else ":purpose",
        "about": ":ARG1" if event else ":topic",
        "against": ":ARG1" if event else ":ARG2",
        "as": ":ARG2" if event else ":mod",
        "despite": ":concession", "because of": ":cause", "due to": ":cause",
        "like": ":like", "except": ":mod", "including": ":example",
    }.get(preposition)  # fmt: skip
    if simple is not None:
        return simple
    return ":ARG2" if event else ":mod"


def _of(d: Draft, i: int, concept: str, event: bool, var: str) -> str:
    lemma = d.lemmas[i]
    if event and not is_verb(d, i) and d.tags[i][:2] == "NN":
        return ":ARG1"
    if lemma in words.GROUPS:
        return ":consist-of"
    if lemma in words.PARTS:
        return ":part-of"
    if d.instances[var] == "person" or event:
        return ":ARG1" if event else ":poss"
    return ":poss" if concept in _PEOPLE or concept in ("country", "city") else ":mod"


def is_frame(concept: str) -> bool:
    return concept[-3:-2] == "-" and concept[-2:].isdigit()


def is_time(concept: str) -> bool:
    return concept in words.TIMES or concept in ("date-entity", "temporal-quantity")
