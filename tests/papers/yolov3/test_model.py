"""The networks. A failure means that sizes are not those that darknet publishes, or
that a layer computes something else."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.contract import UserError
from papers.yolov3 import maps, model
from papers.yolov3.architectures import ARCHITECTURES
from papers.yolov3.cfg import Cfg, Net, strides, yolo_layers
from papers.yolov3.cost import parameters
from papers.yolov3.layers import (
    Convolutional,
    MaxPool,
    Route,
    Shortcut,
    Upsample,
    Yolo,
)
from papers.yolov3.model import Network, build

# Trainable parameters and running statistics.
COUNTS = {
    "yolov3": (61_949_149, 52_608),
    "yolov3-spp": (62_998_749, 53_632),
    "yolov3-tiny": (8_852_366, 6_368),
    "yolov3-tiny-trained": (8_852_366, 6_368),
    "yolov3-voc": (61_626_049, 52_608),
    "yolov3-openimages": (64_754_734, 52_608),
    "darknet53": (41_609_928, 35_712),
    "plain53": (41_609_928, 35_712),
    "darknet19": (20_842_376, 14_400),
    "darknet": (7_319_416, 4_064),
    "resnet101": (41_772_584, 97_664),
    "resnet152": (57_416_232, 143_744),
}
# Layers of the cfg, convolutions, numbers of the [yolo] layers.
LAYERS = {
    "yolov3": (107, 75, [82, 94, 106]),
    "yolov3-spp": (114, 76, [89, 101, 113]),
    "yolov3-tiny": (24, 13, [16, 23]),
    "darknet53": (78, 53, []),
}
SMALL = {"width": 2, "blocks": (1, 1, 1, 1, 1), "size": 32}


def size(tree) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def variables_of(cfg: Cfg, seed: int = 0):
    """Random ones, all above 0."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(lambda: model.init(cfg, jax.random.key(0)))
    return jax.tree.map(lambda x: rng.uniform(0.1, 0.3, x.shape), shapes)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_networks_have_the_published_numbers_of_parameters(name):
    cfg = build(name)
    image = jnp.zeros((1, 64, 64, 3))
    variables = jax.eval_shape(Network(cfg).init, jax.random.key(0), image)
    counts = size(variables["params"]), size(variables["batch_stats"])
    assert counts == COUNTS[name]
    assert parameters(cfg) == counts[0]


@pytest.mark.parametrize("name", LAYERS)
def test_networks_have_the_published_layers(name):
    layers = build(name).layers
    convolutions = sum(isinstance(layer, Convolutional) for layer in layers)
    yolo = [i for i, layer in enumerate(layers) if isinstance(layer, Yolo)]
    assert (len(layers), convolutions, yolo) == LAYERS[name]


def test_the_taps_of_the_scales_are_layers_36_and_61():
    cfg = build("yolov3")
    sources = [x.sources for x in cfg.layers if isinstance(x, Route)]
    assert sources == [(79,), (85, 61), (91,), (97, 36)]
    shapes = cfg.shapes()
    assert [shapes[i] for i in (36, 61, 74)] == [
        (52, 52, 256),
        (26, 26, 512),
        (13, 13, 1024),
    ]


def test_yolov3_at_416_predicts_10647_boxes_on_three_grids():
    cfg = build("yolov3")
    net = Network(cfg)
    image = jnp.zeros((2, 416, 416, 3))
    raw, _ = jax.eval_shape(net.init_with_output, jax.random.key(0), image)
    grids = [(2, side, side, 3, 85) for side in (13, 26, 52)]
    assert [x.shape for x in raw] == grids
    assert sum(np.prod(x.shape[1:4]) for x in raw) == 10_647
    assert strides(cfg) == (32, 16, 8)
    masks = [layer.mask for layer in yolo_layers(cfg)]
    assert masks == [(6, 7, 8), (3, 4, 5), (0, 1, 2)]


def test_a_classifier_gives_logits_and_taps():
    cfg = build("darknet53", 5, **SMALL)
    images = jnp.zeros((3, 32, 32, 3))
    call = functools.partial(Network(cfg).init_with_output, taps=(0, 4))
    (logits, taps), _ = jax.eval_shape(call, jax.random.key(0), images)
    assert logits.shape == (3, 5)
    shapes = cfg.shapes()
    assert {i: x.shape[1:] for i, x in taps.items()} == {0: shapes[0], 4: shapes[4]}


