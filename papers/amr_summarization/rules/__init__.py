"""From a dependency tree to AMR by rules, without training.

Every content word becomes a concept, and its relation to its head a role. What
trees do not tell, such as the senses of verbs, comes from lists of `frames` and
`rule_words`.
"""

from common.text.parses import ROOT, Parsed
from papers.amr_summarization.amr import Amr
from papers.amr_summarization.rules import frames, rule_arguments, rule_degrees
from papers.amr_summarization.rules import rule_words as words
from papers.amr_summarization.rules.drafts import Draft
from papers.amr_summarization.rules.rule_entities import entity
from papers.amr_summarization.rules.rule_tree import (
    is_adjective,
    is_clause,
    is_question,
    is_verb,
    prepared,
)

_ASKING = ("who", "whom", "what", "which", "whose", "that")
EMPTY = "amr-empty"  # the concept of a sentence that says nothing


def graph_of(parsed: Parsed) -> Amr:
    """The graph of a sentence; its tokens are the sentence's words. It always has a
    top: a sentence of signs alone is `(a / amr-empty)`."""
    d = Draft(prepared(parsed))
    opener = _opener(d)
    top = visit(d, d.parsed.heads.index(ROOT))
    if top is None:
        top = d.add(EMPTY)
    if opener is not None:
        top = _opened(d, opener, top)
    return d.finish(d.join(words.PERSONAL).get(top, top))


def _opener(d: Draft) -> int | None:
    """The first word, where it ties the sentence to the one before: "But". It is taken
    out of the sentence."""
    first = next((i for i, low in enumerate(d.low) if low[:1].isalnum()), None)
    ties = first is not None and d.low[first] in words.OPENERS and not d.children[first]
    if not ties or d.arc(first) in ("root", "det"):
        return None
    d.done.add(first)
    return first


def _opened(d: Draft, opener: int, top: str) -> str:
    """The top of the graph below what its first word says of it."""
    frame, role = words.OPENERS[d.low[opener]]
    var = d.add(frame, opener)
    d.link(var, role, top)
    return top if frame == "cause-01" else var


def visit(d: Draft, i: int) -> str | None:
    """The variable of the phrase that word i heads, its conjuncts included; None where
    it has no meaning of its own. The words below it are visited with it."""
    if i in d.var_of:
        return d.var_of[i]
    if d.arc(i) in ("punct", "cc", "case", "mark", "cop", "aux", "discourse", "expl"):
        return None
    if _is_stray(d, i):
        return None
    conjuncts = d.kids(i, "conj")
    if not conjuncts:
        return phrase(d, i)
    return _coordination(d, i, conjuncts)


def _is_stray(d: Draft, i: int) -> bool:
    """Whether an article, a preposition or a modal is left without its own word."""
    loose = d.tags[i] in ("IN", "MD") and d.arc(i) == "dep"
    return not d.children[i] and (loose or d.low[i] in words.ARTICLES)


def _coordination(d: Draft, i: int, conjuncts: list[int]) -> str | None:
    """`(a / and :op1 x :op2 y)`. Verbs without a subject share the first one's."""
    kind = "and"
    for c in conjuncts:
        for sign in d.kids(c, "cc"):
            kind = words.CONJUNCTIONS.get(d.low[sign], kind)
    role = ":ARG" if kind == "contrast-01" else ":op"
    d.done.update(conjuncts)
    ahead = d.add(kind)
    first = phrase(d, i)
    found = [first]
    for c in conjuncts:
        if is_clause(d, c) and is_clause(d, i) and d.first(c, "nsubj", "csubj") is None:
            rule_arguments.share_subject(d, i, c)
        found.append(visit(d, c))
    found = [var for var in found if var is not None]
    for place, var in enumerate(found, start=1):
        d.link(ahead, f"{role}{place}", var)
    if len(found) == 1:
        return found[0]
    return ahead if found else None


def phrase(d: Draft, i: int) -> str | None:
    """The phrase of one word without its conjuncts."""
    if d.first(i, "cop") is not None:
        var = _predicate(d, i)
    elif is_verb(d, i):
        var = _verb(d, i)
    else:
        var = nominal(d, i)
        var = rule_arguments.negated(d, i, var) if var else None
    return rule_arguments.below_speech(d, i, var)


