"""One Grain pipeline for every data set: it shuffles, maps, shards and batches."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import grain
import numpy as np

from common.contract import UserError
from common.data.workers import PartedBatches, available

Item = Mapping[str, np.ndarray]

# One batch per thread, because Grain's 500 batches would not fit in memory.
THREADS = min(max(os.cpu_count() or 1, 4), 32)
_ENDLESS = 2**60  # items; of Grain's own 2**63 - 1 there are no batches of one
_FEW = 2000  # items that are read once: workers take longer to start
_READ = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=THREADS)


class Source(Protocol):
    """Random access; `__getitem__` is called from several threads, and in several
    processes where items are `costly`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Item: ...


class Rows:
    """Arrays {name: [rows, ...]} as a source, an item for each row."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays = arrays

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, index: int) -> Item:
        return {name: array[index] for name, array in self.arrays.items()}


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
    costly: bool = False,
) -> grain.DatasetIterator | PartedBatches:
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
      batch_size: items of a batch in this process. None: items are whole batches, which
        are neither padded nor masked. If each process has its own rows, the source
        picks them, and `process_count` stays 1.
      seed: the seed of the shuffle; an epoch's order depends on the seed and the epoch.
      shuffle: whether every epoch has a new order.
      repeat: run for ever, rather than once.
      map_fn: applied to each item.
      random_map_fn: applied after it, to an item and a generator. The generator depends
        on the seed and on the item's place in the endless stream: it is new in every
        epoch, and the same after a resume and for any number of processes.
      process_index: the share that this process reads.
      process_count: the number of shares.
      costly: items take milliseconds, as pictures that are decoded do: worker processes
        make them where there may be some (`common.data.workers`). The source is copied
        to each, and so must not be large.

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
        data = data.repeat()[:_ENDLESS]
    if random_map_fn is not None:
        data = data.random_map(random_map_fn)
    if not repeat and batch_size is not None:
        data = _padded(data, batch_size * process_count)
    data = data[process_index::process_count]
    count = available() if costly and (repeat or len(source) > _FEW) else 0
    if count and batch_size is not None:
        return PartedBatches(data, batch_size, count)
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
    """Iterators of `pipeline` read in step, as one whose items are {name: item}. It
    ends with the shortest of them.

    Args:
      parts: the iterators by name.
      map_fn: applied to each {name: item}.
    """

    def __init__(
        self,
        parts: Mapping[str, grain.DatasetIterator],
        map_fn: Callable[[dict[str, Item]], Item] | None = None,
    ) -> None:
        self._parts = dict(parts)
        self._map_fn = map_fn

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Mapping:
        items = {name: next(part) for name, part in self._parts.items()}
        return items if self._map_fn is None else self._map_fn(items)

    def get_state(self) -> dict[str, dict]:
        """The positions of all iterators, a JSON-able dict."""
        return {name: part.get_state() for name, part in self._parts.items()}

    def set_state(self, state: dict[str, dict]) -> None:
        for name, part in self._parts.items():
            part.set_state(state[name])
