"""The text as processes read it. A failure means that a job's batches depend on the
number of its processes, or that each of them holds the whole text."""

import itertools
import tracemalloc

import numpy as np
import pytest

from common.data import text
from papers import transformer_xl as paper
from papers.transformer_xl import data


@pytest.fixture
def config(tmp_path):
    """4 MB of text in a file."""
    config = paper.get_config("smoke")
    config.data.source = "files"
    config.data.root = str(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_bytes(text.generated(size=3_600_000)["train"])
    yield config
    data._streams.cache_clear()


@pytest.mark.parametrize("split", ["train", "valid"])
def test_the_rows_of_two_processes_are_the_batch(config, split):
    def read(index, count):
        share = {"process_index": index, "process_count": count}
        return [*itertools.islice(paper.batches(config, split, **share), 3)]

    for whole, *parts in zip(read(0, 1), read(0, 2), read(1, 2), strict=True):
        for name, value in whole.items():
            joined = np.concatenate([part[name] for part in parts])
            np.testing.assert_array_equal(joined, value)
            assert joined.dtype == value.dtype


def test_runs_of_two_lengths_read_the_text_once(config, monkeypatch):
    read = []
    files = text.files
    monkeypatch.setattr(text, "files", lambda root: read.append(root) or files(root))
    first = next(paper.batches(config, "train"))
    config.data.length *= 2
    second = next(paper.batches(config, "train"))
    half = first["inputs"].shape[1]
    np.testing.assert_array_equal(second["inputs"][:, :half], first["inputs"])
    next(paper.batches(config, "valid"))
    assert len(read) == 1


def test_a_process_of_four_holds_a_quarter_of_the_text(config):
    """And the splits that are measured, a tenth of the text in int32."""
    data._encoded.cache_clear()
    data._vocabulary.cache_clear()
    tracemalloc.start()
    try:
        batches = paper.batches(config, "train", process_index=1, process_count=4)
        next(batches)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 3_600_000 * (0.9 / 4 + 0.1 * 4 + 0.15)
