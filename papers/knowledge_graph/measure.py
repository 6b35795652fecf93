"""Link prediction and triple classification of trained embeddings."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from common.data.completions import Completions
from common.data.triples import HEAD, RELATION, TAIL, Graph, Triples, tails_and_heads
from common.host import to_host
from common.optim import ema_params
from common.rows import split_beside
from papers.knowledge_graph import data, ranks
from papers.knowledge_graph.config import Config, Model
from papers.knowledge_graph.embeddings import Params, entity_rows, relation_rows
from papers.knowledge_graph.ranks import Questions, Ranks
from papers.knowledge_graph.scores import score

KINDS = ("1-1", "1-N", "N-1", "N-N")  # of relations
MANY = 1.5  # heads beside a tail, or tails beside a head, from which on it is N
CHUNK = 4096  # triples that are scored at once
TRIES = 20  # draws of a wrong entity that was seen in its place


@dataclasses.dataclass(frozen=True)
class Ranked:
    """Test triples and the ranks of their heads and tails."""

    triples: Triples
    ranks: Ranks


def params_of(state: Any) -> Params:
    """The tables that are measured: their running averages, where those are kept."""
    return ema_params(state.opt_state, state.params)


def ranked(config: Config, state: Any, split: str = "test") -> Ranked:
    """The ranks of a split's triples, relation by relation: an embedding projects the
    entities once for a block of questions. Exact: every entity is scored."""
    graph = data.graph(config)
    triples = data.spaced(getattr(graph, split), config.eval.most)
    params = params_of(state)
    found = Ranks(*(np.zeros((len(triples), 2)) for _ in Ranks._fields))
    entities = len(graph.entities)
    rank = _compiled(*dataclasses.astuple(config.model))
    pending = []
    for place in _blocks(triples[:, RELATION], config.eval.block):
        questions = _questions(config, triples[place], config.eval.block)
        split_questions = Questions(*(split_beside(params, x) for x in questions))
        relation = triples[place[0], RELATION].astype(np.int32)
        pending.append((place, rank(params, relation, split_questions, entities)))
    for place, block in pending:
        for values, array in zip(found, to_host(block), strict=True):
            values[place] = array[: len(place)]
    return Ranked(triples, found)


@functools.lru_cache(maxsize=8)
def _compiled(*model: Any) -> Callable[..., Ranks]:
    """`ranks.of_relation` for a `Model` of these fields. Runs that differ in their seed
    share it: its several shapes compile for longer than they run."""
    return jax.jit(partial(ranks.of_relation, Model(*model)), static_argnums=3)


def _blocks(
    relations: Int[np.ndarray, "n"], size: int
) -> Iterator[Int[np.ndarray, "block"]]:
    """Rows of one relation, at most `size` at once."""
    order = np.argsort(relations, kind="stable")
    cuts = np.flatnonzero(np.diff(relations[order])) + 1
    for rows in np.split(order, cuts):
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def _questions(config: Config, triples: Triples, rows: int) -> Questions:
    """The questions of triples of one relation, padded to `rows`; the lists of known
    answers are padded to few widths, as each is compiled."""
    head, relation, tail = triples.astype(np.int32).T
    heads, tails = data.known_answers(config)
    missing = rows - len(triples)

    def known(completions: Completions, given: np.ndarray) -> np.ndarray:
        pair = completions.find(given, relation)
        widest = int(completions.count(pair).max())
        width = 4 ** int(np.ceil(np.log(max(widest, 4)) / np.log(4)))
        answers = completions.padded(pair, width)
        return np.pad(answers, [(0, missing), (0, 0)], constant_values=-1)

    return Questions(
        heads=np.pad(head, (0, missing)),
        tails=np.pad(tail, (0, missing)),
        known_heads=known(heads, tail),
        known_tails=known(tails, head),
    )


def kinds(graph: Graph) -> list[str]:
    """The kind of each relation, by section 4.3 of Bordes et al. 2013: 1 where fewer
    than 1.5 entities stand beside one on average, over all splits."""
    tph, hpt = tails_and_heads(graph.all, len(graph.relations))
    return [
        f"{'1' if h < MANY else 'N'}-{'1' if t < MANY else 'N'}"
        for t, h in zip(tph, hpt, strict=True)
    ]


def accuracy(config: Config, state: Any) -> float:
    """Triple classification: the share of right answers about test triples and as many
    wrong ones.

    A triple is called true where its score is below the threshold of its relation, the
    one that is best on validation triples; of a relation without any, the one that is
    best for all relations together. Wrong triples are as in Socher et al. 2013: an
    entity that occurs in the place, beside the relation, replaces the right one.
    """
    graph = data.graph(config)
    valid, valid_true = _with_wrong(config, graph, graph.valid)
    test, test_true = _with_wrong(config, graph, graph.test)
    valid_scores = scores(config, state, valid)
    test_scores = scores(config, state, test)
    limits = np.full(len(graph.relations), threshold(valid_scores, valid_true))
    for relation in np.unique(valid[:, RELATION]):
        own = valid[:, RELATION] == relation
        limits[relation] = threshold(valid_scores[own], valid_true[own])
    called_true = test_scores < limits[test[:, RELATION]]
    return float(np.mean(called_true == test_true))


def threshold(scores: Float[np.ndarray, "n"], true: Bool[np.ndarray, "n"]) -> float:
    """The limit below which scores are called true with the fewest errors: the middle
    between two scores that follow each other."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    # With i scores below the limit: those of them that are false, the others' true.
    wrong = np.cumsum(~true[order]) - np.cumsum(true[order])
    errors = np.concatenate([[0], wrong])
    cuts = (ordered[1:] + ordered[:-1]) / 2
    limits = np.concatenate([[-np.inf], cuts, [np.inf]])
    apart = np.concatenate([[True], ordered[1:] > ordered[:-1], [True]])
    return float(limits[np.argmin(np.where(apart, errors, np.inf))])


