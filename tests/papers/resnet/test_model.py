"""The networks. A failure means that sizes or costs are not the paper's, that a
shortcut is not the identity, or that a loop over blocks changes the numbers."""

import dataclasses
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

from common.contract import UserError
from papers import resnet
from papers.resnet.config import Model, blocks
from papers.resnet.cost import network_cost
from papers.resnet.model import (
    LOOP_FROM_ON_CPU,
    Block,
    ConvNorm,
    ResNet,
    by_platform,
    pad_channels,
)

# Multiply-adds of an image, in units of 1e6.
IMAGENET_COSTS = {
    (18, "1x1"): 1814, (34, "1x1"): 3664, (50, "1x1"): 3858, (50, "3x3"): 4089,
    (101, "1x1"): 7570, (101, "3x3"): 7801, (152, "1x1"): 11282, (152, "3x3"): 11514,
}  # fmt: skip
CIFAR_COSTS = {20: 40.55, 56: 125.5, 110: 252.9}


def parameters(model: Model, size: int = 32) -> int:
    shapes = jax.eval_shape(
        ResNet(model).init, jax.random.key(0), jnp.zeros((1, size, size, 3))
    )
    return sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))


@pytest.mark.parametrize(("depth", "stride_on"), IMAGENET_COSTS)
def test_imagenet_nets_cost_what_the_paper_says(depth, stride_on):
    config = resnet.get_config(f"resnet{depth}_imagenet")
    config.model.stride_on = stride_on
    expected = IMAGENET_COSTS[depth, stride_on]
    assert network_cost(config)["total"] / 1e6 == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("depth", CIFAR_COSTS)
@pytest.mark.parametrize("kind", ["resnet", "plain"])
def test_cifar_nets_cost_what_the_paper_says(depth, kind):
    config = resnet.get_config(f"{kind}{depth}_cifar10")
    cost = network_cost(config)["total"] / 1e6
    assert cost == pytest.approx(CIFAR_COSTS[depth], rel=5e-4)


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110, 1202])
def test_options_a_and_b_differ_by_two_projections(depth):
    """Option A is free; B's are 16 x 32 and 32 x 64, and their BatchNorms."""
    count = {s: parameters(Model(depth=depth, shortcut=s)) for s in ("none", "A", "B")}
    assert count["A"] == count["none"] == resnet.PARAM_COUNTS[f"resnet{depth}_cifar10"]
    assert count["B"] - count["A"] == 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64 == 2752


def test_option_c_projects_in_every_block():
    count = {s: parameters(Model(depth=20, shortcut=s)) for s in ("B", "C")}
    widths = [16] * 3 + [32] * 2 + [64] * 2  # of the blocks that B leaves alone
    assert count["C"] - count["B"] == sum(w * w + 2 * w for w in widths)


def test_depths_that_a_family_has_not_are_refused():
    with pytest.raises(UserError, match=r"6n \+ 2"):
        blocks(Model(depth=21))
    with pytest.raises(UserError, match="18, 34, 50, 101, 152, 200"):
        blocks(Model(family="imagenet", depth=20))


def tiny(**fields) -> Model:
    return Model(**{"depth": 20, "width": 4, **fields})


BOTTLENECKS = {"family": "imagenet", "depth": 50, "shortcut": "B"}
X = jax.random.normal(jax.random.key(1), (4, 8, 8, 3))


def variables_of(model: Model):
    """All variables, drawn at random, with running statistics and gains."""
    shapes = jax.eval_shape(ResNet(model).init, jax.random.key(0), X)
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        values = rng.standard_normal(leaf.shape, np.float32)
        if path[-1] == "kernel":
            return values * np.float32((2 / max(np.prod(leaf.shape[:-1]), 1)) ** 0.5)
        return np.exp(0.1 * values) if path[-1] in ("scale", "var") else 0.1 * values

    flat = flatten_dict(shapes)
    return unflatten_dict({path: draw(path, leaf) for path, leaf in flat.items()})


def without_residuals(variables):
    """The variables with gain and bias 0 in the last BatchNorm of every block."""
    flat = flatten_dict(variables["params"])
    last = max(path[3] for path in flat if path[2:3] and path[2].startswith("block"))
    for path in flat:
        if path[3:5] == (last, "norm"):
            flat[path] = jnp.zeros_like(flat[path])
    return {**variables, "params": unflatten_dict(flat)}


