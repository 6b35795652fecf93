"""One Grain pipeline for every data set: shuffle, shard, map, batch, and a position."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import grain
import numpy as np

from common.contract import UserError

Item = Mapping[str, np.ndarray]

# A batch a thread: Grain's default of 500 batches would not fit in memory.
_THREADS = min(max(os.cpu_count() or 1, 4), 32)
_READ = grain.ReadOptions(num_threads=_THREADS, prefetch_buffer_size=_THREADS)


class Source(Protocol):
    """Random access; `__getitem__` is called from several threads."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Item: ...


def pipeline(
    source: Source,
    *,
    batch_size: int | None = None,
    seed: int = 0,
    shuffle: bool = False,
    repeat: bool = True,
    map_fn: Callable[[Any], Item] | None = None,
    random_map_fn: Callable[[Any, np.random.Generator], Item] | None = None,
    process_index: int = 0,
    process_count: int = 1,
) -> grain.DatasetIterator:
    """Iterates over this process's share of a source; resumes bit for bit.

    The returned iterator has `get_state()`, a JSON-able dict, and `set_state(state)`.

    Training (`repeat=True`) reads one endless stream, each epoch a new permutation,
    dealt out to the processes item by item and cut into full batches. The items of
    global step n are therefore the same for any `process_count` that divides the global
    batch size, and a batch may span two epochs.

    Evaluation (`repeat=False`) gives every item once. The last batches are padded with
    zeros so that all processes take the same number of equal batches, and "mask"
    [batch] float32 is 1 on items, 0 on padding. An item that has a "mask" of its own
    keeps it; padding then has zeros there.

    Args:
      source: a random-access source of flat dicts of arrays.
      batch_size: items a batch, in this process. None: items are whole batches already
        and pass as they are, neither padded nor masked; where their rows belong to
        processes, the source picks them and `process_count` stays 1.
      seed: of the shuffle; an epoch's order depends on the seed and the epoch alone.
      shuffle: a new order every epoch.
      repeat: run for ever, rather than once.
      map_fn: applied to each item.
      random_map_fn: applied after it, to an item and a generator whose draws depend on
        the seed and on which item of the endless stream it is: they are others in every
        epoch, the same after a resume and for any number of processes.
      process_index: which share this process reads.
      process_count: shares in all.

    Raises:
      UserError: the source is empty.
    """
    if not len(source):
        raise UserError("the data source has no items; an epoch needs at least one")
    data = grain.MapDataset.source(source).seed(seed)
    if shuffle:
        data = data.shuffle()
    if map_fn is not None:
        data = data.map(map_fn)
    if repeat:
        data = data.repeat()
    if random_map_fn is not None:
        data = data.random_map(random_map_fn)
    if not repeat and batch_size is not None:
        data = _padded(data, batch_size * process_count)
    data = data[process_index::process_count]
    if batch_size is not None:
        data = data.batch(batch_size)
    return iter(data.to_iter_dataset(_READ))


def _padded(data: grain.MapDataset, multiple: int) -> grain.MapDataset:
    """Adds "mask" to the items, and blank ones up to a multiple of `multiple`."""
    masked = data.map(lambda item: {"mask": np.float32(1), **item})
    missing = -len(data) % multiple
    if not missing:
        return masked
    blank = {name: np.zeros_like(value) for name, value in masked[0].items()}
    padding = grain.MapDataset.source([blank] * missing)
    return grain.MapDataset.concatenate([masked, padding])


class SideBySide:
    """Iterators of `pipeline` read in step, as one whose items are {name: item}.

    It ends where the first of them ends: finite ones are made equally long before.

    Args:
      parts: the iterators by name.
      map_fn: applied to each {name: item}.
    """

    def __init__(
        self,
        parts: Mapping[str, grain.DatasetIterator],
        map_fn: Callable[[dict[str, Item]], Item] | None = None,
    ) -> None:
        self._parts, self._map_fn = dict(parts), map_fn

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Mapping:
        items = {name: next(part) for name, part in self._parts.items()}
        return items if self._map_fn is None else self._map_fn(items)

    def get_state(self) -> dict[str, dict]:
        """The positions of all, a JSON-able dict."""
        return {name: part.get_state() for name, part in self._parts.items()}

    def set_state(self, state: dict[str, dict]) -> None:
        for name, part in self._parts.items():
            part.set_state(state[name])
