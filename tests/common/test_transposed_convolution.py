"""ConvTranspose against PyTorch's formula, jax.lax and XLA's gradient. A failure means
other numbers, or that accelerators get the CPU's program."""

from functools import partial

import chex
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from common.contract import UserError
from common.convolution import Conv, Geometry, plain
from common.transposed_convolution import ConvTranspose, convolve_transposed

CASES = {
    "paper": {"kernel_size": 3, "stride": 2, "padding": 1, "extra": 1},
    "no extra": {"kernel_size": 3, "stride": 2, "padding": 1},
    "digits": {"kernel_size": 4, "stride": 2, "padding": 1},
    "wide stride": {"kernel_size": 3, "stride": 3, "extra": 2},
    "gaps": {"kernel_size": 2, "stride": 3, "extra": 1},
    "dense": {"kernel_size": 3, "padding": 1},
    "full": {"kernel_size": 4},
    "1x1": {"kernel_size": 1},
    "1x1 strided": {"kernel_size": 1, "stride": 2, "extra": 1},
    "no bias": {"kernel_size": 4, "stride": 2, "padding": 1, "use_bias": False},
}
# Larger than 8 x 8, and smaller (odd), and a code: the forms of the gradient.
SHAPES = {"large": (2, 9, 10, 3), "small": (3, 5, 4, 3), "code": (4, 1, 1, 6)}

PAIRS = [(case, "large") for case in CASES]
PAIRS += [(case, shape) for case in ("paper", "digits") for shape in ("small", "code")]


def images(shape, seed=0):
    return jax.random.normal(jax.random.key(seed), shape)


def layer_and_inputs(case, shape, features=5, **fields):
    """(layer, its parameters, x), with a bias that is not zero."""
    fields = CASES[case] | {"bias_init": jax.nn.initializers.normal(1.0)} | fields
    layer = ConvTranspose(features, **fields)
    x = images(SHAPES[shape])
    return layer, layer.init(jax.random.key(1), x), x


def scattered(x, kernel, bias, stride, padding, extra):
    """PyTorch's formula, as loops in float64: every pixel adds its multiple of the
    kernel to the output, whose borders are cut. The kernel is not turned."""
    k = kernel.shape[0]
    features = kernel.shape[2]
    batch, height, width, _ = x.shape
    full = [stride * (n - 1) + k + extra for n in (height, width)]
    out = np.zeros((batch, *full, features))
    for h in range(height):
        for w in range(width):
            piece = np.einsum("bc,ijfc->bijf", x[:, h, w], kernel)
            top, left = h * stride, w * stride
            out[:, top : top + k, left : left + k] += piece
    size = [n - 2 * padding for n in full]
    return out[:, padding:, padding:][:, : size[0], : size[1]] + bias


