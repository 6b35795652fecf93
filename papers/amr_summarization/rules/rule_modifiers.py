"""Which role a modifier has: adjectives, adverbs, numbers, clauses of nouns."""

from collections.abc import Callable

from papers.amr_summarization.rules import frames, places, rule_degrees
from papers.amr_summarization.rules import rule_words as words
from papers.amr_summarization.rules.drafts import Draft, quoted
from papers.amr_summarization.rules.rule_entities import counted
from papers.amr_summarization.rules.rule_obliques import is_frame, is_time
from papers.amr_summarization.rules.rule_tree import is_verb

Visit = Callable[[Draft, int], str | None]


def modifier(d: Draft, i: int, var: str, c: int, visit: Visit) -> None:
    """An adjective, adverb, number, determiner, possessor or compound."""
    arc = d.arc(c)
    low = d.low[c]
    lemma = d.lemmas[c]
    if arc == "det":
        _determiner(d, var, c)
    elif low in words.NEGATIONS:
        if low == "never":
            d.link(var, ":time", d.add("ever", c))
    elif d.parsed.arcs[c] == "nmod:poss" or d.tags[c] == "PRP$":
        _possessor(d, i, var, c, visit)
    elif arc == "nummod":
        _numeral(d, var, c, visit)
    elif arc == "advmod":
        _adverb(d, i, var, c, visit)
    elif arc == "amod":
        _adjective(d, var, c, visit)
    elif arc == "appos":
        _apposition(d, var, c, visit)
    elif arc == "vocative":
        return
    elif arc in ("compound", "flat") and _people(lemma):
        _country(d, var, c)
    else:
        below = visit(d, c)
        if below is not None:
            made = arc == "compound" and lemma in words.MATERIALS
            time = is_time(d.instances[below])
            d.link(var, ":consist-of" if made else ":time" if time else ":mod", below)


def _link(d: Draft, source: str, role: str, target: str | None) -> None:
    if target is not None:
        d.link(source, role, target)


def _determiner(d: Draft, var: str, c: int) -> None:
    if d.low[c] == "no":
        d.constant(var, ":polarity", "-")
        d.done.add(c)
    elif d.low[c] in ("what", "which"):
        d.link(var, ":mod", d.add("amr-unknown", c))
    elif d.low[c] not in words.SILENT_DETERMINERS:
        d.link(var, ":mod", d.add(d.lemmas[c], c))


def _possessor(d: Draft, i: int, var: str, c: int, visit: Visit) -> None:
    below = visit(d, c)
    if below is None:
        return
    concept = d.instances[var]
    inner = next((e.source for e in d.edges if e.target == var and e.role == ":ARG0"
                  and d.tokens.get(e.source) == d.tokens.get(var)), None)  # fmt: skip
    if inner is not None and concept == "person":
        d.link(inner, ":ARG1", below)
    else:
        part = d.lemmas[i] in words.BODY
        role = ":ARG0" if is_frame(concept) else ":part-of" if part else ":poss"
        d.link(var, role, below)


def _numeral(d: Draft, var: str, c: int, visit: Visit) -> None:
    found = counted(d, c)
    if found is None:
        _link(d, var, ":quant", visit(d, c))
    else:
        d.constant(var, ":quant", found)
        d.done.add(c)


def _adverb(d: Draft, i: int, var: str, c: int, visit: Visit) -> None:
    low = d.low[c]
    if low in words.QUESTIONS and _relative(d, c) is not None:
        d.link(var, words.QUESTIONS[low], _relative(d, c))
        d.done.add(c)
        return
    below = visit(d, c)
    if below is None:
        return
    if low in words.QUESTIONS:
        role = words.QUESTIONS[low]
        if low == "how" and not is_verb(d, i):
            role = ":degree"
    elif low in words.TIME_ADVERBS:
        role = ":time"
    elif low in words.DIRECTIONS and is_verb(d, i):
        role = ":direction"
    elif low in words.FREQUENCIES:
        role = ":frequency"
    elif low in words.PLACE_ADVERBS:
        role = ":location"
    elif low in words.DEGREES and not is_verb(d, i):
        role = ":degree"
    elif low in words.FOCUS:
        role = ":mod"
    else:
        role = (
            ":manner" if is_verb(d, i) else ":degree" if low.endswith("ly") else ":mod"
        )
    d.link(var, role, below)