def _verb(d: Draft, i: int) -> str:
    """A verb with its arguments, below its modal if it has one."""
    particles = d.kids(i, "compound:prt")
    lemma = d.lemmas[i]
    frame = frames.of_verb(lemma, d.low[particles[0]] if particles else "")
    if lemma == "be":
        return _existence(d, i)
    if lemma == "have" and any(rule_arguments.has_to(d, c) for c in d.kids(i, "xcomp")):
        frame = "obligate-01"
    var = d.add(frame, i, *particles)
    d.var_of[i] = var
    rule_arguments.attach_all(d, i, var, visit)
    return rule_arguments.wrapped(d, i, var)


def _existence(d: Draft, i: int) -> str:
    """ "There is a boy": the boy. What else hangs on "is" hangs on him."""
    subject = d.first(i, "nsubj", "ccomp", "xcomp", "obl", "advmod")
    if subject is None:
        var = d.add("be-01", i)
    else:
        d.done.add(i)
        var = visit(d, subject) or d.add("be-01", i)
        d.done.add(subject)
    d.var_of[i] = var
    rule_arguments.attach_all(d, i, var, visit)
    return rule_arguments.wrapped(d, i, var)


def _predicate(d: Draft, i: int) -> str:
    """A noun, an adjective or a place that a subject is said to be."""
    cases = d.kids(i, "case")
    if cases and d.low[cases[-1]] in words.PLACES | {"from", "for", "with", "about"}:
        var = d.add("be-located-at-91")
        place = nominal(d, i, without=rule_arguments.CLAUSAL) or d.add("thing", i)
        d.link(var, ":ARG2", place)
        subject_role = ":ARG1"
    else:
        frame = frames.of_adjective(d.lemmas[i]) if is_adjective(d, i) else ""
        if d.lemmas[i] == "able":
            frame = "possible-01"
        degree = rule_degrees.degree(d, i) if is_adjective(d, i) else None
        var = nominal(d, i, without=rule_arguments.CLAUSAL)
        subject_role = ":ARG1" if frame else ":domain"
        if var is None:
            var = d.add(d.lemmas[i] or "thing", i)
        if degree is not None:
            var = rule_degrees.linked(d, degree, var, visit)
            subject_role = ":ARG1"
    d.var_of[i] = var
    rule_arguments.attach_clause(d, i, var, visit, subject_role)
    return rule_arguments.wrapped(d, i, var)


def nominal(d: Draft, i: int, without: frozenset[str] = frozenset()) -> str | None:
    """A noun, name, pronoun, adjective or adverb with what modifies it.

    without: relations of children that are left to the caller.
    """
    var = entity(d, i)
    if var is None:
        var = _plain(d, i)
    if var is not None:
        rule_arguments.attach_all(d, i, var, visit, without)
    return var


def _plain(d: Draft, i: int) -> str | None:
    lemma = d.lemmas[i]
    low = d.low[i]
    tag = d.tags[i]
    if low in words.QUESTIONS or (tag.startswith("W") and low in _ASKING):
        concept = "amr-unknown" if is_question(d) else words.EMBEDDED.get(low, "thing")
    elif tag.startswith("JJ"):
        return _adjective(d, i)
    elif tag.startswith("RB"):
        concept = frames.of_adverb(lemma)
    elif tag.startswith("NN"):
        return _noun(d, i)
    elif tag in ("SYM", ".", ",", ":", "``", "''", "-LRB-", "-RRB-", "HYPH", "POS"):
        return None
    else:
        concept = lemma
    var = d.add(concept, i)
    d.var_of[i] = var
    return var


def _adjective(d: Draft, i: int) -> str:
    made = frames.of_adjective(d.lemmas[i]).split()
    var = d.add(made[0] if made else d.lemmas[i], i)
    d.var_of[i] = var
    if len(made) > 1:  # possible-01 and what is possible
        d.link(var, ":ARG1", d.add(made[1], i))
    return var


def _noun(d: Draft, i: int) -> str:
    agent = frames.of_agent(d.lemmas[i])
    if agent:
        var = d.add("person", i)
        d.link(d.add(agent, i), ":ARG0", var)
    else:
        var = d.add(frames.of_noun(d.lemmas[i]) or d.lemmas[i], i)
    d.var_of[i] = var
    return var
