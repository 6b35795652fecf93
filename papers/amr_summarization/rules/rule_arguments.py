"""Which role each dependent of a word has."""

from collections.abc import Callable

from papers.amr_summarization.rules import listed, rule_modifiers, rule_obliques
from papers.amr_summarization.rules import rule_words as words
from papers.amr_summarization.rules.drafts import Draft
from papers.amr_summarization.rules.rule_tree import (
    case,
    is_clause,
    is_passive,
    is_question,
    is_verb,
)

Visit = Callable[[Draft, int], str | None]

# Dependents of a predicate, as against those of the noun or adjective that it is.
CLAUSAL = listed.words("nsubj csubj cop aux advcl parataxis mark expl ccomp vocative")
_SILENT = listed.words("punct cc case cop aux mark expl discourse goeswith reparandum")
_CORE = ("nsubj", "csubj", "obj", "iobj", "dobj")


def attach_all(
    d: Draft, i: int, var: str, visit: Visit, without: frozenset[str] = frozenset()
) -> None:
    """Visits the children of word i, whose variable is `var`, and links them: subjects
    and objects first, which clauses below take up again."""
    children = [c for c in d.children[i] if d.arc(c) not in without]
    children.sort(key=lambda c: (d.arc(c) not in _CORE, c))
    for c in children:
        if c not in d.done and d.arc(c) not in _SILENT and d.arc(c) != "conj":
            _attach(d, i, var, c, visit, ":ARG0")


def attach_clause(d: Draft, i: int, var: str, visit: Visit, subject: str) -> None:
    """The dependents that a copula's predicate has as a clause."""
    for c in sorted(d.children[i]):
        if c not in d.done and d.arc(c) in CLAUSAL and d.arc(c) not in _SILENT:
            _attach(d, i, var, c, visit, subject)


def _attach(d: Draft, i: int, var: str, c: int, visit: Visit, subject: str) -> None:
    arc = d.arc(c)
    if arc in ("nsubj", "csubj"):
        _link(d, var, _subject_role(d, i, c, subject), visit(d, c))
    elif arc in ("obj", "dobj"):
        asked = d.lemmas[i] in words.TELLING and d.kids(i, "xcomp", "ccomp")
        told = asked or (d.lemmas[i] == "tell" and d.tags[c] == "PRP")
        _link(d, var, ":ARG2" if told else ":ARG1", visit(d, c))
    elif arc == "iobj":
        _link(d, var, ":ARG2", visit(d, c))
    elif arc == "xcomp":
        _open_clause(d, i, var, c, visit)
    elif arc == "ccomp":
        below = visit(d, c)
        _link(d, var, ":ARG1", _sought(d, c) or below)
    elif arc == "advcl":
        _adverbial_clause(d, i, var, c, visit)
    elif arc == "parataxis":
        _parataxis(d, i, var, c, visit)
    elif arc == "acl":
        rule_modifiers.clause_of_noun(d, i, var, c, visit)
    elif arc in ("obl", "nmod") and d.parsed.arcs[c] != "nmod:poss":
        rule_obliques.oblique(d, i, var, c, visit)
    else:
        rule_modifiers.modifier(d, i, var, c, visit)


def _sought(d: Draft, c: int) -> str | None:
    """What a clause asks for: in "I know what you want" the thing, not the wanting."""
    if is_question(d):
        return None
    asking = (k for k in d.children[c] if d.tags[k] == "WP")
    return next((d.var_of[k] for k in asking if k in d.var_of), None)


def _link(d: Draft, source: str, role: str, target: str | None) -> None:
    if target is not None:
        d.link(source, role, target)


def _subject_role(d: Draft, i: int, c: int, subject: str) -> str:
    if d.parsed.arcs[c].endswith(":pass") or is_passive(d, i):
        return ":ARG1"
    if is_verb(d, i) and d.lemmas[i] in words.UNACCUSATIVE and not _has_object(d, i):
        return ":ARG1"
    if d.lemmas[i] == "have" and any(has_to(d, x) for x in d.children[i]):
        return ":ARG1"
    return subject


def _has_object(d: Draft, i: int) -> bool:
    return any(d.arc(c) in ("obj", "dobj") for c in d.children[i])


def has_to(d: Draft, c: int) -> bool:
    """Whether a word is the verb of "to do", as below "have to do"."""
    return d.arc(c) == "xcomp" and any(d.low[m] == "to" for m in d.children[c])


def _open_clause(d: Draft, i: int, var: str, c: int, visit: Visit) -> None:
    """A clause without its own subject: the object acts in it, else the subject."""
    objects = [o for o in d.children[i] if d.arc(o) in ("obj", "dobj", "iobj")]
    subjects = [s for s in d.children[i] if d.arc(s) == "nsubj"]
    controller = (objects or subjects or [None])[-1]
    lemma = d.lemmas[i]
    owner = d.var_of.get(controller) if controller is not None else None
    if objects and lemma in words.RAISING and owner is not None:
        for role in (":ARG1", ":ARG2"):
            d.edges.pop((var, role, owner), None)
    below = visit(d, c)
    inner = d.var_of.get(c, below)
    if below is None or inner is None:
        return
    role = ":ARG1"
    if objects and lemma not in words.RAISING | words.TELLING:
        role = ":ARG2"
    if lemma == "have" and has_to(d, c):
        role = ":ARG2"
        for s in subjects:
            if s in d.var_of:
                d.edges.pop((var, ":ARG1", d.var_of[s]), None)
    d.link(var, role, below)
    if owner is not None:
        d.link(inner, _role_below(d, c), owner)


