"""Which words of a document name the same thing, by rules.

A definite noun ("the company") joins the last noun of the same lemma, and a pronoun the
only thing that may be meant in the nearest sentence that has one: of two it joins
neither. "I", "you" and "we" join nobody. Names are one by how they are written, which
is `merging`'s.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence

from common.text.parses import Parsed
from papers.amr_summarization.rules import listed, places
from papers.amr_summarization.rules.lemmas import lemma
from papers.amr_summarization.rules.rule_tree import with_adverbs
from papers.amr_summarization.rules.rule_words import MONTHS, TIMES, WEEKDAYS
from papers.amr_summarization.selection.document_graph import Spot

Clusters = list[list[Spot]]

_PRONOUNS = {
    **listed.each("he him his himself", "he"),
    **listed.each("she her hers herself", "she"),
    **listed.each("it its itself", "it"),
    **listed.each("they them their theirs themselves", "they"),
}
_PERSONS = listed.words(
    "man woman boy girl child person king queen president minister leader member "
    "teacher student doctor officer soldier actor actress singer writer author artist "
    "player director professor scientist politician father mother son daughter brother "
    "sister husband wife friend spokesman spokeswoman police captain victim suspect "
    "emperor philosopher prince princess lawyer owner worker farmer researcher poet "
    "composer founder chairman chief general bishop pope lady gentleman guy"
)
_HE = listed.words("man boy king father son brother husband mr. mr sir prince emperor "
    "lord spokesman chairman uncle")  # fmt: skip
_SHE = listed.words("woman girl queen mother daughter sister wife mrs. mrs ms. ms lady "
    "princess actress spokeswoman aunt")  # fmt: skip
_DEFINITE = listed.words("the this that these those")
_REACH = 3  # sentences that a pronoun looks back


@dataclasses.dataclass
class _Mention:
    """The head of a noun phrase."""

    spot: Spot
    head: str  # its lemma
    name: tuple[str, ...]
    modifiers: frozenset[str]
    pronoun: str
    definite: bool
    plural: bool
    governor: int  # what it hangs on
    reflexive: bool


@dataclasses.dataclass
class _Thing:
    """What several mentions name."""

    mentions: list[_Mention]
    gender: str = ""  # he, she, it or they, once that is known

    @property
    def first(self) -> _Mention:
        return self.mentions[0]


def clusters(sentences: Sequence[Parsed]) -> Clusters:
    """The groups of two words and more that name one thing, each in the order of the
    text; a phrase is named by its head. Near linear in the sentences."""
    things: list[_Thing] = []
    by_head: dict[str, list[_Thing]] = defaultdict(list)
    recent: list[list[_Thing]] = []
    for number, parsed in enumerate(sentences):
        recent.append([])
        for mention in _mentions(with_adverbs(parsed), number):
            thing = _antecedent(mention, by_head, recent)
            if thing is None and mention.pronoun:
                continue
            if thing is None:
                thing = _Thing([], _gender(mention))
                things.append(thing)
            thing.mentions.append(mention)
            thing.gender = mention.pronoun or thing.gender
            known = by_head[mention.head]
            if not (mention.pronoun or mention.name or thing in known[-1:]):
                known.append(thing)
            recent[-1].append(thing)
    return [
        [m.spot for m in thing.mentions] for thing in things if len(thing.mentions) > 1
    ]


def _antecedent(
    mention: _Mention, by_head: dict[str, list[_Thing]], recent: list[list[_Thing]]
) -> _Thing | None:
    if mention.pronoun:
        return _meant(mention, recent)
    if mention.name or not mention.definite:
        return None
    for thing in reversed(by_head[mention.head][-8:]):
        first = thing.first
        alike = first.plural == mention.plural and not first.name
        if alike and mention.modifiers <= first.modifiers:
            return thing
    return None


def _meant(mention: _Mention, recent: list[list[_Thing]]) -> _Thing | None:
    """What a pronoun stands for: the only thing that may be meant in the nearest
    sentence that has one; in the pronoun's own sentence what stands before, but for
    what hangs on the same verb: in "Ann saw her" she is another."""
    sentence = mention.spot.sentence
    for back in range(min(_REACH, len(recent))):
        found = {
            thing.first.name or id(thing): thing
            for thing in recent[-1 - back]
            for m in thing.mentions[-4:]
            if m.spot.sentence == sentence - back
            and _agrees(thing, mention)
            and (back or mention.reflexive or m.governor != mention.governor)
        }
        if found:
            return next(iter(found.values())) if len(found) == 1 else None
    return None


def _agrees(thing: _Thing, mention: _Mention) -> bool:
    if thing.gender in ("he", "she", "it", "they"):
        return thing.gender == mention.pronoun
    person = thing.gender in ("name", "person")
    if mention.pronoun in ("he", "she"):
        return person
    return mention.pronoun == "it" and thing.gender == "name"


def _gender(mention: _Mention) -> str:
    """The pronoun that fits a noun; "person": he or she; "name": any but they; "time":
    none."""
    named = " ".join(mention.name).lower()
    if mention.head in TIMES | WEEKDAYS or named in MONTHS:
        return "time"
    if mention.plural:
        return "they"
    words = {mention.head, *mention.modifiers, *(w.lower() for w in mention.name)}
    if named in places.kinds():
        return "it"
    if words & _HE:
        return "he"
    if words & _SHE:
        return "she"
    if mention.name:
        return "name"
    return "person" if mention.head in _PERSONS else "it"


def _mentions(parsed: Parsed, number: int) -> Iterator[_Mention]:
    """The nouns and pronouns of a sentence that are no part of a longer name."""
    children: list[list[int]] = [[] for _ in parsed.words]
    for i, head in enumerate(parsed.heads):
        if head >= 0:
            children[head].append(i)
    for i, (word, tag) in enumerate(zip(parsed.words, parsed.tags, strict=True)):
        low = word.lower()
        arc = parsed.arcs[i].partition(":")[0]
        pronoun = _PRONOUNS.get(low, "") if tag.startswith("PRP") else ""
        if arc == "expl" or not (pronoun or tag.startswith("NN")):
            continue
        if not pronoun and arc in ("compound", "flat") and parsed.heads[i] >= 0:
            continue
        below = [c for c in children[i] if parsed.arcs[c].partition(":")[0] != "case"]
        named = tag.startswith("NNP")
        parts = [
            c for c in below if parsed.tags[c].startswith("NNP") and _joins(parsed, c)
        ]
        name = tuple(parsed.words[c] for c in sorted([i, *parts])) if named else ()
        yield _Mention(
            Spot(number, i),
            (parsed.lemmas[i] or lemma(word, tag)).lower(),
            name,
            frozenset(parsed.words[c].lower() for c in below if _modifies(parsed, c)),
            pronoun,
            any(parsed.words[c].lower() in _DEFINITE for c in below),
            tag in ("NNS", "NNPS"),
            parsed.heads[i],
            low.endswith(("self", "selves")),
        )


def _joins(parsed: Parsed, c: int) -> bool:
    arc = parsed.arcs[c].partition(":")[0]
    return parsed.tags[c].startswith("NNP") and arc in ("compound", "flat")


def _modifies(parsed: Parsed, c: int) -> bool:
    arc = parsed.arcs[c].partition(":")[0]
    return arc in ("amod", "compound", "nummod", "flat")