def _relative(d: Draft, c: int) -> str | None:
    """The noun that a relative word stands for."""
    return d.var_of.get(c)


def _people(lemma: str) -> bool:
    return lemma in places.peoples()


def _country(d: Draft, var: str, c: int) -> None:
    """ "French": `(c / country :name (n / name :op1 "France"))`."""
    country = d.add("country", c)
    own = d.add("name", c)
    d.link(country, ":name", own)
    for place, part in enumerate(places.peoples()[d.lemmas[c]].split(), start=1):
        d.constant(own, f":op{place}", quoted(part))
    d.link(var, ":mod", country)


def _adjective(d: Draft, var: str, c: int, visit: Visit) -> None:
    low = d.low[c]
    if _people(low):
        _country(d, var, c)
    elif low in words.ORDINALS:
        ordinal = d.add("ordinal-entity", c)
        d.constant(ordinal, ":value", str(words.ORDINALS[low]))
        d.link(var, ":ord", ordinal)
    elif d.tags[c] in ("VBN", "VBG", "VBD") and d.lemmas[c] != low:
        frame = d.add(frames.of_verb(d.lemmas[c]), c)
        d.var_of[c] = frame
        d.link(frame, ":ARG0" if d.tags[c] == "VBG" else ":ARG1", var)
        for own in d.kids(c, "advmod", "obl", "compound", "nmod"):
            modifier(d, c, frame, own, visit)
    elif low in ("many", "few", "several", "much"):
        _link(d, var, ":quant", visit(d, c))
    else:
        degree = rule_degrees.degree(d, c)
        below = visit(d, c)
        if below is None:
            return
        frame = is_frame(d.instances[below])
        if degree is not None:
            above = rule_degrees.linked(d, degree, below, visit)
            d.link(above, ":ARG1", var)
        if frame or degree is None:
            d.link(var, ":ARG1-of" if frame else ":mod", below)


def _apposition(d: Draft, var: str, c: int, visit: Visit) -> None:
    """A name beside a noun names it; a noun beside a name says what it is."""
    below = visit(d, c)
    if below is None:
        return
    named = {e.source: e.target for e in d.edges if e.role == ":name"}
    if below in named and var not in named:
        d.link(var, ":name", named[below])
        d.edges.pop((below, ":name", named[below]), None)
        d.rename(below, var)
    elif var in named and below not in named and not is_frame(d.instances[below]):
        d.instances[var] = d.instances[below]
        d.rename(below, var)
    else:
        d.link(var, ":mod", below)


def clause_of_noun(d: Draft, i: int, var: str, c: int, visit: Visit) -> None:
    """A relative clause, a participle or an infinitive that says more of a noun."""
    pronouns = [t for t in d.subtree(c) if t != c and _is_relative(d, c, t)][:1]
    for t in pronouns:
        d.var_of[t] = var
    below = visit(d, c)
    if below is None:
        return
    inner = d.var_of.get(c, below)
    if any(e for e in d.edges if inner == e.source and e.target == var):
        return
    if pronouns and any(
        var in (e.source, e.target) and d.below(below, e) for e in d.edges
    ):
        return
    d.link(inner, _clause_role(d, i, c), var)


def _is_relative(d: Draft, c: int, t: int) -> bool:
    if d.tags[t] in ("WDT", "WP", "WP$", "WRB"):
        return True
    return (
        d.low[t] == "that"
        and d.arc(t) in ("nsubj", "obj")
        and d.arc(c) == "acl"
        and t < c
    )


def _clause_role(d: Draft, i: int, c: int) -> str:
    """The role of the noun in a clause that does not name it."""
    has_subject = any(d.arc(s) in ("nsubj", "csubj") for s in d.children[c])
    has_object = any(d.arc(o) == "obj" for o in d.children[c])
    if has_subject:
        return (
            ":time"
            if d.lemmas[i] in words.TIMES
            else ":ARG2"
            if has_object
            else ":ARG1"
        )
    if d.tags[c] == "VBN":
        return ":ARG2" if has_object else ":ARG1"
    if any(d.low[m] == "to" for m in d.children[c]):
        event = frames.of_noun(d.lemmas[i])
        return ":ARG1-of" if event else ":purpose-of" if has_object else ":ARG1"
    return ":ARG0"
