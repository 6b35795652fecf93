"""Vectors of all training pictures: computed once for all runs of one encoder."""

import logging
from functools import partial

import jax
import numpy as np
import pytest
from PIL import Image

from common.config import changed
from papers import captioning
from papers.captioning import data, train, vectors


@pytest.fixture
def reads(monkeypatch):
    """The first picture of each chunk of 8 that is read."""
    found = []
    images = data.images

    def counted(config, split, indices):
        found.append(indices[0])
        return images(config, split, indices)

    monkeypatch.setattr(data, "images", counted)
    monkeypatch.setattr(vectors, "CHUNK", 8)
    monkeypatch.setattr(vectors, "_LAST", {})
    return found


def smoke(**changes):
    config = captioning.get_config("smoke")
    config.runs = ("td_sentence", "nt2")
    config.encoder.widths = (4,)
    fields = {name.replace("__", "."): value for name, value in changes.items()}
    made = captioning.runs(changed(config, fields))
    return [run.config for run in made.values()]


def started(config, key=0):
    return jax.jit(partial(train.init, config))(jax.random.key(key))


def test_a_second_run_of_the_same_encoder_reads_no_picture(reads):
    """Chunks come in any order."""
    first, second = (started(config) for config in smoke())
    assert sorted(reads) == [0, 8, 16]
    np.testing.assert_array_equal(first.vectors, second.vectors)
    reads.clear()
    other = started(smoke()[1], key=1)
    assert sorted(reads) == [0, 8, 16]
    assert not np.allclose(first.vectors, other.vectors)


def test_vectors_of_other_pictures_are_others(reads):
    started(smoke()[0])
    reads.clear()
    found = started(smoke(data__scenes=20)[0])
    assert sorted(reads) == [0, 8, 16]
    assert found.vectors.shape[0] == 20


def test_progress_is_told_where_pictures_are_decoded(reads, tmp_path, caplog):
    rows = ["file\tcaption"]
    for i in range(30):
        Image.new("RGB", (20, 20), (8 * i, 0, 0)).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png\ta red {i}")
    (tmp_path / "captions.tsv").write_text("\n".join(rows))
    caplog.set_level(logging.INFO, "papers")
    root = str(tmp_path)
    jax.block_until_ready(started(smoke(data__source="files", data__root=root,
                                        model__vocab=0)[0]))  # fmt: skip
    assert {"vectors of 8 of 24 training pictures",
            "vectors of 16 of 24 training pictures"} <= {*caplog.messages}  # fmt: skip