@pytest.mark.parametrize("fields", [{}, BOTTLENECKS], ids=["basic", "bottleneck"])
def test_a_block_whose_last_gain_is_zero_is_relu_exactly(fields):
    config = tiny(**fields, zero_gamma=True)
    width = 4 if config.family == "cifar" else 1
    block = Block(config, width, layer=partial(ConvNorm, train=True))
    x = jax.random.normal(jax.random.key(2), (2, 6, 6, 4))
    y, _ = block.init_with_output(jax.random.key(0), x)
    chex.assert_trees_all_equal(y, jax.nn.relu(x))


def test_without_residuals_a_net_only_subsamples_its_stem():
    """Identities all the way: what is left of option A is every second pixel, twice,
    with zero channels around it."""
    model = tiny()
    variables = without_residuals(variables_of(model))
    backbone = {kind: tree["backbone"] for kind, tree in variables.items()}
    maps = resnet.model.Backbone(model).apply(backbone, X)
    chex.assert_trees_all_equal(maps["stage1"], maps["stem"])
    expected = pad_channels(pad_channels(maps["stem"][:, ::4, ::4], 8), 16)
    chex.assert_trees_all_equal(maps["stage3"], expected)
    assert float(jnp.abs(expected).max()) > 0.1


def test_zero_gamma_starts_a_net_without_residuals():
    drawn = jax.jit(ResNet(tiny(zero_gamma=True)).init)(jax.random.key(0), X)
    chex.assert_trees_all_equal(drawn, without_residuals(drawn))


def test_plain_nets_have_no_residual_to_start_at_zero():
    plain = tiny(shortcut="none")
    same = dataclasses.replace(plain, zero_gamma=True)
    chex.assert_trees_all_equal(variables_of(same), variables_of(plain))


def test_blocks_are_drawn_apart_with_he_s_deviation():
    drawn = jax.jit(ResNet(tiny(width=32)).init)(jax.random.key(0), X)
    drawn = drawn["params"]["backbone"]
    kernels = [drawn["stage1"][f"block_{i}"][f"layer{j}"]["conv"]["kernel"]
               for i in range(3) for j in (1, 2)]  # fmt: skip
    for i, kernel in enumerate(kernels):
        np.testing.assert_allclose(jnp.std(kernel), (2 / (9 * 32)) ** 0.5, rtol=0.05)
        assert all(not np.allclose(kernel, other) for other in kernels[:i])


def outcome(model: Model, variables):
    """Logits, new statistics and gradients in training, and logits in evaluation."""

    def loss(params):
        both = {**variables, "params": params}
        logits, updated = ResNet(model).apply(both, X, True, mutable=["batch_stats"])
        return jnp.mean(jnp.square(logits)), (logits, updated)

    grads, aux = jax.grad(loss, has_aux=True)(variables["params"])
    return grads, *aux, ResNet(model).apply(variables, X)


@pytest.mark.parametrize(
    ("shortcut", "ways"),
    [
        ("A", [("always", False), ("always", True), ("never", True)]),
        ("none", [("always", True)]),
        ("C", [("always", False)]),
    ],
)
def test_a_loop_over_blocks_and_remat_are_the_same_net(shortcut, ways):
    model = tiny(shortcut=shortcut)
    variables = variables_of(model)
    expected = jax.jit(partial(outcome, dataclasses.replace(model, scan="never")))(
        variables
    )
    for scan, remat in ways:
        other = dataclasses.replace(model, scan=scan, remat=remat)
        found = jax.jit(partial(outcome, other))(variables)
        chex.assert_trees_all_close(found, expected, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize(
    ("platform", "depth", "loops"),
    [("cpu", 50, False), ("tpu", 50, True), ("cpu", 6 * LOOP_FROM_ON_CPU + 2, True)],
)
def test_depth_and_the_program_s_platform_say_whether_blocks_loop(
    platform, depth, loops
):
    config = resnet.get_config("smoke")
    config.model.depth = depth
    variables = jax.eval_shape(ResNet(config.model).init, jax.random.key(0), X)

    def forward(config, variables, x):
        return ResNet(config.model).apply(variables, x)

    step = jax.jit(partial(by_platform, forward, config))
    lowered = step.trace(variables, X).lower(lowering_platforms=(platform,))
    assert ("stablehlo.while" in lowered.as_text()) == loops