def _role_below(d: Draft, c: int) -> str:
    """The role of the subject that a clause shares with the one above."""
    if is_passive(d, c):
        return ":ARG1"
    if is_verb(d, c):
        unaccusative = d.lemmas[c] in words.UNACCUSATIVE and not _has_object(d, c)
        return ":ARG1" if unaccusative else ":ARG0"
    return ":ARG1" if d.instances[d.var_of[c]][-3:-2] == "-" else ":domain"


def share_subject(d: Draft, i: int, c: int) -> None:
    """The subject of clause i is also that of its conjunct c."""
    owner = next((s for s in d.children[i] if d.arc(s) in ("nsubj", "csubj")), None)
    if owner is not None and owner in d.var_of:
        d.shared[c] = d.var_of[owner]


def _adverbial_clause(d: Draft, i: int, var: str, c: int, visit: Visit) -> None:
    mark = case(d, c)
    first = mark.split()[0] if mark else ""
    if not first:
        adverbs = [
            a for a in d.children[c] if d.low[a] in words.MARKS and d.arc(a) == "advmod"
        ]
        if adverbs:
            first = d.low[adverbs[0]]
            d.done.add(adverbs[0])
    if not first and d.tags[c] == "VB" and any(d.low[m] == "to" for m in d.children[c]):
        first = "to"
    below = visit(d, c)
    if below is None:
        return
    role = words.MARKS.get(first, ":manner" if d.tags[c] == "VBG" else ":time")
    if first == "unless":
        d.constant(below, ":polarity", "-")
    if first == "without":
        d.constant(below, ":polarity", "-")
    if first in words.BETWEEN and first not in ("since", "during"):
        between = d.add(first)
        d.link(between, ":op1", below)
        below = between
    d.link(var, role, below)
    if not any(d.arc(s) in ("nsubj", "csubj") for s in d.children[c]) and is_clause(
        d, c
    ):
        owner = next((s for s in d.children[i] if d.arc(s) == "nsubj"), None)
        if owner is not None and owner in d.var_of and c in d.var_of:
            d.link(d.var_of[c], _role_below(d, c), d.var_of[owner])


def _parataxis(d: Draft, i: int, var: str, c: int, visit: Visit) -> None:
    """`he left , she said`: what is said is the object of the saying."""
    below = visit(d, c)
    if below is None:
        return
    if d.lemmas[c] in words.SAYING and not _has_object(d, c):
        d.lifted[i] = below
    else:
        d.link(var, ":mod", below)


def wrapped(d: Draft, i: int, var: str) -> str:
    """The predicate below its modal, denied, asked or ordered as its helpers say."""
    shared = d.shared.get(i)
    if shared is not None:
        d.link(var, _role_below(d, i), shared)
    helpers = [c for c in d.children[i] if d.arc(c) == "aux"]
    modal = next((c for c in helpers if d.low[c] in words.MODALS), None)
    denied = [
        c for c in d.children[i] if d.low[c] in words.NEGATIONS and d.arc(c) != "det"
    ]
    outer = var
    if modal is not None:
        frame, role = words.MODALS[d.low[modal]]
        outer = d.add(frame, modal)
        d.link(outer, role, var)
    if denied:
        high = modal is not None and d.low[modal] in words.NEGATED_MODALS
        d.constant(outer if high else var, ":polarity", "-")
    _mood(d, i, var, outer)
    return outer


def below_speech(d: Draft, i: int, var: str | None) -> str | None:
    """A phrase below the verb that says it, where one was found beside it."""
    above = d.lifted.get(i)
    if above is None or var is None:
        return var
    d.link(above, ":ARG1", var)
    return above


def negated(d: Draft, i: int, var: str) -> str:
    """A noun or adjective with "not" beside it."""
    if any(d.low[c] in words.NEGATIONS and d.arc(c) != "det" for c in d.children[i]):
        d.constant(var, ":polarity", "-")
    return var


def _mood(d: Draft, i: int, var: str, outer: str) -> None:
    """A question that yes or no answers, or an order."""
    if d.parsed.heads[i] >= 0:
        return
    helpers = [c for c in d.children[i] if d.arc(c) in ("aux", "cop")]
    subjects = [c for c in d.children[i] if d.arc(c) in ("nsubj", "csubj")]
    if is_question(d) and not any(tag.startswith("W") for tag in d.tags):
        unknown = d.add("amr-unknown")
        d.link(outer, ":polarity", unknown)
    elif not subjects and not helpers and d.tags[i] in ("VB", "VBP") and not any(
        d.low[c] == "to" for c in d.children[i]
    ):  # fmt: skip
        d.constant(var, ":mode", "imperative")
        d.link(var, ":ARG0", d.add("you"))
