"""torchvision's weights. A failure means that logits are not its networks', which
torchvision_logits.py wrote, or that a bad file is accepted."""

import dataclasses
import json
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.contract import UserError
from common.files import weights as files
from papers import resnet
from papers.resnet import weights
from papers.resnet.config import Model
from papers.resnet.model import ResNet
from tests.papers.resnet import torchvision_logits

WRITTEN = json.loads(Path(torchvision_logits.__file__).with_suffix(".json").read_text())


def model(name: str, **fields) -> Model:
    """torchvision's net of that name, with `fields` replaced."""
    config = resnet.get_config(f"{name}_torchvision").model
    return dataclasses.replace(config, **fields)


def arrays(name: str) -> dict[str, np.ndarray]:
    shapes = {n: tuple(shape) for n, shape in WRITTEN[name]["shapes"].items()}
    return torchvision_logits.draw(shapes)


def abstract_variables(config: Model):
    image = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
    return jax.eval_shape(ResNet(config).init, jax.random.key(0), image)


@pytest.mark.parametrize("name", torchvision_logits.SIZES)
def test_logits_are_torchvision_s(name):
    config = model(name)
    variables = weights.from_torchvision(
        arrays(name), config, abstract_variables(config)
    )
    x = torchvision_logits.images(torchvision_logits.SIZES[name])
    found = jax.jit(ResNet(config).apply)(variables, x)
    expected = np.array(WRITTEN[name]["logits"])
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_files_go_there_and_back(tmp_path, ending):
    config = model("resnet18")
    given = {**arrays("resnet18"), "bn1.num_batches_tracked": np.array(7)}
    files.write(tmp_path / f"in{ending}", given)
    variables = weights.load(
        tmp_path / f"in{ending}", config, abstract_variables(config)
    )
    weights.save(tmp_path / f"out{ending}", config, variables)
    back = files.read(tmp_path / f"out{ending}")
    del given["bn1.num_batches_tracked"]
    chex.assert_trees_all_equal(back, given)


def test_a_run_starts_from_a_file_with_a_new_head_for_its_own_classes(tmp_path):
    config = resnet.get_config("resnet18_torchvision")
    config.weights = str(tmp_path / "w.safetensors")
    config.model.num_classes = 7
    config.data.size = 64
    given = arrays("resnet18")
    files.write(config.weights, given)
    with pytest.warns(UserWarning, match="not for 7 classes: the head is new"):
        state = resnet.init(config, jax.random.key(0))
    stem = state.params["backbone"]["stem"]["conv"]["kernel"]
    np.testing.assert_array_equal(stem, given["conv1.weight"].transpose(2, 3, 1, 0))
    assert state.params["head"]["kernel"].shape == (512, 7)
    assert float(jnp.std(state.params["head"]["kernel"])) > 0.01
    image = np.zeros((1, 64, 64, 3), np.uint8)
    maps = resnet.features(config, state, image)
    assert [m.shape[1:] for m in maps.values()] == [
        (16, 16, 64), (16, 16, 64), (8, 8, 128), (4, 4, 256), (2, 2, 512),
    ]  # fmt: skip


def test_a_strange_or_damaged_file_is_refused():
    config = model("resnet18")
    given = arrays("resnet18")
    given["layer9.0.conv1.weight"] = np.zeros(3, np.float32)
    given["bn1.bias"] = np.zeros(3, np.float32)
    del given["layer2.0.downsample.0.weight"]
    with pytest.raises(UserError) as refused:
        weights.from_torchvision(given, config, abstract_variables(config))
    for part in (
        "3 weights do not fit",
        "bn1.bias expected [64], found [3]",
        "layer2.0.downsample.0.weight expected [128, 64, 1, 1], found nothing",
        "layer9.0.conv1.weight expected nothing, found [3]",
    ):
        assert part in str(refused.value)


def test_the_paper_s_strides_are_refused():
    config = model("resnet50", stride_on="1x1")
    with pytest.raises(UserError, match="stride_on=3x3"):
        weights.from_torchvision({}, config, abstract_variables(config))
