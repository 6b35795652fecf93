"""What the rules ask of a tree."""

from common.text import parses
from common.text.parses import Parsed
from papers.amr_summarization.rules.drafts import Draft

# Words behind this depth of a tree are left out: no sentence of a language is so deep.
DEEPEST = 60


def prepared(parsed: Parsed) -> Parsed:
    """The tree as the rules read it: hung up again where it is too deep for them."""
    depths = parses.depths(parsed.heads)
    if max(depths, default=0) <= DEEPEST:
        return parsed
    root = parsed.heads.index(-1)
    heads = [
        head if depth <= DEEPEST or head < 0 else root
        for head, depth in zip(parsed.heads, depths, strict=True)
    ]
    arcs = [
        arc if depth <= DEEPEST else "dep"
        for arc, depth in zip(parsed.arcs, depths, strict=True)
    ]
    return Parsed(
        parsed.words,
        parsed.tags,
        tuple(heads),
        tuple(arcs),
        parsed.spans,
        parsed.lemmas,
    )


def is_verb(d: Draft, i: int) -> bool:
    return d.tags[i][:2] == "VB" and d.arc(i) != "amod" and d.arc(i) != "compound"


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
