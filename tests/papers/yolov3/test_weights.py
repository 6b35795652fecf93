"""Weights files. A failure means that darknet's files are read into wrong places, or
that a file which does not fit is read at all."""

import struct

import chex
import jax
import numpy as np
import pytest
from safetensors import safe_open

from common.contract import UserError
from papers.yolov3 import darknet_weights, model, weights
from papers.yolov3.cfg import Cfg, Net
from papers.yolov3.custom_cfg import with_classes
from papers.yolov3.layers import Convolutional, Yolo
from papers.yolov3.model import build

# Bytes of the files that darknet publishes; of some only computed (spec of the format).
SIZES = {
    "yolov3": 248_007_048,
    "yolov3-spp": 252_209_544,
    "yolov3-tiny": 35_434_956,
    "yolov3-voc": 246_714_648,
    "yolov3-openimages": 259_229_388,
    "darknet53": 166_582_580,
}
SMALL = {"width": 2, "blocks": (1, 1, 1, 1, 1), "size": 32}
CFG = build("yolov3", 2, **SMALL)
# The convolutions before [yolo].
HEADS = [i - 1 for i, layer in enumerate(CFG.layers) if isinstance(layer, Yolo)]


def random_variables(cfg: Cfg, seed: int = 0):
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(lambda: model.init(cfg, jax.random.key(0)))
    return jax.tree.map(lambda x: rng.uniform(0, 1, x.shape).astype("f4"), shapes)


VARIABLES = random_variables(CFG)
OTHER = random_variables(CFG, seed=1)


def written(tmp_path, name: str = "a.weights") -> str:
    path = str(tmp_path / name)
    weights.save(path, CFG, VARIABLES)
    return path


def file_size(cfg: Cfg, until: int | None = None) -> int:
    """Bytes: a header of 20, and 4 for each number."""
    return 20 + 4 * darknet_weights.slots(cfg, until)[-1].stop


@pytest.mark.parametrize("name", SIZES)
def test_files_have_the_published_sizes(name):
    assert file_size(build(name)) == SIZES[name]


def test_darknet53_conv_74_is_the_trunk_of_yolov3():
    assert file_size(build("yolov3"), 74) == 162_482_580
    assert len(darknet_weights.slots(build("yolov3"), 74)) == 52


@pytest.mark.parametrize("name", ["a.weights", "a.safetensors", "a.npz"])
def test_what_is_written_is_read_again(tmp_path, name):
    path = written(tmp_path, name)
    chex.assert_trees_all_equal(weights.load(path, CFG, OTHER), VARIABLES)


def test_yolov3_tiny_makes_a_file_of_exactly_its_size(tmp_path):
    cfg = build("yolov3-tiny")
    variables = random_variables(cfg)
    path = tmp_path / "tiny.weights"
    weights.save(str(path), cfg, variables, seen=32_013_312)
    assert path.stat().st_size == SIZES["yolov3-tiny"]
    header, _ = darknet_weights.numbers(path)
    assert header == ((0, 2, 0), 32_013_312, 20)
    chex.assert_trees_all_equal(weights.load(str(path), cfg, variables), variables)


def test_numbers_stand_where_darknet_reads_them(tmp_path):
    """beta, gamma, mean, variance, kernel by filter, input, row, column; then a bias
    and its kernel."""
    layers = (
        Convolutional(2, 3, batch_normalize=True, activation="leaky"),
        Convolutional(3, activation="linear"),
    )
    cfg = Cfg(Net(4, 4, 1), layers)
    path = tmp_path / "own.weights"
    header = struct.pack("<3iQ", 0, 2, 0, 7)
    path.write_bytes(header + np.arange(8 + 18 + 3 + 6, dtype="<f4").tobytes())
    variables = weights.load(str(path), cfg, random_variables(cfg))
    first = variables["params"]["layer_0"]
    stats = variables["batch_stats"]["layer_0"]["norm"]
    np.testing.assert_array_equal(first["norm"]["bias"], [0, 1])
    np.testing.assert_array_equal(first["norm"]["scale"], [2, 3])
    np.testing.assert_array_equal(stats["mean"], [4, 5])
    np.testing.assert_array_equal(stats["var"], [6, 7])
    kernel = first["conv"]["kernel"]
    np.testing.assert_array_equal(kernel[..., 0, 0], 8 + np.arange(9).reshape(3, 3))
    np.testing.assert_array_equal(kernel[..., 0, 1], 17 + np.arange(9).reshape(3, 3))
    second = variables["params"]["layer_1"]["conv"]
    np.testing.assert_array_equal(second["bias"], [26, 27, 28])
    expected = 29 + np.arange(6).reshape(3, 2).T
    np.testing.assert_array_equal(second["kernel"][0, 0], expected)