@pytest.mark.parametrize(("case", "shape"), PAIRS)
def test_is_pytorch_s_formula(case, shape):
    layer, values, x = layer_and_inputs(case, shape)
    params = jax.tree.map(lambda p: np.asarray(p, np.float64), values["params"])
    expected = scattered(
        np.asarray(x, np.float64), params["kernel"], params.get("bias", 0.0),
        layer.stride, layer.padding, layer.extra,
    )  # fmt: skip
    found = jax.jit(layer.apply)(values, x)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_is_jax_s_with_the_kernel_turned(case):
    layer, values, x = layer_and_inputs(case, "small")
    k = layer.kernel_size
    p = layer.padding
    kernel = values["params"]["kernel"][::-1, ::-1].swapaxes(2, 3)
    sides = (k - 1 - p, k - 1 - p + layer.extra)
    expected = jax.lax.conv_transpose(x, kernel, (layer.stride,) * 2, (sides,) * 2)
    expected += values["params"].get("bias", 0.0)
    np.testing.assert_allclose(layer.apply(values, x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_is_the_transpose_of_a_convolution(case):
    """<y, A x> = <A' y, x>, where A is the convolution with this kernel."""
    layer, values, x = layer_and_inputs(case, "large", use_bias=False)
    y = layer.apply(values, x)
    other = images(y.shape, 3)
    conv = Conv(
        x.shape[-1], layer.kernel_size, layer.stride, layer.padding, use_bias=False
    )
    back = conv.apply(values, other)
    assert back.shape == x.shape
    found = jnp.vdot(other, y)
    expected = jnp.vdot(back, x)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def settings(case, shape):
    """(ours, XLA's, kernel, x): two functions of (kernel, x)."""
    layer, values, x = layer_and_inputs(case, shape)
    s = layer.stride
    p = layer.padding
    geometry = Geometry((s, s), ((p, p), (p, p)))
    size = layer.apply(values, x).shape[1:3]

    def ours(kernel, x):
        return convolve_transposed(x, kernel, geometry, size)

    def xla_s(kernel, x):
        like = jnp.zeros((x.shape[0], *size, kernel.shape[2]))
        return jax.vjp(lambda y: plain(y, kernel, geometry), like)[1](x)[0]

    return ours, xla_s, values["params"]["kernel"], x


def value_and_gradients(function, kernel, x):
    def loss(kernel, x):
        y = function(kernel, x)
        return jnp.sum(jnp.sin(y)), y

    grads, y = jax.grad(loss, argnums=(0, 1), has_aux=True)(kernel, x)
    return y, *grads


@pytest.mark.parametrize(("case", "shape"), PAIRS)
def test_gradients_are_xla_s(case, shape):
    ours, xla_s, *arguments = settings(case, shape)
    found, expected = jax.jit(
        lambda *a: [value_and_gradients(f, *a) for f in (ours, xla_s)]
    )(*arguments)
    chex.assert_trees_all_close(found, expected, rtol=1e-4, atol=1e-4)


def test_gradients_have_gradients():
    """The gradient of a gradient penalty equals XLA's."""
    ours, xla_s, kernel, x = settings("paper", "small")

    def penalty(function, kernel):
        inner = jax.grad(lambda k, x: jnp.sum(jnp.sin(function(k, x))), (0, 1))
        return sum(jnp.sum(jnp.square(g)) for g in inner(kernel, x))

    found, expected = (jax.grad(partial(penalty, f))(kernel) for f in (ours, xla_s))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_an_ensemble_is_a_vmap():
    ours, xla_s, kernel, x = settings("paper", "small")
    kernels = jnp.stack([kernel, -2 * kernel])
    found, expected = (
        jax.jit(jax.vmap(partial(value_and_gradients, f), (0, None)))(kernels, x)
        for f in (ours, xla_s)
    )
    chex.assert_trees_all_close(found, expected, rtol=1e-4, atol=1e-4)


def test_bfloat16_computes_in_it_and_keeps_float32_parameters():
    layer, values, x = layer_and_inputs("no bias", "large", dtype="bfloat16")
    assert {str(p.dtype) for p in jax.tree.leaves(values)} == {"float32"}
    found = value_and_gradients(layer.apply, values, x)
    assert found[0].dtype == jnp.bfloat16
    chex.assert_trees_all_equal_dtypes(found[1], values)
    exact = value_and_gradients(
        layer_and_inputs("no bias", "large")[0].apply, values, x
    )
    found = jax.tree.map(lambda a: a.astype(jnp.float32), found)
    chex.assert_trees_all_close(found, exact, rtol=0.05, atol=0.3)


@pytest.mark.parametrize(("platform", "convolutions"), [("cpu", 2), ("tpu", 3)])
def test_accelerators_get_plain_convolutions(platform, convolutions):
    """On a TPU the forward pass and both gradients are convolutions."""
    ours, _, kernel, x = settings("paper", "large")
    step = jax.jit(partial(value_and_gradients, ours))
    lowered = step.trace(kernel, x).lower(lowering_platforms=(platform,)).as_text()
    assert lowered.count("stablehlo.convolution") == convolutions
    assert ("stablehlo.dot_general" in lowered) == (platform == "cpu")


def test_one_export_serves_all_platforms():
    ours, xla_s, kernel, x = settings("paper", "large")
    step = jax.jit(partial(value_and_gradients, ours))
    exported = jax.export.export(step, platforms=("cpu", "cuda", "tpu"))(kernel, x)
    expected = value_and_gradients(xla_s, kernel, x)
    chex.assert_trees_all_close(
        exported.call(kernel, x), expected, rtol=1e-4, atol=1e-4
    )


def test_more_extra_than_a_stride_has_is_refused():
    with pytest.raises(UserError, match="less than the stride, 2, not 2"):
        ConvTranspose(4, 3, 2, 1, extra=2).init(jax.random.key(0), images((1, 4, 4, 3)))
