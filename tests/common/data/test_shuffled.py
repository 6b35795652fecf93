"""Shuffled batches in memory. A failure means that an epoch misses an item, or that
batches depend on a resume or on the number of processes."""

import itertools

import numpy as np
import pytest

from common.data.pipeline import pipeline
from common.data.shuffled import ShuffledBatches


class Numbers:
    def __len__(self):
        return 10

    def __getitem__(self, index):
        return {"n": np.asarray(index)}


def with_draws(batch, draws):
    return {**batch, "draws": draws}


def batches(seed=3, process_index=0, process_count=1):
    source = ShuffledBatches(
        Numbers(), batch_size=8, seed=seed, map_fn=with_draws, draws=2,
        process_index=process_index, process_count=process_count,
    )  # fmt: skip
    return pipeline(source)


def test_every_epoch_has_every_item_once_in_another_order():
    read = [batch["n"] for batch in itertools.islice(batches(), 20)]  # 16 epochs
    epochs = np.concatenate(read).reshape(16, 10)
    np.testing.assert_array_equal(np.sort(epochs), np.tile(np.arange(10), (16, 1)))
    assert len({tuple(epoch) for epoch in epochs}) == 16
    others = [batch["n"] for batch in itertools.islice(batches(seed=4), 20)]
    assert not np.array_equal(read, others)


def test_draws_are_uniform_and_new_in_every_step():
    draws = np.stack([b["draws"] for b in itertools.islice(batches(), 500)])
    assert draws.shape == (500, 8, 2)
    assert len(np.unique(draws)) == draws.size
    counts, _ = np.histogram(draws, bins=10, range=(0, 1))
    np.testing.assert_allclose(counts, draws.size / 10, rtol=0.15)


@pytest.mark.parametrize("count", [2, 4])
def test_processes_read_the_rows_of_the_one(count):
    parts = [batches(process_index=i, process_count=count) for i in range(count)]
    for whole in itertools.islice(batches(), 12):
        for i, part in enumerate(map(next, parts)):
            np.testing.assert_array_equal(part["n"], whole["n"][i::count])
            np.testing.assert_array_equal(part["draws"], whole["draws"][i::count])


def test_it_resumes_bit_for_bit():
    first = batches()
    for _ in range(7):
        next(first)
    resumed = batches()
    resumed.set_state(first.get_state())
    for a, b in zip(itertools.islice(first, 5), resumed, strict=False):
        np.testing.assert_array_equal(a["n"], b["n"])
        np.testing.assert_array_equal(a["draws"], b["draws"])
