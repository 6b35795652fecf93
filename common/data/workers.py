"""Processes that make batches beside this one, where items cost much: pictures decoded.

Threads of one process share one interpreter lock, and a training loop waits for it too.
Whoever owns the process says how many workers it may have, `with workers(count)`; by
default there are none. Batches, their order and the positions that a checkpoint holds
do not depend on the number.
"""

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
import weakref
from collections.abc import Iterator
from concurrent import futures
from multiprocessing import resource_tracker

import grain
import numpy as np
from absl import flags

from common import warned

THREADS = 4  # of a worker: with more they wait for its interpreter lock
FEWEST_CORES = 8  # with fewer, this process's own threads keep them all busy
_ROWS = 64  # of a batch, at most, that a worker makes at once
_COPIERS = 4  # threads that put a batch together
_AHEAD = 2  # such parts that a worker has ready
_AFTER_SIGTERM = 60  # seconds that a worker goes on
_ANSWERED_BY_PARENT = {signal.SIGINT, signal.SIGTERM}
_SHARED = "/dev/shm"

_count = 0
_running: "weakref.WeakSet[PartedBatches]" = weakref.WeakSet()


@contextlib.contextmanager
def workers(count: int | None = None) -> Iterator[None]:
    """Within it a pipeline of costly items has `count` worker processes; None: one for
    every THREADS cores that this process may use. All of them have ended after it."""
    global _count
    before = _count
    _count = for_cores(_cores()) if count is None else count
    try:
        yield
    finally:
        _count = before
        with futures.ThreadPoolExecutor(32) as threads:
            [*threads.map(PartedBatches.close, list(_running))]


def for_cores(cores: int) -> int:
    """The number of workers on a host with so many cores."""
    return 0 if cores < FEWEST_CORES else cores // THREADS


def available() -> int:
    """The number of workers that a pipeline may have here."""
    return _count


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


class PartedBatches:
    """Batches that worker processes make, with the state of Grain's own iterator.

    Part n of the stream is made by worker n modulo their number.

    Args:
      items: a stream of items of one shape; a batch is the next `batch_size` of them.
      batch_size: rows of a batch.
      count: the number of workers.
    """

    def __init__(self, items: grain.MapDataset, batch_size: int, count: int) -> None:
        self._per_batch = _parts(batch_size)
        self._rows = batch_size // self._per_batch
        self._items = items
        self._parts = items.batch(self._rows)
        self._count = count
        self._at = 0  # the next batch
        self._readers: list[grain.DatasetIterator] = []
        weakref.finalize(self, _close_all, self._readers)
        _running.add(self)

    def __iter__(self) -> "PartedBatches":
        return self

    def __next__(self) -> dict[str, np.ndarray]:
        if (self._at + 1) * self._per_batch > len(self._parts):
            self.close()
            raise StopIteration
        if not self._readers:
            self._start()
        first = self._at * self._per_batch - self._start_at
        turns = range(first, first + self._per_batch)
        parts = [next(self._readers[turn % self._count]) for turn in turns]
        self._at += 1
        return _joined(parts)

    def get_state(self) -> dict[str, int]:
        return {"next_index": self._at}

    def set_state(self, state: dict[str, int]) -> None:
        self.close()
        self._at = state["next_index"]

    def close(self) -> None:
        """Ends the workers. The next batch starts others."""
        _close_all(self._readers)

    def _start(self) -> None:
        if not flags.FLAGS.is_parsed():  # Grain reads its own there
            flags.FLAGS.mark_as_parsed()
        self._start_at = self._at * self._per_batch
        item = self._items[self._start_at * self._rows]  # what it refuses, it says here
        part_bytes = self._rows * sum(np.asarray(x).nbytes for x in item.values())
        options = grain.experimental.DatasetOptions(
            min_shm_size=_least_shared((_AHEAD + 1) * self._count * part_bytes)
        )
        read = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=THREADS)
        for turn in range(self._count):
            share = self._parts[self._start_at + turn :: self._count]
            one = grain.MultiprocessingOptions(1, per_worker_buffer_size=_AHEAD)
            made = grain.experimental.WithOptionsIterDataset(
                share.to_iter_dataset(read), options
            )
            self._readers.append(iter(made.mp_prefetch(one, _begin)))
        with _signals_held():
            for reader in self._readers:
                reader.get_state()  # makes the iterator that `start_prefetch` starts
                reader.start_prefetch()


def _parts(rows: int) -> int:
    """Into how many parts a batch is cut: the fewest that divide it into no more than
    _ROWS rows."""
    return next(n for n in range(1, rows + 1) if rows % n == 0 and rows // n <= _ROWS)


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The rows of all parts, copied: the memory of a reader is not ours to keep."""
    rows = len(parts) * len(next(iter(parts[0].values())))
    batch = {
        name: np.empty((rows, *x.shape[1:]), x.dtype) for name, x in parts[0].items()
    }

    def copy(i: int) -> None:
        for name, x in parts[i].items():
            batch[name][i * len(x) : (i + 1) * len(x)] = x

    [*_copiers().map(copy, range(len(parts)))]
    return batch


@functools.cache
def _copiers() -> futures.ThreadPoolExecutor:
    return futures.ThreadPoolExecutor(_COPIERS)


def _close_all(readers: list[grain.DatasetIterator]) -> None:
    while readers:
        readers.pop().close()


def _least_shared(needed: int) -> int:
    """The size in bytes from which an array goes through shared memory. In containers
    there may be 64 MB of it: then all go through pipes, which are slower."""
    with contextlib.suppress(OSError):
        there = os.statvfs(_SHARED)
        if there.f_bavail * there.f_frsize > 2 * needed:
            return 1 << 16
    return 1 << 62


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """A process that starts here gets no signal until it asks for them, and this one
    gets its own after it."""
    resource_tracker.ensure_running()  # starting it, Python lets signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ANSWERED_BY_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(index: int, count: int) -> None:
    """What a worker does first.

    It leaves the accelerator to its parent: what is unpickled imports JAX. A signal to
    the whole job (Ctrl-C in a terminal, Slurm's SIGTERM) is the parent's to answer: it
    needs batches until it has saved. A worker ends when its parent does, however.
    """
    del index, count
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax

    jax.config.update("jax_platforms", "cpu")
    warned.in_one_line()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(_AFTER_SIGTERM))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ANSWERED_BY_PARENT)


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(0)
