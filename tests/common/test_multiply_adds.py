"""Multiply-adds against sums worked out by hand. A failure means that the tables of
costs are wrong."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from common.convolution import Conv
from common.multiply_adds import multiply_adds


class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = Conv(6, 3, strides=2, padding=1, name="strided")(x)
        x = Conv(4, (1, 5), groups=2, name="grouped")(x)
        return nn.Dense(7, name="dense")(x.reshape(x.shape[0], -1))


def test_convolutions_and_dense_layers_count_by_path():
    x = jnp.zeros((2, 16, 20, 3))
    variables = jax.eval_shape(Net().init, jax.random.key(0), x)
    assert multiply_adds(Net().apply, variables, x) == {
        ("strided",): 2 * 8 * 10 * 6 * 9 * 3,
        ("grouped",): 2 * 8 * 6 * 4 * 5 * 3,
        ("dense",): 2 * 7 * 8 * 6 * 4,
    }