def test_shapes_say_what_every_layer_computes():
    cfg = build("yolov3-spp", 2, **SMALL)
    image = jax.ShapeDtypeStruct((1, 64, 32, 3), jnp.float32)
    taps = tuple(range(len(cfg.layers)))
    variables = jax.eval_shape(lambda: model.init(cfg, jax.random.key(0)))
    apply = functools.partial(Network(cfg).apply, taps=taps)
    _, computed = jax.eval_shape(apply, variables, image)
    assert tuple(x.shape[1:] for x in computed.values()) == cfg.shapes(64, 32)


def test_sizes_that_the_strides_do_not_divide_are_refused():
    cfg = build("yolov3", 2, **SMALL)
    with pytest.raises(UserError, match=r"layer \d+ \[route\]: the maps .* differ"):
        Network(cfg).init(jax.random.key(0), jnp.zeros((1, 40, 40, 3)))


def test_images_of_other_channels_are_refused():
    cfg = build("yolov3", 2, **SMALL)
    with pytest.raises(UserError, match="has channels=3, the images have 1"):
        Network(cfg).init(jax.random.key(0), jnp.zeros((1, 32, 32, 1)))


def test_one_layer_of_each_kind_computes_darknets_equation():
    """conv, pool, shortcut over fewer channels, upsampling, route, against loops."""
    layers = (
        Convolutional(3, 3, 2, 1, batch_normalize=True, activation="leaky"),
        MaxPool(2, 1, 1),
        Convolutional(4, 1, activation="linear"),
        Shortcut(0, "leaky"),
        Upsample(),
        Route((4, 4)),
    )
    cfg = Cfg(Net(5, 5, 2), layers)
    variables = variables_of(cfg)
    x = np.asarray(jax.random.normal(jax.random.key(3), (1, 5, 5, 2)))
    _, taps = Network(cfg).apply(variables, x, taps=tuple(range(6)))
    p = jax.tree.map(np.asarray, variables["params"])
    s = jax.tree.map(np.asarray, variables["batch_stats"])

    def leaky(x):
        return np.where(x > 0, x, 0.1 * x)

    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = np.zeros((1, 3, 3, 3))
    kernel = p["layer_0"]["conv"]["kernel"]
    for i in range(3):
        for j in range(3):
            window = wide[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            y[:, i, j] = np.tensordot(window, kernel, 3)
    norm = p["layer_0"]["norm"]
    stats = s["layer_0"]["norm"]
    y = (y - stats["mean"]) / np.sqrt(stats["var"] + 1e-5)
    y = leaky(y * norm["scale"] + norm["bias"])
    np.testing.assert_allclose(taps[0], y, atol=1e-5)

    pooled = np.zeros_like(y)
    for i in range(3):
        for j in range(3):
            pooled[:, i, j] = y[:, i : i + 2, j : j + 2].max((1, 2))
    np.testing.assert_allclose(taps[1], pooled, atol=1e-5)

    last = p["layer_2"]["conv"]
    z = pooled @ last["kernel"][0, 0] + last["bias"]
    z[..., :3] += y
    z = leaky(z)
    np.testing.assert_allclose(taps[3], z, atol=1e-5)
    large = z.repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(taps[4], large, atol=1e-5)
    np.testing.assert_allclose(taps[5], np.concatenate([large, large], -1), atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 8), (5, 8), (6, 7)])
