"""What the fits were worth: quality against iteration, impedance, and pictures.

Everything shown was kept by the states: nothing is fitted here.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, UInt8

from common.contract import Table
from common.image_metrics import psnr, ssim
from common.resize import enlarge
from papers.deep_image_prior.config import Config
from papers.deep_image_prior.data import row_name
from papers.deep_image_prior.train import State, quality, restored

Values = Iterator[tuple[str, Any]]
Images = Float[np.ndarray, "rows height width channels"]
UNTRAINED = {"sr": "bicubic", "inpaint": "mean filling", "restore": "mean filling"}
PAPER = "30.43 (9 pictures, 512 x 512)"  # sigma 25, with the running average


@dataclasses.dataclass(frozen=True)
class Fit:
    """One finished run, on the host."""

    name: str
    config: Config
    state: State

    @property
    def impedance(self) -> bool:
        return len(self.config.data.targets) > 1

    @property
    def prior(self) -> bool:
        return self.config.model.family == "skip"

    @property
    def truth(self) -> Images:
        return self.state.problem["truth"]

    @property
    def rows(self) -> range:
        return range(min(self.config.eval.shown, len(self.truth)))

    @property
    def steps(self) -> np.ndarray:
        """The iterations of the history, from 1."""
        every, done = self.config.record.every, int(self.state.step)
        return np.arange(0, done, every) + 1

    def history(self, name: str, row: int) -> np.ndarray:
        return self.state.history[name][row][: len(self.steps)]

    def label(self, row: int) -> str:
        return row_name(self.config, row)

    def quality(self, images: Images) -> np.ndarray:
        return np.asarray(quality(self.config, images, self.truth))


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): tables and pictures of every run, the impedance experiment,
    and the summary."""
    fits = [_fit(name, *run) for name, run in trained.items()]
    tasks = [fit for fit in fits if fit.prior and not fit.impedance]
    bare = {fit.name.removesuffix("_pixels"): fit for fit in fits if not fit.prior}
    if tasks:
        rows = [row for fit in tasks for row in _methods(fit, bare.get(fit.name))]
        columns = ("run", "picture", "method", "PSNR", "SSIM", "PSNR of missing pixels")
        yield "Restoration", Table(columns, rows, NOTE)
        yield "Stopping", _stopping(tasks)
    for fit in tasks:
        yield f"{fit.name}: PSNR against iteration", _curve(fit)
        yield f"{fit.name}: iterations", _strip(fit)
        yield f"{fit.name}: side by side", _side_by_side(fit, bare.get(fit.name))
    for fit in fits:
        if fit.impedance:
            yield "Impedance", _impedance(fit)
            yield "Loss against iteration, by target", _impedance_curves(fit)
            yield f"{fit.name}: iterations", _strip(fit)
    yield "Summary", _summary(fits)


NOTE = (
    "dB to the true picture; of super-resolution on Y without a border. Untrained: "
    "without any net; no prior: the same energy, the pixels themselves its parameters. "
    "Where the truth is not known, the numbers are to the degraded picture"
)


def _fit(name: str, config: Config, state: Any) -> Fit:
    result = np.asarray(restored(config, state))
    host = {
        field.name: jax.device_get(getattr(state, field.name))
        for field in dataclasses.fields(state)
        if field.name in ("step", "problem", "output", "average", "history", "frames")
    }
    # The result stands in the answer's place.
    answer = {**jax.device_get(state.answer), "result": result}
    return Fit(name, config, state.replace(**host, answer=answer))


def untrained(fit: Fit) -> Images:
    """What needs no net: the degraded picture, enlarged bicubically, or with the mean
    of the known pixels in place of the missing."""
    observed = fit.state.problem["observed"]
    if fit.config.task.name == "sr":
        return np.clip(enlarge(observed, fit.config.task.factor), 0, 1)
    if "mask" in fit.state.problem:
        mask = fit.state.problem["mask"]
        known = np.maximum(mask.sum((1, 2), keepdims=True), 1)
        return observed + (1 - mask) * observed.sum((1, 2), keepdims=True) / known
    return observed


def _methods(fit: Fit, bare: Fit | None) -> Iterator[list]:
    """Rows of the table: ways to restore one run's pictures."""
    name = UNTRAINED.get(fit.config.task.name, "as it is")
    ways = {name: untrained(fit)}
    if bare:
        ways["no prior"] = bare.state.answer["result"]
    ways |= {"last output": fit.state.output, "running average": fit.state.average}
    if fit.config.task.result == "clean":
        ways["output without jitter"] = fit.state.answer["result"]
    if fit.config.stop.rule != "none":
        ways["where the rule stops"] = fit.state.answer["result"]
    labels = [fit.label(row) for row in range(len(fit.truth))]
    for way, images in ways.items():
        for row in fit.rows:
            yield [fit.name, labels[row], way, *_scores(fit, images, row)]
    again = [i for i, label in enumerate(labels) if label.split()[0] == labels[0]]
    if len(again) > 1:
        way = f"mean of {len(again)} restarts"
        images = fit.state.answer["result"][again].mean(0, keepdims=True)
        yield [fit.name, labels[0], way, *_scores(fit, images, 0)]


def _scores(fit: Fit, images: Images, row: int) -> list[float | None]:
    image, truth = images[row : row + 1], fit.truth[row : row + 1]
    small = min(truth.shape[1:3]) < 11
    missing = None
    if "mask" in fit.state.problem:
        unknown = 1 - fit.state.problem["mask"][row]
        error = np.square(np.clip(image, 0, 1) - truth)[0] * unknown
        share = max(unknown.sum() * truth.shape[-1], 1)
        missing = float(-10 * np.log10(max(error.sum() / share, 1e-12)))
    score = float(quality(fit.config, image, truth)[0])
    return [score, None if small else float(ssim(image, truth)[0]), missing]