@pytest.mark.parametrize(
    ("version", "form"), [((0, 1, 0), "<3iI"), ((0, 2, 0), "<3iQ"), ((1, 0, 0), "<3iQ")]
)
def test_both_headers_are_read(tmp_path, version, form):
    path = written(tmp_path)
    with open(path, "rb") as file:
        body = file.read()[20:]
    with open(path, "wb") as file:
        file.write(struct.pack(form, *version, 5) + body)
    header, _ = darknet_weights.numbers(path)
    assert (header.version, header.seen) == (version, 5)
    chex.assert_trees_all_equal(weights.load(path, CFG, OTHER), VARIABLES)


def test_a_file_of_the_first_layers_leaves_the_others(tmp_path):
    path = written(tmp_path, "a.conv.10")
    found = weights.load(path, CFG, OTHER)
    for i in (0, 2, 9):
        name = f"layer_{i}"
        chex.assert_trees_all_equal(found["params"][name], VARIABLES["params"][name])
        stats = found["batch_stats"][name]
        chex.assert_trees_all_equal(stats, VARIABLES["batch_stats"][name])
    for i in (10, *HEADS):
        name = f"layer_{i}"
        chex.assert_trees_all_equal(found["params"][name], OTHER["params"][name])


def test_a_file_for_other_classes_leaves_the_outputs_new(tmp_path):
    path = written(tmp_path)
    cfg = with_classes(CFG, 5)
    like = random_variables(cfg, seed=1)
    with pytest.warns(UserWarning, match="is for 2 classes: the outputs for 5 are new"):
        found = weights.load(path, cfg, like)
    for name, layer in found["params"].items():
        new = name in {f"layer_{i}" for i in HEADS}
        chex.assert_trees_all_equal(layer, (like if new else VARIABLES)["params"][name])


def cut(path: str, stop: int | None) -> None:
    with open(path, "rb") as file:
        data = file.read()
    with open(path, "wb") as file:
        file.write(data[:stop] if stop is not None else data + bytes(8))


def test_truncated_and_longer_files_name_the_first_convolution_that_does_not_fit(
    tmp_path,
):
    slots = darknet_weights.slots(CFG)
    path = written(tmp_path)
    cut(path, 20 + 4 * (slots[3].start + 5))
    index = slots[3].index
    with pytest.raises(UserError, match=rf"does not fit is layer {index}, .*truncated"):
        weights.load(path, CFG, OTHER)
    path = written(tmp_path)
    cut(path, 20 + 4 * slots[3].start)
    with pytest.raises(UserError, match=rf"is called name\.conv\.{index}"):
        weights.load(path, CFG, OTHER)
    path = written(tmp_path)
    cut(path, None)
    with pytest.raises(UserError, match=rf"2 are left .* layer {HEADS[-1]};"):
        weights.load(path, CFG, OTHER)


# What a file holds, and what its error says.
BROKEN = {
    b"": "0 bytes are too few",
    b"GIF89a, a picture.": "it ends in its header|no float32",
    bytes(16 + 7): "7 bytes follow the header",
}


@pytest.mark.parametrize("data", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_weights_file_is_one_line(tmp_path, data):
    path = tmp_path / "a.weights"
    path.write_bytes(data)
    with pytest.raises(UserError, match=BROKEN[data]):
        weights.load(str(path), CFG, OTHER)
    with pytest.raises(UserError, match=r"no such \.weights"):
        weights.load(str(tmp_path / "b.weights"), CFG, OTHER)


@pytest.mark.parametrize(
    ("value", "why"), [(np.nan, "not finite"), (-1.0, "variances below 0")]
)
def test_numbers_that_cannot_be_are_refused(tmp_path, value, why):
    path = str(tmp_path / "a.weights")
    variables = jax.tree.map(np.copy, VARIABLES)
    variables["batch_stats"]["layer_2"]["norm"]["var"][1] = value
    weights.save(path, CFG, variables)
    with pytest.raises(UserError, match=f"layer 2 has .*{why}"):
        weights.load(path, CFG, OTHER)


def test_a_safetensors_has_pytorchs_names_and_must_fit(tmp_path):
    path = written(tmp_path, "a.safetensors")
    with safe_open(path, "numpy") as file:
        names = {*file.keys()}
        shape = file.get_slice("layer_1.conv.weight").get_shape()
    assert {"layer_0.norm.running_var", f"layer_{HEADS[0]}.conv.bias"} <= names
    assert shape == [4, 2, 3, 3]
    cfg = with_classes(CFG, 5)
    with pytest.raises(UserError, match="6 weights do not fit"):
        weights.load(path, cfg, random_variables(cfg))
