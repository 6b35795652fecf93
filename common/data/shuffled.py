"""Shuffled batches of a set in memory, each made by a few numpy calls."""

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
    """Item s is the batch of step s, in an endless stream of shuffled epochs.

    `pipeline` makes the same stream item by item, which suits items that are slow to
    read or decode. For 128 small images it takes longer than a small net's step.

    Args:
      items: the set that rows are taken from.
      batch_size: rows of a step, over all processes.
      seed: the seed of orders and draws.
      map_fn: applied to a batch and `draws` uniform numbers in [0, 1) for each row. The
        numbers depend on the seed, the step and the row only, so that they are the same
        after a resume and for any number of processes.
      draws: numbers for each row.
      process_index: this process, which reads every `process_count`-th row.
      process_count: the number of processes.
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
        self._items = items
        self._seed = seed
        self._batch_size = batch_size
        self._draws = draws
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
