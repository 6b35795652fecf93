"""A sentence beside its graph."""

import dataclasses

from papers.amr_summarization import pieces
from papers.amr_summarization.amr import Amr


@dataclasses.dataclass(frozen=True)
class Pair:
    """tags: Penn Treebank's, one a word; "" where unknown."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    amr: Amr


def aligned(amr: Amr, words: tuple[str, ...]) -> Amr:
    """The graph with a word for each variable that has none and is a form of one.

    A named entity gets the words of its name. Of several words the first is taken that
    no other variable has.
    """
    tokens = dict(amr.tokens)
    taken = {place for places in tokens.values() for place in places}
    for var, concept in amr.instances.items():
        if var in tokens:
            continue
        fits = [
            i
            for i, word in enumerate(words)
            if i not in taken and pieces.form(word, concept) is not None
        ]
        # The word that is most like the concept.
        fits.sort(key=lambda i: (len(pieces.form(words[i], concept) or ""), i))
        if fits:
            tokens[var] = (fits[0],)
            taken.add(fits[0])
    return dataclasses.replace(amr, tokens=tokens | _of_names(amr, words))


def _of_names(amr: Amr, words: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """The words of every name, for its entity."""
    owner = {edge.target: edge.source for edge in amr.edges if edge.role == ":name"}
    found: dict[str, tuple[int, ...]] = {}
    for name, entity in owner.items():
        values = [pieces.unquoted(a.value) for a in amr.attributes if a.var == name]
        for start in range(len(words) - len(values) + 1):
            if values and list(words[start : start + len(values)]) == values:
                found[entity] = tuple(range(start, start + len(values)))
                break
    return {var: places for var, places in found.items() if var not in amr.tokens}
