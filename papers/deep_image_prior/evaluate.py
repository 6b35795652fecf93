"""Tables and pictures of finished runs: quality, stopping, impedance.

Nothing is fitted here: the states hold all that is shown.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from common.contract import Claim, Table, summary
from common.image_metrics import ssim
from papers.deep_image_prior import figures
from papers.deep_image_prior.config import Config
from papers.deep_image_prior.measure import UNTRAINED, Fit, Images, gather, untrained
from papers.deep_image_prior.train import quality

Values = Iterator[tuple[str, Any]]
TASKS = {
    "denoise": "remove noise",
    "sr": "enlarge",
    "inpaint": "fill holes",
    "restore": "restore missing pixels",
    "jpeg": "remove JPEG's blocks",
    "flash": "remove a flash",
}
THERE = {
    "denoise": "30.43 dB at sigma 25, mean of 9 pictures",
    "restore": "32.22 dB from half of Barbara's pixels",
}


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): tables and pictures of every run, the impedance experiment,
    and the summary."""
    fits = [gather(name, *run) for name, run in trained.items()]
    tasks = [fit for fit in fits if fit.prior and not fit.impedance]
    bare = {fit.name.removesuffix("_pixels"): fit for fit in fits if not fit.prior}
    if tasks:
        rows = [row for fit in tasks for row in methods(fit, bare.get(fit.name))]
        columns = ("run", "picture", "method", "PSNR", "SSIM", "PSNR of missing pixels")
        yield "Restoration", Table(columns, rows, NOTE)
        yield "Stopping", _stopping(tasks)
    for fit in tasks:
        yield f"{fit.name}: PSNR against iteration", figures.curve(fit)
        yield f"{fit.name}: iterations", figures.strip(fit)
        yield f"{fit.name}: side by side", figures.side_by_side(fit, bare.get(fit.name))
        yield f"{fit.name}: before and after", figures.before_after(fit)
    for fit in fits:
        if fit.impedance:
            yield "Impedance", _impedance(fit)
            yield "Loss against iteration, by target", figures.impedance(fit)
            yield f"{fit.name}: iterations", figures.strip(fit)
    if claims := [*_claims(fits)]:
        yield "Summary", summary("[Deep Image Prior](papers/deep_image_prior)", claims)


NOTE = (
    "dB to the true picture; of super-resolution on Y without a border. No prior: the "
    "same energy, the pixels themselves its parameters. Where the truth is not known, "
    "the numbers are to the degraded picture"
)


def methods(fit: Fit, bare: Fit | None) -> Iterator[list]:
    """Rows of the table: one run's pictures, restored in every way that it offers.

    bare: the run of the same task without a prior, if there is one.
    """
    name = UNTRAINED.get(fit.config.task.name, "as it is")
    ways = {name: untrained(fit)}
    if bare:
        ways["no prior"] = bare.result
    ways |= {"last output": fit.state.output, "running average": fit.state.average}
    if fit.config.stop.rule == "none" and fit.config.task.result == "clean":
        ways["output without jitter"] = fit.result
    elif fit.config.stop.rule != "none":
        ways["where the rule stops"] = fit.result
    labels = [fit.label(row) for row in range(len(fit.truth))]
    for way, images in ways.items():
        for row in fit.rows:
            yield [fit.name, labels[row], way, *_scores(fit, images, row)]
    restarts = fit.restarts
    if len(restarts) > 1:
        way = f"mean of {len(restarts)} restarts"
        images = fit.result[restarts].mean(0, keepdims=True)
        yield [fit.name, labels[0], way, *_scores(fit, images, 0)]


def _scores(fit: Fit, images: Images, row: int) -> list[float | None]:
    """[PSNR, SSIM, PSNR of the missing pixels] of one row's image."""
    image = images[row : row + 1]
    truth = fit.truth[row : row + 1]
    small = min(truth.shape[1:3]) < 11  # than SSIM's window
    missing = None
    if "mask" in fit.state.problem:
        unknown = 1 - fit.state.problem["mask"][row]
        error = np.square(np.clip(image, 0, 1) - truth)[0] * unknown
        share = max(unknown.sum() * truth.shape[-1], 1)
        missing = float(-10 * np.log10(max(error.sum() / share, 1e-12)))
    score = float(quality(fit.config, image, truth)[0])
    return [score, None if small else float(ssim(image, truth)[0]), missing]


def _stopping(fits: list[Fit]) -> Table:
    """The running average at its best and at the end, and what the rule took."""
    rows = []
    for fit in fits:
        for row in fit.rows:
            average = fit.history("average", row)
            peak = int(np.argmax(average))
            answer = fit.state.answer
            rule = fit.config.stop.rule
            taken = fit.quality(fit.result)[row]
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


def _impedance(fit: Fit) -> Table:
    """Energies of figure 2 after about 100 steps, and at the end, where noise is fitted
    too."""
    early = min(int(np.searchsorted(fit.steps, 100)), len(fit.steps) - 1)
    rows = []
    last = None
    for row in range(len(fit.truth)):
        losses = 10 ** (-fit.history("fit", row) / 10)
        times = float(losses[early] / last) if last else None
        rows.append([fit.label(row), float(losses[early]), times, float(losses[-1])])
        last = losses[early]
    columns = ("target", f"energy at {fit.steps[early]}", "times the one above")
    note = "the same net and start for each: what is natural is fitted first"
    return Table((*columns, f"at {fit.steps[-1]}"), rows, note)


def _claims(fits: list[Fit]) -> Iterator[Claim]:
    """What is fitted first, and what that is worth for each task."""
    for fit in fits:
        if fit.impedance:
            table = _impedance(fit)
            energies = [row[1] for row in table.rows]
            times = energies[-1] / energies[0]
            yield Claim(
                "an untrained net fits a picture sooner than noise",
                "a curve (figure 2)",
                f"noise has {times:.0f} times the {table.columns[1]} of a picture",
                bool(times > 2),
            )
        elif fit.prior and fit.config.task.degrade:
            gain = float((fit.quality(fit.result) - fit.quality(untrained(fit))).mean())
            decibels = float(fit.quality(fit.result).mean())
            task = fit.config.task.name
            base = UNTRAINED.get(task, "the degraded picture")
            yield Claim(
                f"its prior is enough to {TASKS[task]}",
                THERE.get(task, "pictures"),
                f"{decibels:.2f} dB, {gain:+.2f} to {base} ({fit.label(0)})",
                gain > 0,
            )
