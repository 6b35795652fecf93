"""The accuracy of translated digits, image by image. A failure means that padding
counts, or that another direction is measured."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.metrics import in_top
from papers import unit
from papers.unit import train
from papers.unit.config import runs as runs_of
from papers.unit.digits.measure import translated_accuracy


def test_translated_accuracy_is_the_classifiers_on_translations():
    config = runs_of(unit.get_config("smoke"))["adapted"].config
    state = unit.init(config, jax.random.key(1))
    right = []
    for batch in unit.batches(config, "test"):
        params = unit.generator_params(state)
        images = jnp.asarray(batch["b"])
        made = train.translate(config, params, images, unit.Direction("b", "a"))
        logits = unit.classify(config, state, made, "a")
        hits = np.asarray(in_top(logits, batch["label_b"], 1))
        right.extend(hits[batch["mask_b"] > 0])
    found = translated_accuracy((config, state), (config, state))
    assert found == pytest.approx(np.mean(right), abs=1e-6)
