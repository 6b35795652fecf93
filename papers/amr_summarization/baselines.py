"""Summaries of whole sentences, to compare with: the lead, TextRank, chance."""

import math
import random
from collections.abc import Iterable, Iterator, Sequence

import networkx

from common.text.parses import Parsed
from papers.amr_summarization.lemmas import lemma
from papers.amr_summarization.select import Piece, whole
from papers.amr_summarization.small_words import SMALL_WORDS
from papers.amr_summarization.summarise import Analysis


def lead(found: Analysis, count: int | None = None) -> Iterator[Piece]:
    """The first `count` sentences, or all in their order."""
    for sentence in range(len(found.document))[:count]:
        yield whole(found.graph, sentence, found.lengths[sentence])


def in_order(found: Analysis, sentences: Iterable[int]) -> Iterator[Piece]:
    for sentence in sentences:
        yield whole(found.graph, sentence, found.lengths[sentence])


def drawn(found: Analysis, seed: int) -> Iterator[Piece]:
    """Sentences in a random order."""
    order = list(range(len(found.document)))
    random.Random(seed).shuffle(order)
    return in_order(found, order)


def textrank(found: Analysis) -> Iterator[Piece]:
    """The sentences by TextRank, the highest rank first (Mihalcea and Tarau, "TextRank:
    Bringing Order into Texts", 2004): PageRank over the words that two share."""
    ranks = sentence_ranks([content(parsed) for parsed in found.document.sentences])
    return in_order(found, sorted(ranks, key=lambda i: (-ranks[i], i)))


def sentence_ranks(sentences: Sequence[frozenset[str]]) -> dict[int, float]:
    """PageRank of each sentence. Two are joined by |a & b| / (log |a| + log |b|)."""
    graph = networkx.Graph()
    graph.add_nodes_from(range(len(sentences)))
    for i, one in enumerate(sentences):
        for j in range(i):
            shared = len(one & sentences[j])
            lengths = len(one) * len(sentences[j])
            if shared and lengths > 1:
                graph.add_edge(j, i, weight=shared / math.log(lengths))
    return networkx.pagerank(graph)


def content(parsed: Parsed) -> frozenset[str]:
    """The lemmas of a sentence's words, without those that all sentences have."""
    found = (
        (lemma_ or lemma(word, tag)).lower()
        for word, tag, lemma_ in zip(
            parsed.words, parsed.tags, parsed.lemmas, strict=True
        )
    )
    return frozenset(w for w in found if w[:1].isalnum() and w not in SMALL_WORDS)
