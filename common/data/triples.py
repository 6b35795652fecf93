"""Knowledge graphs as triples: who is related to whom, and how.

A graph is entities and relations, numbered from 0, and triples (head, relation, tail)
of those numbers. `common.data.completions` looks triples up.
"""

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from common.contract import UserError

Triples = Int[np.ndarray, "triples 3"]  # int32 columns: head, relation, tail
SPLITS = ("train", "valid", "test")
HEAD, RELATION, TAIL = range(3)


@dataclasses.dataclass(frozen=True)
class Graph:
    """A graph in three splits. Entity i is called `entities[i]`."""

    entities: Sequence[str]
    relations: Sequence[str]
    train: Triples
    valid: Triples
    test: Triples

    @property
    def all(self) -> Triples:
        """The triples of all splits."""
        return np.concatenate([self.train, self.valid, self.test])


def from_arrays(
    train: Triples,
    valid: Triples | None = None,
    test: Triples | None = None,
    *,
    entities: Sequence[str] = (),
    relations: Sequence[str] = (),
    seed: int = 0,
    share: float = 0.05,
) -> Graph:
    """A graph of arrays in memory.

    Args:
      train: [triples, 3], columns head, relation, tail.
      valid: as `train`. None or empty: `share` of the training triples, each of which
        counts once then, which leave it; of those whose parts occur in another
        training triple.
      test: as `valid`.
      entities: names; (): as many as the triples need, called by their numbers.
      relations: as `entities`.
      seed: of the order in which triples are held out.
      share: of the triples of `train`, held out for each missing split.

    Raises:
      UserError: no training triple, not three columns, or a number that is outside.
    """
    splits = {
        split: _three_columns(split, triples)
        for split, triples in zip(SPLITS, (train, valid, test), strict=True)
        if triples is not None and (split == "train" or len(triples))
    }
    if not len(splits["train"]):
        raise UserError("the graph has no training triple")
    joined = np.concatenate([*splits.values()])
    entities = entities or _numbers(joined[:, [HEAD, TAIL]])
    relations = relations or _numbers(joined[:, RELATION])
    for split, triples in splits.items():
        _refuse_outside(split, triples, len(entities), len(relations))
    for split in [*splits][1:]:
        _say_unseen(split, splits[split], splits["train"])
    if len(splits) < len(SPLITS):
        splits["train"] = _without_repeats(splits["train"])
    count = max(int(share * len(splits["train"])), 1)
    rng = np.random.default_rng(seed)
    for split in SPLITS[1:]:
        if split not in splits:
            splits["train"], splits[split] = _held_out(splits["train"], count, rng)
            if not len(splits[split]):
                raise UserError(
                    f"the graph has no {split} triples, and none can be held out: "
                    "each has a part that no other training triple has"
                )
    return Graph(entities, relations, **splits)


def _three_columns(split: str, triples: Triples) -> Triples:
    array = np.asarray(triples)
    array = array.reshape(0, 3) if array.size == 0 else array
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "iu":
        raise UserError(
            f"{split}: triples are whole numbers in 3 columns (head, relation, tail), "
            f"not {array.dtype} of shape {array.shape}"
        )
    return np.ascontiguousarray(array)


def _numbers(ids: Int[np.ndarray, "*shape"]) -> tuple[str, ...]:
    return tuple(map(str, range(int(ids.max()) + 1)))


def _refuse_outside(split: str, triples: Triples, entities: int, relations: int):
    columns = (("head", HEAD, entities), ("relation", RELATION, relations))
    for name, column, size in (*columns, ("tail", TAIL, entities)):
        ids = triples[:, column]
        outside = np.flatnonzero((ids < 0) | (ids >= size))
        if outside.size:
            row = int(outside[0])
            raise UserError(
                f"{split} triple {row + 1}: {name} {ids[row]} is outside 0 to "
                f"{size - 1}"
            )


def _say_unseen(split: str, triples: Triples, train: Triples) -> None:
    """Warns of triples that are measured with vectors which nothing has trained."""
    seen = np.isin(triples[:, [HEAD, TAIL]], train[:, [HEAD, TAIL]]).all(axis=1)
    seen &= np.isin(triples[:, RELATION], train[:, RELATION])
    if not seen.all():
        warnings.warn(
            f"{int((~seen).sum()):,} of {len(triples):,} {split} triples have an "
            "entity or a relation that no training triple has: its vector is untrained",
            stacklevel=4,
        )


def _without_repeats(train: Triples) -> Triples:
    """Each triple once: one that is held out must not stay in training, too."""
    _, first = np.unique(train, axis=0, return_index=True)
    if repeats := len(train) - len(first):
        message = f"{repeats:,} training triples stand there before: they are left out"
        warnings.warn(message, stacklevel=4)
    return train[np.sort(first)]


def _held_out(
    train: Triples, count: int, rng: np.random.Generator
) -> tuple[Triples, Triples]:
    """`train` without at most `count` triples, and those. Every entity and relation
    that had a training triple keeps one."""
    entities = np.bincount(train[:, [HEAD, TAIL]].ravel())
    relations = np.bincount(train[:, RELATION])
    kept = np.ones(len(train), bool)
    for row in rng.permutation(len(train)):
        if len(train) - kept.sum(dtype=int) >= count:
            break
        head, relation, tail = train[row]
        spare = 2 if head != tail else 3
        if min(entities[head], entities[tail]) >= spare and relations[relation] > 1:
            kept[row] = False
            np.subtract.at(entities, [head, tail], 1)
            relations[relation] -= 1
    return train[kept], train[~kept]


def tails_and_heads(
    triples: Triples, relations: int
) -> tuple[Float[np.ndarray, "relations"], Float[np.ndarray, "relations"]]:
    """The mean number of tails beside a head, tph, and of heads beside a tail, hpt, of
    each relation; 0 for one without a triple."""
    count = np.bincount(triples[:, RELATION], minlength=relations)
    return (
        _per_pair(triples[:, [HEAD, RELATION]], count, relations),
        _per_pair(triples[:, [TAIL, RELATION]], count, relations),
    )


def replaces_head(triples: Triples, relations: int) -> Float[np.ndarray, "relations"]:
    """The probability of replacing the head that Wang et al. 2014 call "bern",
    tph / (tph + hpt); 1/2 for a relation without a triple.

    Of a 1-to-N relation most entities are wrong heads, while many are right tails that
    the graph does not list.
    """
    tph, hpt = tails_and_heads(triples, relations)
    total = tph + hpt
    return np.where(total > 0, tph / np.maximum(total, 1e-9), 0.5)


def _per_pair(pairs: np.ndarray, count: np.ndarray, relations: int) -> np.ndarray:
    """Triples of each relation / its distinct pairs."""
    keys = np.unique(pairs[:, 0].astype(np.int64) * relations + pairs[:, 1])
    distinct = np.bincount(keys % relations, minlength=relations)
    return count / np.maximum(distinct, 1)
