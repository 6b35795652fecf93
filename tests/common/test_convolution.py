"""Conv against nn.Conv. A failure means other numbers or gradients under some
transformation, or that programs for accelerators have the CPU's gradient."""

from functools import partial

import chex
import flax.linen as nn
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from common.contract import UserError
from common.convolution import Conv, Geometry, padded, products

CASES = {
    "3x3": {"kernel_size": 3, "padding": 1},
    "strided": {"kernel_size": 3, "padding": 1, "strides": 2},
    "stem": {"kernel_size": 7, "padding": 3, "strides": 2},
    "two strides": {"kernel_size": (3, 2), "padding": 1, "strides": (2, 1)},
    "dilated": {"kernel_size": 3, "padding": 2, "dilation": 2},
    "dilated, strided": {"kernel_size": 3, "padding": 3, "dilation": 3, "strides": 2},
    "sides": {"kernel_size": 3, "padding": ((0, 2), (1, 0))},
    "sides, strided": {"kernel_size": 4, "padding": ((1, 0), (2, 1)), "strides": 2},
    "a row": {"kernel_size": (1, 5), "padding": ((0, 0), (2, 2))},
    "1x1": {"kernel_size": 1},
    "1x1 strided": {"kernel_size": 1, "strides": 2},
    "1x1 padded": {"kernel_size": 1, "padding": 1, "strides": 2},
    "groups": {"kernel_size": 3, "padding": 1, "groups": 2},
    "depthwise": {"kernel_size": 3, "padding": 1, "groups": 8, "strides": 2},
    "grouped 1x1": {"kernel_size": 1, "groups": 2},
    "no bias": {"kernel_size": 3, "padding": 1, "use_bias": False},
}
# Larger than 8 x 8, of few channels, smaller (odd), and of many channels: the forms of
# the kernel's gradient.
SHAPES = {
    "large": (2, 13, 14, 8),
    "few": (2, 13, 14, 4),
    "small": (3, 7, 5, 4),
    "wide": (1, 9, 10, 256),
}

FORMS = ("3x3", "strided", "dilated, strided", "sides, strided")


def pair(fields, features=8):
    """Our layer and nn.Conv with the same geometry."""
    size = fields["kernel_size"]
    padding = fields.get("padding", 0)
    names = {"dilation": "kernel_dilation", "groups": "feature_group_count"}
    theirs = {names.get(name, name): value for name, value in fields.items()}
    theirs.pop("looped", None)
    theirs["kernel_size"] = (size, size) if isinstance(size, int) else size
    theirs["padding"] = [(padding,) * 2] * 2 if isinstance(padding, int) else padding
    return Conv(features, **fields), nn.Conv(features, **theirs)


def images(shape, seed=0):
    return jax.random.normal(jax.random.key(seed), shape)


def value_and_gradients(module, params, x):
    def loss(params, x):
        y = module.apply(params, x)
        return jnp.sum(jnp.sin(y)), y

    grads, y = jax.grad(loss, argnums=(0, 1), has_aux=True)(params, x)
    return y, *grads


@pytest.mark.parametrize(
    ("case", "shape", "looped"),
    [(case, "large", False) for case in CASES]
    + [(case, shape, False) for case in FORMS for shape in ("few", "small", "wide")]
    + [(case, shape, True) for case in FORMS for shape in ("large", "small")],
)
def test_values_and_gradients_are_those_of_nn_conv(case, shape, looped):
    ours, theirs = pair({**CASES[case], "looped": looped})
    x = images(SHAPES[shape])
    params = theirs.init(jax.random.key(1), x)
    chex.assert_trees_all_equal(ours.init(jax.random.key(1), x), params)
    found, expected = jax.jit(
        lambda *a: [value_and_gradients(module, *a) for module in (ours, theirs)]
    )(params, x)
    chex.assert_trees_all_close(found, expected, rtol=1e-4, atol=1e-4)


def test_bfloat16_computes_in_it_and_keeps_float32_parameters():
    ours, theirs = pair({**CASES["3x3"], "dtype": jnp.bfloat16})
    x = images(SHAPES["large"])
    params = theirs.init(jax.random.key(1), x)
    found = value_and_gradients(ours, params, x)
    assert found[0].dtype == jnp.bfloat16
    chex.assert_trees_all_equal_dtypes(found[1], params)
    expected = value_and_gradients(theirs, params, x)
    as_float = jax.tree.map(lambda a: a.astype(jnp.float32), (found, expected))
    chex.assert_trees_all_close(*as_float, rtol=0.05, atol=0.3)


def test_groups_that_do_not_divide_are_refused():
    with pytest.raises(UserError, match="3 groups"):
        Conv(8, 3, groups=3).init(jax.random.key(0), images((1, 4, 4, 4)))


def stack(module, params, x):
    """A network of two convolutions that keep the shape."""
    for _ in range(2):
        x = jnp.tanh(module.apply(params, x))
    return x


def loss(module, params, x):
    return jnp.mean(jnp.square(stack(module, params, x)))