@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(2, 2, 1), (2, 2, 0), (3, 2, 2)]
)
def test_pools_and_their_gradients_are_those_of_windows(shape, size, stride, padding):
    """Of equal pixels the first has the gradient, as in darknet."""
    x = np.random.default_rng(0).integers(0, 4, (2, *shape, 3)).astype(np.float32)
    wide = np.pad(x, ((0, 0), (padding // 2, padding), (padding // 2, padding), (0, 0)),
                  constant_values=-np.inf)  # fmt: skip
    out = [(n + padding - size) // stride + 1 for n in shape]
    expected = np.zeros((2, *out, 3), np.float32)
    grads = np.zeros_like(wide)
    for b, i, j, c in np.ndindex(expected.shape):
        rows, columns = stride * i, stride * j
        seen = wide[b, rows : rows + size, columns : columns + size, c]
        down, right = np.unravel_index(seen.argmax(), seen.shape)
        expected[b, i, j, c] = seen.max()
        grads[b, rows + down, columns + right, c] += 1
    layer = MaxPool(size, stride, padding)
    found, pull = jax.vjp(lambda x: maps.max_pool(x, layer), x)
    np.testing.assert_array_equal(found, expected)
    low = padding // 2
    inside = grads[:, low : low + shape[0], low : low + shape[1]]
    np.testing.assert_array_equal(pull(jnp.ones_like(found))[0], inside)


@pytest.mark.parametrize(("side", "other"), [(2, 4), (4, 2)])
def test_shortcuts_of_other_sizes_meet_at_every_nth_pixel(side, other):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, side, side, 2)).astype(np.float32)
    y = rng.normal(size=(1, other, other, 3)).astype(np.float32)
    expected = x.copy()
    if side < other:
        expected += y[:, ::2, ::2, :2]
    else:
        expected[:, ::2, ::2] += y[..., :2]
    chex.assert_trees_all_close(maps.added(x, y), expected, atol=1e-6)


def test_running_statistics_move_by_a_hundredth_towards_the_unbiased_ones():
    layer = Convolutional(2, activation="linear", batch_normalize=True)
    cfg = Cfg(Net(4, 4, 2), (layer,))
    variables = model.init(cfg, jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (3, 4, 4, 2))
    _, updated = Network(cfg).apply(variables, x, train=True, mutable="batch_stats")
    y = np.asarray(x @ variables["params"]["layer_0"]["conv"]["kernel"][0, 0])
    stats = updated["batch_stats"]["layer_0"]["norm"]
    mean = 0.01 * y.mean((0, 1, 2))
    var = 0.99 + 0.01 * y.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(stats["mean"], mean, atol=1e-6)
    np.testing.assert_allclose(stats["var"], var, atol=1e-6)


def test_stopbackward_keeps_gradients_from_the_layers_below():
    layers = (
        Convolutional(2, activation="linear"),
        Convolutional(2, activation="linear", stopbackward=True),
        Convolutional(2, activation="linear"),
    )
    cfg = Cfg(Net(2, 2, 2), layers)
    variables = variables_of(cfg)
    x = jnp.ones((1, 2, 2, 2))

    def loss(params):
        return jnp.sum(Network(cfg).apply({"params": params}, x) ** 2)

    grads = jax.grad(loss)(variables["params"])
    moved = [bool(jnp.any(grads[f"layer_{i}"]["conv"]["kernel"])) for i in range(3)]
    assert moved == [False, False, True]


def test_kernels_start_with_deviation_sqrt_2_over_fan_in():
    cfg = Cfg(Net(2, 2, 64), (Convolutional(64, 3, 1, 1),))
    kernel = model.init(cfg, jax.random.key(0))["params"]["layer_0"]["conv"]["kernel"]
    assert float(jnp.std(kernel)) == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.02)


def test_the_objectness_of_every_prior_can_start_low():
    cfg = build("yolov3-tiny", 2, width=2, size=32)
    params = model.init(cfg, jax.random.key(0), objectness=-4.0)["params"]
    for i in (15, 22):
        bias = params[f"layer_{i}"]["conv"]["bias"].reshape(3, 7)
        np.testing.assert_array_equal(bias[:, 4], -4.0)
        assert not jnp.any(jnp.delete(bias, 4, axis=1))


def test_activations_are_half_precision_and_maps_float32_in_bfloat16():
    cfg = build("yolov3-tiny", 2, width=2, size=32)
    variables = variables_of(cfg)
    x = jax.random.uniform(jax.random.key(2), (1, 32, 32, 3))
    half = functools.partial(Network(cfg, dtype="bfloat16").apply, taps=(0, 12))
    raw, taps = jax.jit(half)(variables, x)
    assert {x.dtype for x in taps.values()} == {jnp.dtype("bfloat16")}
    assert {x.dtype for x in raw} == {jnp.dtype("float32")}
    exact = jax.jit(Network(cfg).apply)(variables, x)
    for mine, other in zip(raw, exact, strict=True):
        scale = float(jnp.abs(other).max())
        np.testing.assert_allclose(mine, other, atol=0.05 * scale)