def scores(config: Config, state: Any, triples: Triples) -> Float[np.ndarray, "n"]:
    """The score of each triple; small is true."""

    @jax.jit
    def chunk(params: Params, head: Array, relation: Array, tail: Array) -> Array:
        rows = (entity_rows(params, ids[:, None]) for ids in (head, tail))
        return score(config.model, next(rows), relation_rows(params, relation), *rows)

    params = params_of(state)
    parts = []
    for start in range(0, len(triples), CHUNK):
        part = triples[start : start + CHUNK].astype(np.int32)
        padded = np.pad(part, [(0, -len(part) % CHUNK), (0, 0)])
        columns = [split_beside(params, np.ascontiguousarray(c)) for c in padded.T]
        parts.append(to_host(chunk(params, *columns))[: len(part)])
    return np.concatenate(parts)


def _with_wrong(
    config: Config, graph: Graph, triples: Triples
) -> tuple[Triples, Bool[np.ndarray, "n"]]:
    """Triples and as many wrong ones, and which are true. The draws are always the
    same."""
    rng = np.random.default_rng(0)
    wrong = triples.copy()
    replaces_head = rng.random(len(triples)) < 0.5
    for column, known in zip((HEAD, TAIL), data.known_answers(config), strict=True):
        rows = np.flatnonzero(replaces_head == (column == HEAD))
        wrong[rows, column] = _others(graph, triples[rows], column, known, rng)
    possible = (wrong >= 0).all(axis=1)
    true = np.arange(2 * len(triples)) < len(triples)
    keep = np.concatenate([possible, possible])
    return np.concatenate([triples, wrong])[keep], true[keep]


def _others(
    graph: Graph,
    triples: Triples,
    column: int,
    known: Completions,
    rng: np.random.Generator,
) -> Int[np.ndarray, "n"]:
    """For each triple an entity that stands in `column` beside its relation, and makes
    no known triple; any other wrong entity where no draw finds one; -1 where there is
    none."""
    seen = graph.all[np.argsort(graph.all[:, RELATION], kind="stable")]
    relation = triples[:, RELATION]
    first = np.searchsorted(seen[:, RELATION], relation)
    last = np.searchsorted(seen[:, RELATION], relation, side="right")
    given = triples[:, TAIL if column == HEAD else HEAD]
    pair = known.find(given, relation)
    drawn = known.draw_others(pair, rng.random(len(triples)))
    todo = np.arange(len(triples))
    for _ in range(TRIES):
        place = (first + rng.random(len(triples)) * (last - first)).astype(np.int64)
        candidate = seen[place[todo], column]
        right = known.holds(given[todo], relation[todo], candidate)
        drawn[todo[~right]] = candidate[~right]
        todo = todo[right]
    return drawn
