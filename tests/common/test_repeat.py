"""Equal blocks in a loop against the same blocks written out. A failure means that the
loop gave a block the variables, input or key of another, or lost what it returned."""

from functools import partial

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.normalization import BatchNorm
from common.repeat import draw_at_once, loop_by_platform, repeat

X = jax.random.normal(jax.random.key(1), (5, 4))


class Block(nn.Module):
    """Has one tanh, so that the blocks of a lowered program can be counted."""

    @nn.compact
    def __call__(self, x, gain, train):
        y = BatchNorm(train, name="norm")(nn.Dense(x.shape[-1], name="dense")(x))
        x = x + gain * jnp.tanh(y)
        return x, {"sums": x.sum(-1)}


class Net(nn.Module):
    depth: int = 3
    loop: bool = False
    remat: bool = False
    at_once: bool = False

    @nn.compact
    def __call__(self, x, gains, train=False):
        blocks = [Block(name=f"block_{i}") for i in range(self.depth)]
        if self.at_once and self.is_initializing():
            return draw_at_once(blocks, x, gains[0], False)

        def call(block, x, gain):
            return block(x, gain, train)

        options = {"loop": self.loop, "remat": self.remat}
        return repeat(call, blocks, x, gains, **options)


def gains(depth=3):
    return [jnp.float32(1 + i) for i in range(depth)]


def variables(depth=3):
    return Net(depth).init(jax.random.key(0), X, gains(depth))


def outcome(net):
    """Outputs, statistics and gradients in training, and outputs in evaluation."""

    def loss(params, gains):
        both = {**variables(), "params": params}
        (x, outputs), stats = net.apply(both, X, gains, True, mutable=["batch_stats"])
        return jnp.sum(jnp.sin(x)) + outputs[1]["sums"].sum(), (x, outputs, stats)

    step = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
    return *step(variables()["params"], gains()), net.apply(variables(), X, gains())


@pytest.mark.parametrize(
    ("loop", "remat"), [(False, True), (True, False), (True, True)]
)
def test_a_loop_and_remat_compute_what_written_out_blocks_compute(loop, remat):
    expected = jax.jit(partial(outcome, Net()))()
    found = jax.jit(partial(outcome, Net(loop=loop, remat=remat)))()
    chex.assert_trees_all_close(found, expected, rtol=1e-4, atol=1e-5)
    stats = found[0][1][2]["batch_stats"]
    before = variables()["batch_stats"]
    for name, block in before.items():
        assert not np.allclose(stats[name]["norm"]["mean"], block["norm"]["mean"])


@pytest.mark.parametrize("remat", [False, True])
def test_variables_do_not_know_of_a_loop(remat):
    looped = Net(loop=True, remat=remat).init(jax.random.key(0), X, gains())
    chex.assert_trees_all_equal(looped, variables())
    assert set(looped["params"]) == {"block_0", "block_1", "block_2"}


@pytest.mark.parametrize("remat", [False, True])
def test_a_loop_compiles_one_block_whatever_the_depth(remat):
    def blocks(loop, depth):
        net = Net(depth, loop=loop, remat=remat)
        lowered = jax.jit(net.apply).lower(variables(depth), X, gains(depth))
        return lowered.as_text().count("stablehlo.tanh")

    assert blocks(loop=True, depth=3) == blocks(loop=True, depth=9) == 1
    assert blocks(loop=False, depth=9) == 9


def test_blocks_drawn_at_once_are_apart_and_like_those_drawn_one_by_one():
    drawn = Net(at_once=True).init(jax.random.key(0), X, gains())
    chex.assert_trees_all_equal_shapes_and_dtypes(drawn, variables())
    kernels = [block["dense"]["kernel"] for block in drawn["params"].values()]
    assert not np.allclose(kernels[0], kernels[1])
    assert not np.allclose(kernels[1], kernels[2])


class Dropped(nn.Module):
    """Blocks of dropout only, each of which returns its mask."""

    @nn.compact
    def __call__(self):
        blocks = [nn.Dropout(0.5, deterministic=False) for _ in range(3)]

        def call(block, x, _):
            return x, block(x)

        return repeat(call, blocks, jnp.ones(64), loop=True)[1]


def test_every_block_of_a_loop_draws_its_own_dropout():
    masks = Dropped().apply({}, rngs={"dropout": jax.random.key(0)})
    assert not np.array_equal(masks[0], masks[1])
    assert not np.array_equal(masks[1], masks[2])


@pytest.mark.parametrize("loop", [False, True])
def test_no_blocks_at_all_change_nothing(loop):
    x, outputs = Net(0, loop=loop).apply({}, X, [])
    np.testing.assert_array_equal(x, X)
    assert outputs == []


@pytest.mark.parametrize(("platform", "loops"), [("cpu", False), ("cuda", True)])
def test_the_program_s_platform_decides_whether_to_loop(platform, loops):
    def step(loop, variables, x):
        return Net(loop=loop).apply(variables, x, gains())

    traced = jax.jit(partial(loop_by_platform, step)).trace(variables(), X)
    lowered = traced.lower(lowering_platforms=(platform,))
    assert ("stablehlo.while" in lowered.as_text()) == loops