def _stopping(fits: list[Fit]) -> Table:
    rows = []
    for fit in fits:
        for row in fit.rows:
            average = fit.history("average", row)
            peak = int(np.argmax(average))
            answer = fit.state.answer
            rule = fit.config.stop.rule
            taken = fit.quality(answer["result"])[row]
            at = int(answer["at"][row]) + 1 if rule != "none" else None
            best = float(average[peak]), int(fit.steps[peak])
            last = float(average[-1]), int(fit.steps[-1])
            rows.append(
                [fit.name, fit.label(row), *best, *last, rule, float(taken), at]
            )
    columns = (
        "run", "picture", "best average", "at", "last average", "at the end", "rule",
        "result", "taken at",
    )  # fmt: skip
    note = (
        "dB of the running average at its best, which only the truth can tell, and at "
        "the end; result: what the run's rule and setting give without the truth"
    )
    return Table(columns, rows, note)


def _curve(fit: Fit) -> Any:
    from common import figures

    series = {
        "running average": (fit.steps, fit.history("average", 0)),
        "last output": (fit.steps, fit.history("last", 0)),
        "fit: -10 log10(energy)": (fit.steps, fit.history("fit", 0)),
    }
    title = f"{fit.name}: {fit.label(0)}"
    return figures.curves(series, "iteration", "dB", title=title)


def _strip(fit: Fit) -> Any:
    """Outputs on the way, from what is given to the truth."""
    from common import figures

    at = [i for i, n in enumerate(fit.config.record.frames) if n <= int(fit.state.step)]
    rows = range(len(fit.truth)) if fit.impedance else fit.rows
    grid, captions = [], []
    for row in rows:
        frames = [fit.state.frames[row, i] for i in at]
        scores = [psnr(f / 255, fit.truth[row]) for f in frames]
        grid.append([_given(fit, row), *frames, _bytes(fit.truth[row])])
        captions.append(["", *(f"{score:.1f} dB" for score in scores), ""])
    columns = ["given", *(str(fit.config.record.frames[i]) for i in at), "truth"]
    return figures.image_grid(
        [[_shown(image) for image in images] for images in grid],
        row_labels=[fit.label(row) for row in rows],
        column_labels=columns,
        captions=captions,
    )


def _side_by_side(fit: Fit, bare: Fit | None) -> Any:
    from common import figures

    untried = untrained(fit)
    columns = ["given", UNTRAINED.get(fit.config.task.name, "untrained")]
    columns += ["no prior"] if bare else []
    columns += ["deep image prior", "truth"]
    grid, captions = [], []
    for row in fit.rows:
        images = [untried, *([bare.state.answer["result"]] if bare else [])]
        images.append(fit.state.answer["result"])
        scores = [f"{fit.quality(x)[row]:.2f} dB" for x in images]
        images = [_bytes(x[row]) for x in (*images, fit.truth)]
        grid.append([_given(fit, row), *images])
        captions.append(["", *scores, ""])
    return figures.image_grid(
        [[_shown(image) for image in images] for images in grid],
        row_labels=[fit.label(row) for row in fit.rows],
        column_labels=columns,
        captions=captions,
    )


def _given(fit: Fit, row: int) -> UInt8[np.ndarray, "height width channels"]:
    """The degraded picture; a small one with its pixels repeated."""
    image = _bytes(fit.state.problem["observed"][row])
    times = fit.truth.shape[1] // image.shape[0]
    return image.repeat(times, 0).repeat(times, 1)


def _bytes(image: Float[np.ndarray, "height width channels"]):
    return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)


def _shown(image: UInt8[np.ndarray, "height width channels"]):
    return image[..., 0] if image.shape[-1] == 1 else image


def _impedance(fit: Fit) -> Table:
    """Losses of figure 2 early, and at the end, where noise is fitted too."""
    early = min(int(np.searchsorted(fit.steps, 100)), len(fit.steps) - 1)
    rows, last = [], None
    for row in range(len(fit.truth)):
        losses = 10 ** (-fit.history("fit", row) / 10)
        times = float(losses[early] / last) if last else None
        rows.append([fit.label(row), float(losses[early]), times, float(losses[-1])])
        last = losses[early]
    columns = ("target", f"energy at {fit.steps[early]}", "times the one above")
    note = "the same net and start for each: what is natural is fitted first"
    return Table((*columns, f"at {fit.steps[-1]}"), rows, note)


def _impedance_curves(fit: Fit) -> Any:
    from common import figures

    series = {
        fit.label(row): (fit.steps, 10 ** (-fit.history("fit", row) / 10))
        for row in range(len(fit.truth))
    }
    return figures.curves(series, "iteration", "energy", log_x=True)


def _summary(fits: list[Fit]) -> Table:
    link, rows = "[Deep Image Prior](papers/deep_image_prior)", []
    for fit in fits:
        if fit.impedance:
            losses = [row[1] for row in _impedance(fit).rows]
            what = "energy of noise over that of a picture, early on"
            rows.append([link, what, losses[-1] / losses[0], "(a curve)"])
        elif fit.prior and fit.config.task.degrade:
            gain = fit.quality(fit.state.answer["result"]) - fit.quality(untrained(fit))
            base = UNTRAINED.get(fit.config.task.name, "the degraded picture")
            what = f"{fit.config.task.name}: dB above {base}"
            rows.append([link, what, float(gain.mean()), None])
            if fit.config.task.name == "denoise" and fit.config.task.sigma == 25:
                dB = float(fit.quality(fit.state.average).mean())
                rows.append([link, "denoising at sigma 25, dB", dB, PAPER])
    return Table(("paper", "what is measured", "ours", "the paper's"), rows)
