"""Evaluation of states whose past is known. A failure means that a table or figure
shows other scores than those states have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common import figures
from common.contract import Table
from papers import deep_image_prior as dip
from papers.deep_image_prior.figures import strip
from papers.deep_image_prior.measure import gather, untrained

STEPS = 60


def finished(row):
    """A run after its last step, with an invented history of 13 samples."""
    config = dip.get_config("smoke")
    config.runs = (row,)
    config.stop.rule = "none"
    config.stop.backtrack_every = 0
    config = dip.runs(config)[row].config
    state = dip.init(config, jax.random.key(0))
    rise = jnp.concatenate([jnp.linspace(10, 25, 7), jnp.linspace(24, 20, 6)])
    rows = len(state.average)
    history = {
        "fit": jnp.linspace(5, 30, 13) - 3 * jnp.arange(rows)[:, None],
        "last": jnp.broadcast_to(rise - 1, (rows, 13)),
        "average": jnp.broadcast_to(rise, (rows, 13)),
    }
    truth = state.problem["truth"]
    return config, state.replace(
        step=jnp.int32(STEPS), history=history, average=truth + 0.01, output=truth + 0.1
    )


@pytest.fixture(scope="module")
def results():
    rows = ("denoise", "restore", "impedance", "restore_pixels")
    return dict(dip.evaluate(dip.get_config("smoke"), {r: finished(r) for r in rows}))


def table(results, name):
    found = results[name]
    assert isinstance(found, Table)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def test_scores_are_those_of_the_pictures(results):
    rows = {(r["run"], r["method"]): r["PSNR"] for r in table(results, "Restoration")}
    assert rows["denoise", "running average"] == pytest.approx(40, abs=0.5)
    assert rows["denoise", "last output"] == pytest.approx(20, abs=0.5)
    assert 18 < rows["denoise", "as it is"] < 24  # sigma 25 alone is 20.2
    assert ("denoise", "mean of 4 restarts") in rows
    assert ("restore", "mean filling") in rows
    assert ("restore", "no prior") in rows


def test_the_peak_is_found(results):
    row = table(results, "Stopping")[0]
    assert (row["best average"], row["at"]) == (25, 31)
    assert (row["last average"], row["at the end"]) == (pytest.approx(20.8), 56)


def test_impedance_compares_the_targets(results):
    rows = table(results, "Impedance")
    assert [r["target"] for r in rows] == [
        "image",
        "image + noise",
        "shuffled",
        "noise",
    ]
    ratios = [r["times the one above"] for r in rows[1:]]
    np.testing.assert_allclose(ratios, 10**0.3, rtol=1e-3)


def test_every_run_has_its_pictures(results):
    figures = [name for name, value in results.items() if hasattr(value, "savefig")]
    for run in ("denoise", "restore"):
        assert f"{run}: PSNR against iteration" in figures
        assert f"{run}: side by side" in figures
        before, after, _ = results[f"{run}: before and after"]
        assert before.shape == after.shape
        assert (before != after).any()
    assert "Loss against iteration, by target" in figures


def test_captions_are_in_the_quality_of_the_tables(monkeypatch):
    """For super-resolution that is the PSNR of Y, without a border."""
    config, state = finished("sr")
    noise = jax.random.normal(jax.random.key(1), state.frames.shape[1:])
    frames = state.problem["truth"][:, None] + 0.05 * noise
    frames = jnp.round(255 * jnp.clip(frames, 0, 1)).astype(jnp.uint8)
    fit = gather("sr", config, state.replace(frames=frames))
    captions = []
    monkeypatch.setattr(
        figures, "image_grid", lambda *_, **k: captions.extend(k["captions"])
    )
    strip(fit)
    expected = fit.quality(fit.state.frames[:, 1] / 255)[0]
    assert captions[0][2] == f"{expected:.1f} dB"


def test_mean_filling_leaves_what_is_known():
    config, state = finished("restore")
    fit = gather("restore", config, state)
    filled = untrained(fit)
    mask = fit.state.problem["mask"]
    np.testing.assert_allclose(filled * mask, fit.state.problem["observed"], atol=1e-6)
    assert np.ptp(filled[0, ..., 0][mask[0, ..., 0] == 0]) < 1e-6
