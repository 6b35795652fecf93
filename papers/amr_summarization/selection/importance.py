"""Which nodes of a document are its key nodes.

tf is the number of sentences that say a node, once mentions have been merged; of equal
ones the node that comes first counts. Common nouns that are said again and again join
the list with their counts: meta nodes.
"""

import functools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from common.text.parses import Parsed
from papers.amr_summarization.rules import listed
from papers.amr_summarization.selection.document_graph import DocumentGraph, Node, Spot
from papers.amr_summarization.selection.merging import PRONOUNS

UNKNOWN_IDF = 5.477  # the released code's, of a word that its corpus lacks
TOP = 5  # entries whose score idf changes, in the released code

# Concepts that say nothing of a document.
EMPTY = PRONOUNS | listed.words(
    "and or contrast-01 multi-sentence amr-unknown amr-empty amr-choice name thing "
    "possible-01 obligate-01 recommend-01 be-located-at-91 be-01 have-03 do-02 "
    "cause-01 resemble-01 have-degree-91 equal too enough less least "
    "before after until since as such other all some any every each more most many one "
    "no not also only very percentage-entity"
)
_SENSE = re.compile(r"-\d\d+$")


class Key(NamedTuple):
    """A key node: one node of the graph, or a meta node's several."""

    nodes: tuple[int, ...]
    label: str
    score: float
    first: int  # the earliest sentence that says it
    meta: bool = False

    def sentences(self, graph: DocumentGraph) -> set[int]:
        return {s for n in self.nodes for s in graph.nodes[n].sentences}


def keys(
    graph: DocumentGraph,
    sentences: Sequence[Parsed],
    clusters: Iterable[Sequence[Spot]] = (),
    *,
    scores: str = "tf",
    meta: bool = True,
    decay: float = 0.0,
    idf: Mapping[str, float] | None = None,
) -> list[Key]:
    """All key nodes, the best first.

    scores: "tf"; "top_idf", where idf multiplies the best five entries alone, as the
    released code has it; "tfidf", where it multiplies all.
    decay: a sentence counts 1 / (1 + decay * its number) in tf.
    idf: of lemmas in lower case, `UNKNOWN_IDF` for others.
    """
    found = [_key(n, node, decay) for n, node in graph.nodes.items() if _says(node)]
    if meta:
        found += _meta(graph, sentences, clusters, decay)
    if scores == "tfidf":
        found = [_weighed(key, idf or {}) for key in found]
    found.sort(key=_order)
    if scores == "top_idf":
        top = [_weighed(key, idf or {}) for key in found[:TOP]]
        found = sorted(top, key=_order) + found[TOP:]
    return found


def _order(key: Key) -> tuple:
    return -key.score, key.first, key.nodes


def _says(node: Node) -> bool:
    return bool(node.name) or node.concept not in EMPTY


def _key(number: int, node: Node, decay: float) -> Key:
    score = sum(1 / (1 + decay * s) for s in node.sentences)
    return Key((number,), node.label, score, min(node.sentences))


def _meta(
    graph: DocumentGraph,
    sentences: Sequence[Parsed],
    clusters: Iterable[Sequence[Spot]],
    decay: float,
) -> list[Key]:
    """Common nouns that stand twice and more outside of coreference."""
    mentions = {spot for cluster in clusters for spot in cluster}
    spots: dict[str, set[Spot]] = defaultdict(set)
    nodes: dict[str, list[int]] = defaultdict(list)
    for number, node in graph.nodes.items():
        own = [
            spot
            for spot in sorted(node.spots - mentions)
            if sentences[spot.sentence].tags[spot.token] in ("NN", "NNS")
        ]
        if own and not node.name and _says(node):
            spots[node.concept].update(own)
            nodes[node.concept].append(number)
    return [
        Key(
            tuple(nodes[concept]),
            concept,
            sum(1 / (1 + decay * spot.sentence) for spot in sorted(own)),
            min(own).sentence,
            meta=True,
        )
        for concept, own in spots.items()
        if len(nodes[concept]) > 1
    ]


def _weighed(key: Key, idf: Mapping[str, float]) -> Key:
    return key._replace(score=key.score * idf.get(bare(key.label), UNKNOWN_IDF))


def bare(label: str) -> str:
    """A concept without its sense, in lower case."""
    return _SENSE.sub("", label).lower()


def inverse_frequencies(documents: Iterable[Iterable[str]]) -> dict[str, float]:
    """log(N / df) of the words of N documents."""
    counts = Counter()
    total = 0
    for words in documents:
        counts.update({word.lower() for word in words})
        total += 1
    return {word: math.log(total / count) for word, count in counts.items()}


@functools.cache
def news_frequencies() -> dict[str, float]:
    """idf of lemmas in the 350 news stories inside gensim."""
    from common.data import wiki_articles
    from common.text import sentences, tagging
    from papers.amr_summarization.rules.lemmas import lemma

    documents = []
    for story in wiki_articles.news():
        found = set()
        for sentence in sentences.split(story):
            words = [word.text for word in sentence]
            tags = tagging.tags(words)
            found |= {lemma(w, t).lower() for w, t in zip(words, tags, strict=True)}
        documents.append(found)
    return inverse_frequencies(documents)
