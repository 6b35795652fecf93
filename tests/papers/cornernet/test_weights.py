"""The published names of weights, read and written: a failure means that a released
file cannot be used, or is used wrongly without a word."""

import jax
import numpy as np
import pytest

from common.contract import UserError
from papers import cornernet
from papers.cornernet import weights
from papers.cornernet.config import Model
from papers.cornernet.initial import variables
from papers.cornernet.model import CornerNet
from tests.papers.cornernet.fixtures import make

SIZE = {k: tuple(v) if isinstance(v, list) else v for k, v in make.SIZE.items()}
MODEL = Model(**SIZE)


def drawn(classes: int = make.CLASSES, seed: int = 0):
    return jax.jit(lambda key: variables(CornerNet(MODEL, classes), MODEL, key))(
        jax.random.key(seed)
    )


@pytest.fixture(scope="module")
def own():
    return drawn()


def equal(a, b) -> bool:
    return all(map(np.array_equal, jax.tree.leaves(a), jax.tree.leaves(b)))


def test_names_are_those_of_the_published_network(own):
    names = {f"module.{name}" for name in make.read()[0]}
    assert {*weights.to_published(own)} == names
    assert "module.pre.0.conv.weight" in names
    assert "module.kps.0.up1.0.conv1.weight" in names


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_what_is_written_is_read_back(own, tmp_path, ending):
    path = str(tmp_path / f"net.{ending}")
    weights.save(path, own)
    assert equal(weights.load(path, drawn(seed=1)), own)


def test_the_first_kernel_reads_colours_the_other_way_round(own):
    kernel = np.asarray(own["params"]["stem"]["conv"]["kernel"])
    written = weights.to_published(own)["module.pre.0.conv.weight"]
    np.testing.assert_array_equal(written, kernel[:, :, ::-1].transpose(3, 2, 0, 1))


def test_weights_for_other_classes_leave_the_last_layer_of_heats_new(own):
    other = drawn(classes=1)
    with pytest.warns(UserWarning, match="other classes"):
        found = weights.from_published(weights.to_published(own), other)
    head = "top_left_heat_1"
    assert equal(found["params"][head]["out"], other["params"][head]["out"])
    assert equal(found["params"][head]["conv"], own["params"][head]["conv"])
    assert equal(found["params"]["hourglass_0"], own["params"]["hourglass_0"])


def test_a_file_of_another_network_is_refused_in_a_line(own):
    arrays = weights.to_published(own)
    del arrays["module.cnvs.0.conv.weight"]
    with pytest.raises(UserError, match="1 weights do not fit"):
        weights.from_published(arrays, own)


def test_a_run_starts_from_the_file(tmp_path):
    config = cornernet.get_config("smoke")
    state = cornernet.init(config, jax.random.key(1))
    path = str(tmp_path / "net.npz")
    weights.save(path, {"params": state.params, "batch_stats": state.batch_stats})
    config.weights = path
    assert equal(cornernet.init(config, jax.random.key(2)).params, state.params)
