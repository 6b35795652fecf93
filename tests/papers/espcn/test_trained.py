"""The weights that come with the package. A failure means that a first look at the
paper shows nothing, or is of another network."""

import logging

import jax
import numpy as np
import pytest
from PIL import Image

from common.config import changed
from common.contract import UserError
from launch.session import Session
from papers import espcn
from papers.espcn.data import pairs
from papers.espcn.evaluate import quality
from papers.espcn.upscaling import bicubic_upscaler, upscaler


def session(folder, **changes):
    return Session(espcn, changed(espcn.get_config(), changes), folder)


def test_they_upscale_better_than_bicubic_interpolation(tmp_path):
    config = espcn.get_config()
    state, said = session(tmp_path).trained_or_shipped("espcn")
    assert "the weights are " in said
    assert said.endswith("papers/espcn/trained/default.espcn.safetensors")
    pair = min(pairs(config, "test"), key=lambda pair: pair.low.size)
    own, _ = quality(pair, upscaler(config, state)(pair.low))
    bicubic, _ = quality(pair, bicubic_upscaler(config.model)(pair.low))
    assert own > bicubic + 0.3  # dB


def test_predict_works_before_training_and_says_by_what(tmp_path, caplog):
    picture = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    work = session(tmp_path / "work", **{"predict.bucket": 8})
    with caplog.at_level(logging.WARNING, "launch"):
        (name, high), _ = work.predict("", str(tmp_path / "a.png"))
    assert (name, high.shape) == ("a.png x3", (24, 27, 3))
    assert "default.espcn.safetensors" in caplog.text


def test_a_run_of_no_steps_is_its_first_state(tmp_path):
    work = session(tmp_path, seed=1, **{"loop.steps": 0})
    state, said = work.trained_or_shipped("espcn")
    assert said == "espcn: not trained, config.loop.steps=0"
    first = espcn.init(work.runs["espcn"].config, jax.random.key(1))
    jax.tree.map(np.testing.assert_array_equal, state.params, first.params)
    assert work.has_weights("espcn")  # for --mode=export
    assert not session(tmp_path, seed=1).has_weights("espcn")
    with pytest.raises(UserError, match=r"or give --config\.loop\.steps=0"):
        session(tmp_path, weights="a.npz").trained_or_shipped("srcnn_9_1_5")


def test_another_config_has_none(tmp_path):
    with pytest.raises(UserError, match="nothing trained"):
        session(tmp_path, seed=1).trained_or_shipped("espcn")
    with pytest.raises(UserError, match="nothing trained"):
        session(tmp_path).trained_or_shipped("srcnn_9_1_5")
