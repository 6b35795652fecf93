"""Training over a mesh. A failure means that the paper's rule of SHARDING changes what
is computed, and not only where."""

from functools import partial

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from launch import devices, placement
from papers.transformer_xl import data, train
from papers.transformer_xl.config import runs
from papers.transformer_xl.variants import get_config

STEPS = 4


def losses(config, rules=()):
    """The losses of the first steps, and how W_r of a layer is split."""
    state = train.init(config, jax.random.key(0))
    mesh = devices.make_mesh(4, "fsdp")
    place = placement.place(state, mesh, rules=rules)
    step = place.compile_train(partial(train.train_step, config))
    kernel = place.state.params["layers_0"]["attention"]["position"]["kernel"]
    state = place.put_state(state)
    found = []
    batches = data.batches(config, "train")
    for _ in range(STEPS):
        state, metrics = step(state, place.put_batch(next(batches)))
        found.append(float(metrics["loss"]))
    return found, kernel.spec


@pytest.mark.slow
def test_positions_split_over_their_outputs_leave_the_losses():
    """With --mesh=fsdp over 4 devices."""
    config = runs(get_config("smoke"))["xl"].config
    config.model.d_model = 128
    config.model.n_layers = 1
    by_rule, spec = losses(config, train.SHARDING)
    assert spec == P(None, "fsdp0", "fsdp1")
    without, spec = losses(config)
    assert spec == P(("fsdp0", "fsdp1"))
    np.testing.assert_allclose(by_rule, without, rtol=1e-5)
    assert by_rule[-1] < by_rule[0]
