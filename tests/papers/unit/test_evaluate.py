"""Measurements against numpy, with known translators. A failure means that a table
counts padding, or that a figure shows what has not happened."""

import copy
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from papers import unit
from papers.unit import figures, train
from papers.unit.config import Config
from papers.unit.config import runs as runs_of
from papers.unit.directions import Direction
from papers.unit.domains import domains
from papers.unit.measure import measured, objective_terms, unchanged, whole_test

A_TO_B = Direction("a", "b")


@cache
def untrained(run: str) -> tuple[Config, train.State]:
    config = copy.deepcopy(runs_of(unit.get_config("smoke"))[run].config)
    return config, unit.init(config, jax.random.key(1))


def glyph_config() -> Config:
    config = copy.deepcopy(untrained("unit")[0])
    config.data.source = "embedded"
    config.model.channels = (1, 1)
    config.data.size = (16, 16)
    config.eval.batch_size = 16
    return config


def test_unchanged_is_the_distance_of_the_pairs():
    config = glyph_config()
    a, b = (whole_test(config, d).astype(float) for d in "ab")
    assert len(a) == len(b) == len(domains(config, "test")["a"])
    assert unchanged(config) == pytest.approx(np.mean(np.abs(a - b)) / 127.5, rel=1e-5)


def test_measured_counts_every_image_once():
    """The last batch is padded: 16 rows, and 61 letters."""
    config = glyph_config()
    state = unit.init(config, jax.random.key(0))
    run = jax.jit(
        lambda x: train.translate(config, unit.generator_params(state), x, A_TO_B)
    )
    a, b = (whole_test(config, d) for d in "ab")
    assert len(a) % config.eval.batch_size
    expected = np.mean(np.abs(np.asarray(run(a)) / 127.5 - b / 127.5))
    # eval_step's translations are not rounded to whole grey levels.
    assert measured(config, state)["pair_a2b"] == pytest.approx(expected, abs=2e-3)


def test_terms_are_those_of_training_without_padding():
    config, state = untrained("unit")
    batch = next(iter(unit.batches(config, "test")))
    found = jax.jit(lambda batch: objective_terms(config, state, batch))(batch)
    assert found["L_GAN"] < 0 < min(found["L_VAE"], found["L_CC"])
    half = {n: np.where(np.arange(16) < 8, x, 0) if n.startswith("mask") else x
            for n, x in batch.items()}  # fmt: skip
    garbled = {**half, "a": half["a"].copy()}
    garbled["a"][8:] = 255 - garbled["a"][8:]
    kept, again = (objective_terms(config, state, b)["L_VAE"] for b in (half, garbled))
    assert kept == pytest.approx(float(again), rel=1e-5)


def test_the_slider_lays_a_translation_over_its_own_input():
    """Grey beside RGB too: both pictures need one shape."""
    grey = np.random.default_rng(0).integers(0, 255, (3, 4, 6, 1)).astype(np.uint8)
    pair = figures.laid_over(grey, np.repeat(255 - grey, 3, axis=-1), A_TO_B)
    assert pair.before.shape == pair.after.shape == (4, 6, 3)
    np.testing.assert_array_equal(pair.after, 255 - pair.before)
    np.testing.assert_array_equal(pair.before[..., :1], grey[0])
    assert pair.names == ("x_a", "a to b")


def test_the_grid_and_the_slider_share_a_translation(monkeypatch):
    config, state = untrained("unit")
    asked = []

    def run(images, direction):
        asked.append(direction)
        return images

    monkeypatch.setattr(figures, "_translator", lambda config, state: run)
    names = [name for name, _ in figures.of_run("unit", config, state)]
    assert names[:2] == ["unit: a to b", "unit: a to b, laid over"]
    assert len(asked) == 6  # both ways: there, back, and to the own domain


def test_pictures_show_the_past_alone():
    config, state = untrained("unit")
    state = state.replace(step=jnp.int32(5))  # frames: 1, 5, 20
    titles = [axes.get_title() for axes in figures.over_time(config, state).axes]
    assert [t for t in titles if t] == ["step 1", "step 5"]
    figure = figures.translations(config, state, Direction("b", "a"))
    titles = [axes.get_title() for axes in figure.axes]
    assert [t for t in titles if t] == [
        "x_b",
        "reconstruction",
        "b to a",
        "b to a to b",
    ]
    assert len(figure.axes) == 4 * config.eval.shown


def test_all_test_images_are_shown_where_there_are_few(tmp_path):
    config, state = untrained("unit")
    for i, name in enumerate(("trainA", "trainB", "testA", "testB")):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8), (60 * i, 0, 0)).save(tmp_path / name / "one.png")
    config = copy.deepcopy(config)
    config.data.source = "files"
    config.data.root = str(tmp_path)
    assert config.eval.shown > 1
    figure = figures.side_by_side({"unit": (config, state)}, A_TO_B)
    assert len(figure.axes) == 2


def test_everything_has_a_name_of_its_own():
    """No run has taken a step: there is nothing to show over time."""
    runs = {row: untrained(row) for row in ("unit", "adapted")}
    names = [name for name, _ in unit.evaluate(unit.get_config("smoke"), runs)]
    assert len({*names}) == len(names)
    assert not [name for name in names if "over time" in name]
    assert {"Translation", "Squares", "Objective", "Digits without labels"} <= {*names}
    assert names[-1] == "Summary"
