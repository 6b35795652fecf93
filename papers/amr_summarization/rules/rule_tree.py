"""What the rules ask of a tree."""

import dataclasses

from common.text import parses, tagging
from common.text.parses import ROOT, Parsed
from papers.amr_summarization.rules import rule_words as words
from papers.amr_summarization.rules.drafts import Draft

# Words behind this depth of a tree are left out: no sentence of a language is so deep.
DEEPEST = 60
_ADVERBS = words.PLACE_ADVERBS | words.TIME_ADVERBS | words.FREQUENCIES
_ADVERBIAL = ("RB", "EX", "PR", "WR", "WP")  # what such tags begin with


def prepared(parsed: Parsed) -> Parsed:
    """The tree as the rules read it: names without adverbs, and hung up again where it
    is too deep for them."""
    parsed = with_expletives(with_adverbs(parsed))
    depths = parses.depths(parsed.heads)
    if max(depths, default=0) <= DEEPEST:
        return parsed
    root = parsed.heads.index(ROOT)
    heads = [
        head if depth <= DEEPEST or head < 0 else root
        for head, depth in zip(parsed.heads, depths, strict=True)
    ]
    arcs = [
        arc if depth <= DEEPEST else "dep"
        for arc, depth in zip(parsed.arcs, depths, strict=True)
    ]
    return dataclasses.replace(parsed, heads=tuple(heads), arcs=tuple(arcs))


def with_adverbs(parsed: Parsed) -> Parsed:
    """The tree with its adverbs and pronouns in small letters as such.

    Brill's rules call an adverb behind a name a name, and a parser may take it into
    that name: in "met Marie Curie there" it is no one, and hangs on "met".
    """
    tags, heads, arcs = [*parsed.tags], [*parsed.heads], [*parsed.arcs]
    for i, word in enumerate(parsed.words):
        named = parsed.tags[i].startswith("NNP")
        inside = _is_inside_name(parsed, i)
        if not (named or inside) or not _is_adverb(word):
            continue
        if named:
            tags[i] = _own_tag(word)
        if inside:
            heads[i] = _above_name(parsed, i)
            arcs[i] = "advmod"
    return dataclasses.replace(
        parsed, tags=tuple(tags), heads=tuple(heads), arcs=tuple(arcs)
    )


def with_expletives(parsed: Parsed) -> Parsed:
    """The tree with "there" in "there is" as what it is: no subject."""
    arcs = tuple(
        "expl" if tag == "EX" and head != ROOT else arc
        for tag, head, arc in zip(parsed.tags, parsed.heads, parsed.arcs, strict=True)
    )
    return dataclasses.replace(parsed, arcs=arcs)


def _is_adverb(word: str) -> bool:
    """Also a pronoun. With a capital, as in Home Depot, it may be a name."""
    return word.islower() and (
        word in _ADVERBS or tagging.alone(word).startswith(_ADVERBIAL)
    )


def _own_tag(word: str) -> str:
    """Without its neighbours; "there" behind a verb is an adverb."""
    own = tagging.alone(word)
    return "RB" if own == "EX" or own.startswith("NNP") else own


def _is_inside_name(parsed: Parsed, i: int) -> bool:
    """Whether the tree makes word i a part of a name that another word heads."""
    if parsed.heads[i] == ROOT or not parsed.tags[parsed.heads[i]].startswith("NNP"):
        return False
    flat = parsed.arcs[i].partition(":")[0] == "flat"
    return flat or (parsed.arcs[i] == "compound" and parsed.tags[i].startswith("NNP"))


def _above_name(parsed: Parsed, i: int) -> int:
    """What the name hangs on that word i is inside; the name where that is nothing."""
    head = parsed.heads[i]
    while _is_inside_name(parsed, head):
        head = parsed.heads[head]
    return head if parsed.heads[head] == ROOT else parsed.heads[head]


def is_verb(d: Draft, i: int) -> bool:
    return d.tags[i][:2] == "VB" and d.arc(i) != "amod" and d.arc(i) != "compound"


def is_question(d: Draft) -> bool:
    return "?" in d.words[-2:]


def is_adjective(d: Draft, i: int) -> bool:
    return d.tags[i][:2] == "JJ"


def is_clause(d: Draft, i: int) -> bool:
    return is_verb(d, i) or d.first(i, "cop") is not None


def is_passive(d: Draft, i: int) -> bool:
    """Told by its arcs, or by a participle behind a form of "be" or "get"."""
    arcs = [d.parsed.arcs[c] for c in d.children[i]]
    if "aux:pass" in arcs or "nsubj:pass" in arcs:
        return True
    helpers = [d.lemmas[c] for c in d.children[i] if d.arc(c) == "aux"]
    return d.tags[i] == "VBN" and ("be" in helpers or "get" in helpers)


def case(d: Draft, i: int) -> str:
    """The preposition of a noun, or the word that opens a clause, in lower case."""
    signs = [c for c in d.children[i] if d.arc(c) in ("case", "mark")]
    signs = [c for c in signs if d.tags[c] != "POS"]
    return " ".join(d.low[c] for c in sorted(signs)) if signs else ""
