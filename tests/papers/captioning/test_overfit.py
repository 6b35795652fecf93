"""Sixteen images that a small captioner learns by heart."""

from functools import partial

import jax
import numpy as np
import pytest

from common.config import changed
from common.metrics import over
from papers import captioning
from papers.captioning import data, tokens, train
from papers.captioning.runs import runs
from papers.captioning.vocabulary import words_of


@pytest.mark.slow
@pytest.mark.optimised
def test_sixteen_images_are_learnt_by_heart():
    """End to end: every greedy caption is one of its image's references, and BLEU-4 and
    CIDEr-D are near what the references themselves would get."""
    config = changed(captioning.get_config("smoke"), {
        "data.scenes": 16, "data.held_out": 16, "data.batch_size": 16,
        "data.captions": 5, "model.width": 64, "encoder.widths": (16, 32),
        "encoder.lr": 2e-3, "stages.tuned_steps": 400, "stages.tuned_lr": 5e-3,
        "runs": ("tuned",),
    })  # fmt: skip
    own = runs(config)["tuned"].config
    state = train.init(own, jax.random.key(0))
    step = jax.jit(partial(train.train_step, own), donate_argnums=0)
    stream = data.batches(own, "train")
    for _ in range(own.loop.steps):
        state, _ = step(state, next(stream))
    scenes = data.pictures(own, "train")
    batch = {
        "image": data.images(own, "train", range(16)),
        "tokens": np.zeros((16, 5, own.data.length), np.int32),
        "index": np.arange(16, dtype=np.int32),
        "mask": np.ones(16, np.float32),
    }
    found = over(partial(jax.jit(partial(train.eval_step, own)), state), [batch])
    words = tokens.vocabulary(own.data)
    said = [words.decode(row[0]) for row in found["outputs"]["captions"]]
    right = sum(
        words_of(text) in [words_of(r) for r in scenes.captions(i)]
        for i, text in enumerate(said)
    )
    assert right >= 14
