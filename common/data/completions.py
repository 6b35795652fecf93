"""Which entities complete a question about a graph, and which do not.

A question is a pair of an entity and a relation: (Paris, ?, capital of). Its answers
are looked up, excluded from ranks, and left out of wrong answers that training draws.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from common.data.triples import Graph, Triples


class Completions:
    """For every pair of an entity and a relation, the entities that complete it.

    Pairs are looked up by binary search in one sorted array, so that a graph of many
    millions of triples fits in memory.

    Args:
      given: [n], the entity of each triple that a question names.
      relation: [n].
      answer: [n], the entity that completes the triple.
      entities: their number.
      relations: their number.
    """

    def __init__(
        self,
        given: Int[np.ndarray, "n"],
        relation: Int[np.ndarray, "n"],
        answer: Int[np.ndarray, "n"],
        *,
        entities: int,
        relations: int,
    ) -> None:
        self._entities = entities
        self._relations = relations
        keys = self._pair(given, relation)
        order = np.lexsort((answer, keys))
        keys = keys[order]
        answer = np.asarray(answer)[order]
        new = np.ones(len(keys), bool)
        new[1:] = (keys[1:] != keys[:-1]) | (answer[1:] != answer[:-1])
        keys = keys[new]
        self._answers = answer[new].astype(np.int32)
        self._pairs, self._starts = np.unique(keys, return_index=True)
        self._starts = np.append(self._starts, len(keys))
        pair = np.repeat(np.arange(len(self._pairs)), np.diff(self._starts))
        place = np.arange(len(keys)) - self._starts[pair]
        # Pair after pair, each answer; and how many entities below it are no answer.
        self._sorted = pair * np.int64(entities) + self._answers
        self._below = self._sorted - place

    @classmethod
    def tails(cls, graph: Graph, triples: Triples) -> "Completions":
        """The tails that `triples` have beside a head and a relation."""
        return cls(*triples.T, **_sizes(graph))

    @classmethod
    def heads(cls, graph: Graph, triples: Triples) -> "Completions":
        """The heads that `triples` have beside a tail and a relation."""
        return cls(*triples[:, ::-1].T, **_sizes(graph))

    def _pair(self, given: np.ndarray, relation: np.ndarray) -> np.ndarray:
        return given.astype(np.int64) * self._relations + relation

    def find(
        self, given: Int[np.ndarray, "*n"], relation: Int[np.ndarray, "*n"]
    ) -> Int[np.ndarray, "*n"]:
        """The number of each pair, for the functions below; -1: it has no answer."""
        wanted = self._pair(given, relation)
        place = np.searchsorted(self._pairs, wanted)
        place = np.minimum(place, len(self._pairs) - 1)
        return np.where(self._pairs[place] == wanted, place, -1)

    def holds(
        self,
        given: Int[np.ndarray, "n"],
        relation: Int[np.ndarray, "n"],
        answer: Int[np.ndarray, "n"],
    ) -> Bool[np.ndarray, "n"]:
        """Whether each triple is one of the graph's."""
        pair = self.find(given, relation)
        base = np.maximum(pair, 0) * np.int64(self._entities)
        place = np.searchsorted(self._sorted, base + answer)
        place = np.minimum(place, len(self._sorted) - 1)
        return (pair >= 0) & (self._sorted[place] == base + answer)

    def count(self, pair: Int[np.ndarray, "*n"]) -> Int[np.ndarray, "*n"]:
        """How many entities complete each pair."""
        counts = self._starts[pair + 1] - self._starts[pair]
        return np.where(pair >= 0, counts, 0)

    def answers(self, pair: int) -> Int[np.ndarray, "answers"]:
        """The entities that complete a pair, in rising order."""
        if pair < 0:
            return self._answers[:0]
        return self._answers[self._starts[pair] : self._starts[pair + 1]]

    def padded(
        self, pair: Int[np.ndarray, "n"], width: int | None = None
    ) -> Int[np.ndarray, "n width"]:
        """The entities that complete each pair, -1 after them. `width` is at least
        their largest number, and that by default."""
        counts = self.count(pair)
        width = int(counts.max(initial=0)) if width is None else width
        place = np.arange(width)
        answers = self._starts[pair][:, None] + place
        held = place < counts[:, None]
        return np.where(held, self._answers[np.where(held, answers, 0)], -1)

    def draw_others(
        self, pair: Int[np.ndarray, "*n"], uniform: Float[np.ndarray, "*n"]
    ) -> Int[np.ndarray, "*n"]:
        """An entity that does not complete the pair, all of them equally likely; -1
        where every entity does.

        uniform: a draw in [0, 1) for each.
        """
        others = self._entities - self.count(pair)
        place = (uniform * others).astype(np.int64)
        key = np.maximum(pair, 0) * np.int64(self._entities) + place
        before = np.searchsorted(self._below, key, side="right") - self._starts[pair]
        drawn = place + np.where(pair >= 0, before, 0)
        return np.where(others > 0, drawn, -1).astype(np.int32)


def _sizes(graph: Graph) -> dict[str, int]:
    return {"entities": len(graph.entities), "relations": len(graph.relations)}


def repeated(graph: Graph, split: str) -> int:
    """How many triples of a split stand in the training set too."""
    known = Completions.tails(graph, graph.train)
    return int(known.holds(*getattr(graph, split).T).sum())
