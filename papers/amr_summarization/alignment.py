"""Which words of a sentence the concepts of its graph stand for, by their forms.

Rules in the manner of JAMR's aligner (Flanigan et al. 2014): names by their words,
concepts by the lemma or by a long common beginning, each word once.
"""

import dataclasses
from collections.abc import Sequence

from common.text import tagging
from papers.amr_summarization import frames
from papers.amr_summarization.amr import Amr
from papers.amr_summarization.lemmas import lemma

_PREFIX = 4  # letters that a word and a concept share at least


def aligned(amr: Amr, words: Sequence[str]) -> Amr:
    """The graph with the places of words in `tokens`; concepts that no word shows, such
    as "person" above a name, have none."""
    low = [word.lower() for word in words]
    tags = tagging.tags(words) if words else ()
    lemmas = [lemma(w, t).lower() for w, t in zip(words, tags, strict=True)]
    taken: set[int] = set()
    tokens: dict[str, tuple[int, ...]] = {}
    for attribute in amr.attributes:
        if amr.instances[attribute.var] == "name":
            value = attribute.value.strip('"').lower()
            place = _first(low, taken, value)
            if place is not None:
                taken.add(place)
                tokens[attribute.var] = (*tokens.get(attribute.var, ()), place)
    for exact in (True, False):
        for var, concept in amr.instances.items():
            if var in tokens or concept == "name":
                continue
            stem = frames.stem(concept).lower()
            place = _first(lemmas, taken, stem) if exact else _like(low, taken, stem)
            if place is not None:
                taken.add(place)
                tokens[var] = (place,)
    return dataclasses.replace(amr, tokens=tokens)


def _first(words: Sequence[str], taken: set[int], word: str) -> int | None:
    return next((i for i, w in enumerate(words) if w == word and i not in taken), None)


def _like(words: Sequence[str], taken: set[int], stem: str) -> int | None:
    """The word with the longest common beginning."""
    best = None
    for i, word in enumerate(words):
        shared = next(
            (k for k, (a, b) in enumerate(zip(word, stem, strict=False)) if a != b),
            min(len(word), len(stem)),
        )
        if i not in taken and shared >= max(_PREFIX, len(stem) - 2):
            best = max(best or (shared, -i), (shared, -i))
    return None if best is None else -best[1]
