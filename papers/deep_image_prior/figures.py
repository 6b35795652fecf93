"""Pictures of finished runs: curves, outputs on the way, and methods side by side."""

from typing import Any

import numpy as np
from jaxtyping import UInt8

from common.contract import BeforeAfter
from common.pixels import to_uint8
from papers.deep_image_prior.measure import UNTRAINED, Fit, untrained
from papers.deep_image_prior.train import quality


def curve(fit: Fit) -> Any:
    """The first row's PSNR against the iterations. It peaks and falls, while the fit
    improves. A point marks the stop rule's answer."""
    from common import figures

    series = {
        "running average": (fit.steps, fit.history("average", 0)),
        "last output": (fit.steps, fit.history("last", 0)),
        "fit: -10 log10(energy)": (fit.steps, fit.history("fit", 0)),
    }
    if fit.config.stop.rule != "none":
        at = int(fit.state.answer["at"][0]) + 1
        series[f"the rule's answer, of {at}"] = [at], fit.quality(fit.result)[:1]
    title = f"{fit.name}: {fit.label(0)}"
    return figures.curves(series, "iteration", "dB", title=title)


def strip(fit: Fit) -> Any:
    """A row a picture: the degraded picture, the outputs on the way, and the truth."""
    from common import figures

    at = [
        i for i, n in enumerate(fit.config.history.frames) if n <= int(fit.state.step)
    ]
    rows = range(len(fit.truth)) if fit.impedance else fit.rows
    grid = []
    captions = []
    for row in rows:
        frames = fit.state.frames[row, at]
        scores = quality(fit.config, frames / 255, fit.truth[row])
        grid.append([_given(fit, row), *frames, to_uint8(fit.truth[row])])
        captions.append(["", *(f"{score:.1f} dB" for score in scores), ""])
    columns = ["given", *(str(fit.config.history.frames[i]) for i in at), "truth"]
    return figures.image_grid(
        grid,
        row_labels=[fit.label(row) for row in rows],
        column_labels=columns,
        captions=captions,
    )


def side_by_side(fit: Fit, bare: Fit | None) -> Any:
    """A row a picture: the degraded picture, what needs no net, the result without a
    prior, the result with it, and the truth."""
    from common import figures

    ways = {"given": fit.state.problem["observed"]}
    if fit.config.task.name in UNTRAINED:
        ways[UNTRAINED[fit.config.task.name]] = untrained(fit)
    if bare:
        ways["no prior"] = bare.result
    ways |= {"deep image prior": fit.result, "truth": fit.truth}
    grid = []
    captions = []
    for row in fit.rows:
        grid.append(
            [_given(fit, row), *(to_uint8(x[row]) for x in [*ways.values()][1:])]
        )
        captions.append(
            [
                f"{fit.quality(x)[row]:.2f} dB"
                if way != "truth" and x.shape == fit.truth.shape
                else ""
                for way, x in ways.items()
            ]
        )
    return figures.image_grid(
        grid,
        row_labels=[fit.label(row) for row in fit.rows],
        column_labels=[*ways],
        captions=captions,
    )


def before_after(fit: Fit) -> BeforeAfter:
    """The first picture as it is given, and restored."""
    given, restored = _given(fit, 0), to_uint8(fit.result[0])
    height, width = np.minimum(given.shape[:2], restored.shape[:2])
    return BeforeAfter(
        given[:height, :width], restored[:height, :width], ("given", "restored")
    )


def _given(fit: Fit, row: int) -> UInt8[np.ndarray, "height width channels"]:
    """The degraded picture. A small one is enlarged by repeating its pixels."""
    image = to_uint8(fit.state.problem["observed"][row])
    times = fit.truth.shape[1] // image.shape[0]
    return image.repeat(times, 0).repeat(times, 1)


def impedance(fit: Fit) -> Any:
    """The energy of each target against the iterations: figure 2."""
    from common import figures

    series = {
        fit.label(row): (fit.steps, 10 ** (-fit.history("fit", row) / 10))
        for row in range(len(fit.truth))
    }
    return figures.curves(series, "iteration", "energy", log_x=True)
