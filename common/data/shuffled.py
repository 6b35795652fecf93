"""Shuffled batches of a set in memory: a few numpy calls each, and no call an item."""

import functools
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, Int

Batch = dict[str, np.ndarray]


class Rows(Protocol):
    """Items by an array of their numbers, as one batch."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any) -> Batch: ...


class ShuffledBatches:
    """Item s: the rows of step s, of an endless stream of shuffled epochs.

    As `pipeline` makes it of single items, which is right where each takes a while to
    read or to decode; 128 small images take it longer than a small net takes to step.

    Args:
      items: what the rows are taken from.
      batch_size: rows of a step, over all processes.
      seed: of the orders and of the draws.
      map_fn: applied to a batch and `draws` uniform numbers in [0, 1) for each of its
        rows, which depend on the seed, the step and the row alone: they are the same
        after a resume and for any number of processes.
      draws: how many of them a row.
      process_index: whose rows these are, every `process_count`-th.
      process_count: processes in all.
    """

    def __init__(
        self,
        items: Rows,
        *,
        batch_size: int,
        seed: int,
        map_fn: Callable[[Batch, Float[np.ndarray, "rows draws"]], Batch] | None = None,
        draws: int = 0,
        process_index: int = 0,
        process_count: int = 1,
    ):
        self._items, self._seed = items, seed
        self._batch_size, self._draws = batch_size, draws
        self._map_fn = map_fn
        self._rows = np.arange(process_index, batch_size, process_count)
        self._order = functools.lru_cache(maxsize=8)(self._permutation)

    def __len__(self) -> int:
        return 2**31  # for ever

    def __getitem__(self, step: int) -> Batch:
        positions = step * self._batch_size + self._rows
        batch = self._items[self._chosen(*np.divmod(positions, len(self._items)))]
        if self._map_fn is None:
            return batch
        rng = np.random.default_rng((self._seed, 1, step))
        draws = rng.random((self._batch_size, self._draws))
        return self._map_fn(batch, draws[self._rows])

    def _chosen(
        self, epochs: Int[np.ndarray, "rows"], places: Int[np.ndarray, "rows"]
    ) -> Int[np.ndarray, "rows"]:
        chosen = np.empty_like(places)
        for epoch in range(epochs[0], epochs[-1] + 1):
            now = epochs == epoch
            chosen[now] = self._order(epoch)[places[now]]
        return chosen

    def _permutation(self, epoch: int) -> Int[np.ndarray, "n"]:
        rng = np.random.default_rng((self._seed, 0, epoch))
        return rng.permutation(len(self._items))