@pytest.fixture(params=["3x3", "1x1"])
def setting(request):
    """(ours, parameters, x, the gradient by nn.Conv)."""
    ours, theirs = pair(CASES[request.param], features=4)
    x = images((8, 9, 9, 4))
    params = theirs.init(jax.random.key(1), x)
    return ours, params, x, jax.grad(partial(loss, theirs))(params, x)


def same(found, expected):
    chex.assert_trees_all_close(found, expected, rtol=1e-4, atol=1e-5)


def test_sharded_rows_give_the_same_gradient(setting):
    ours, params, x, expected = setting
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:4]), ("data",))
    rows = jax.sharding.NamedSharding(mesh, jax.P("data"))
    x = jax.device_put(x, rows)
    step = jax.jit(jax.grad(partial(loss, ours)))
    assert "all-gather" not in step.lower(params, x).compile().as_text()
    same(step(params, x), expected)


def test_pmap_gives_the_same_gradient(setting):
    ours, params, x, expected = setting

    def grad(params, x):
        return jax.lax.pmean(jax.grad(partial(loss, ours))(params, x), "i")

    mapped = jax.pmap(grad, "i", in_axes=(None, 0), out_axes=None)
    same(mapped(params, x.reshape(4, 2, *x.shape[1:])), expected)


def test_an_ensemble_is_a_vmap(setting):
    ours, params, x, expected = setting
    members = jax.tree.map(lambda p: jnp.stack([p, 2 * p]), params)
    found = jax.jit(jax.vmap(jax.grad(partial(loss, ours)), (0, None)))(members, x)
    same(jax.tree.map(lambda g: g[0], found), expected)


def test_scan_and_remat_give_the_same_gradient(setting):
    ours, params, x, expected = setting

    def scanned(params, x):
        body = jax.checkpoint(lambda x, _: (jnp.tanh(ours.apply(params, x)), None))
        return jnp.mean(jnp.square(jax.lax.scan(body, x, length=2)[0]))

    same(jax.jit(jax.grad(scanned))(params, x), expected)


def test_gradients_have_gradients(setting):
    """The gradient of a gradient penalty equals central differences."""
    ours, params, x, _ = setting

    def penalty(x):
        return jnp.sum(jnp.square(jax.grad(partial(loss, ours), 1)(params, x)))

    direction = images(x.shape, 2)
    slope = jnp.vdot(jax.jit(jax.grad(penalty))(x), direction)
    step = 1e-2
    numeric = (penalty(x + step * direction) - penalty(x - step * direction)) / 2 / step
    np.testing.assert_allclose(slope, numeric, rtol=2e-2)


def test_one_export_serves_all_platforms(setting):
    ours, params, x, expected = setting
    step = jax.jit(jax.grad(partial(loss, ours)))
    exported = jax.export.export(step, platforms=("cpu", "cuda", "tpu"))(params, x)
    same(exported.call(params, x), expected)


@pytest.mark.parametrize(
    ("platform", "looped", "products"),
    [("cpu", False, 1), ("cpu", True, 3), ("tpu", False, 0), ("tpu", True, 0)],
)
def test_accelerators_get_plain_convolutions(platform, looped, products):
    """On a TPU the forward pass and both gradients are convolutions, in a loop on a CPU
    none."""
    ours, _ = pair({**CASES["3x3"], "looped": looped})
    x = images(SHAPES["large"])
    params = ours.init(jax.random.key(1), x)
    step = jax.jit(partial(value_and_gradients, ours))
    lowered = step.trace(params, x).lower(lowering_platforms=(platform,)).as_text()
    assert lowered.count("stablehlo.convolution") == 3 - products
    assert lowered.count("stablehlo.dot_general") == products


@pytest.mark.parametrize("shape", [(2, 13, 14, 3), (2, 5, 6, 3), (1, 9, 9, 256)])
def test_products_are_their_sum(shape):
    """They equal the formula in the docstring, as loops in float64."""
    x = np.asarray(images(shape))
    geometry = Geometry((2, 1), ((1, 1), (0, 2)), (1, 2))
    height, width = (shape[1] - 1) // 2 + 1, shape[2] - 2
    dy = np.asarray(images((shape[0], height, width, 5), 1))
    padded = np.pad(x, ((0, 0), (1, 1), (0, 2), (0, 0))).astype(np.float64)
    expected = np.zeros((3, 3, shape[-1], 5))
    for i in range(3):
        for j in range(3):
            seen = padded[:, i : i + 2 * height - 1 : 2, 2 * j : 2 * j + width]
            expected[i, j] = np.einsum("bhwc,bhwf->cf", seen, dy)
    found = products(x, dy, (3, 3), geometry)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("mode", "numpy_mode"),
    [("reflect", "reflect"), ("edge", "edge"), ("zero", "constant")],
)
def test_padding_is_numpys(mode, numpy_mode):
    x = np.arange(60.0).reshape(1, 5, 4, 3)
    pads = ((0, 0), (2, 2), (2, 2), (0, 0))
    np.testing.assert_array_equal(padded(x, 2, mode), np.pad(x, pads, numpy_mode))
