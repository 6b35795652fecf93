"""What the trained runs are worth: the slides' tables on our images, and pictures."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common.contract import Table
from common.data.image_set import ImageSet
from papers.distillation import data, look, measure, specialists, teacher
from papers.distillation.config import Config

Values = Iterator[tuple[str, Any]]

# Sections 3 and 4: per cent of the speech frames right, and words wrong; section 6: the
# same on the training frames and on the test frames; section 2: per cent of MNIST.
SPEECH = {"baseline": (58.9, 10.9), "ensemble": (61.1, 10.7), "distilled": (60.8, 10.7)}
FEW = {"baseline": (63.4, 58.9), "hard_part": (67.3, 44.5), "soft_part": (65.4, 57.0)}
FEW["ensemble"] = FEW["baseline"]  # its members are what the baseline is
MNIST = {
    ("teacher", (1200, 1200)): 99.33,
    ("student, labels alone", (800, 800)): 98.54,
    ("distilled at T = 20", (800, 800)): 99.26,
}
MISSING = {"soft_without": (2.06, 86.8, 3.5, 1.09, 98.6)}
MISSING["soft_only"] = (47.3, None, -7.6, 13.2, None)


@dataclasses.dataclass(frozen=True)
class Trained:
    """One trained run, and what it says of the images."""

    config: Config
    state: Any

    @functools.cached_property
    def test(self) -> np.ndarray:
        return self.logits("test")

    @functools.cached_property
    def valid(self) -> np.ndarray:
        return self.logits("valid")

    def at(self, temperature: float) -> np.ndarray:
        """What the members of one temperature say of the test images."""
        seeds = self.config.seeds
        first = seeds * self.config.distill.temperatures.index(temperature)
        return self.test[:, first : first + seeds]

    def logits(self, split: str) -> np.ndarray:
        images = data.load(self.config.data, split).images
        return measure.logits(self.config, self.state, images)


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): the tables of sections 2 to 6 as far as their runs are
    there, accuracy against temperature, the cost of an ensemble, and soft targets."""
    runs = {name: Trained(*pair) for name, pair in trained.items()}
    test, summary = data.load(config.data, "test"), []
    if {"ensemble", "small", "distilled"} & {*runs}:
        yield "Ensemble and distilled model", (table := _ensemble(runs, test))
        summary += _ensemble_summary(table) if "distilled" in runs else []
    if {"hard_part", "soft_part"} <= {*runs}:
        yield "Few labels", (table := _few(runs, test))
        summary += _few_summary(table)
        yield from _temperatures(runs, test)
    if missing := [name for name in MISSING | {"hard_without": 0} if name in runs]:
        yield "Classes that the transfer set lacks", _missing(runs, missing, test)
    if "specialists" in runs:
        yield from _specialists(runs, test)
    if {"baseline", "ensemble"} <= {*runs} and config.eval.timed_steps:
        yield "Cost of a step", _cost(runs)
    if "ensemble" in runs:
        ensemble = measure.mixed(runs["ensemble"].config, runs["ensemble"].test)
        yield from look.soft_targets(config, ensemble, test)
        if config.eval.write:
            _write(config, runs["ensemble"])
    if summary:
        yield "Summary", _summary(summary)


def _spread(values: np.ndarray) -> float | None:
    """The standard deviation over seeds."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def _ensemble(runs: Mapping[str, Trained], test: ImageSet) -> Table:
    """Section 3: does one model keep what ten gain? The single model's row is the mean
    over the ensemble's members, which were trained as it was. The last row is the
    temperature that is best on the validation split."""
    found, n = {}, 0
    if "ensemble" in runs:
        ensemble = runs["ensemble"]
        n = ensemble.config.members
        mixed = measure.mixed(ensemble.config, ensemble.test)
        if n > 1:
            found["single model"] = "baseline", ensemble.test
        found[f"{n}x ensemble" if n > 1 else "teacher"] = "ensemble", mixed[:, None]
    if "small" in runs:
        found["student, labels alone"] = "small", runs["small"].test
    if "distilled" in runs:
        distilled = runs["distilled"]
        best, _ = _best_temperature(distilled)
        temperatures = distilled.config.distill.temperatures
        for t in sorted(temperatures, key=lambda t: t == best):
            found[f"distilled at T = {t:g}"] = "distilled", distilled.at(t)
    rows = []
    for title, (name, logits) in found.items():
        right = measure.accuracy(logits, test.labels)
        loss = measure.nll(logits, test.labels).mean()
        net = tuple(runs[name].config.net.hidden) if n < 2 else ()
        paper = SPEECH.get(name, (None, None)) if n > 1 else (MNIST.get((title, net)),)
        rows.append([title, len(right), right.mean(), _spread(right), loss, *paper])
    columns = ["model", "of them", "test accuracy %", "spread", "test loss"]
    columns += (
        ["paper, frames right %", "paper, words wrong %"] if n > 1 else ["paper %"]
    )
    note = f"spread: standard deviation over models; {len(test):,} test images"
    kept = n > 1 and "distilled" in runs
    return Table(columns, rows, f"{note}; {_kept(rows)}" if kept else note)


def _kept(rows: list[list]) -> str:
    """How much of the ensemble's gain the last row has."""
    single, ensemble, distilled = rows[0], rows[1], rows[-1]
    accuracy, loss = (
        100 * (distilled[i] - single[i]) / (ensemble[i] - single[i] or 1.0)
        for i in (2, 4)
    )
    return (
        f"the last row keeps {accuracy:.0f}% of the ensemble's gain in accuracy and "
        f"{loss:.0f}% of its gain in loss; the paper's, 86% of the gain in frames"
    )


def _ensemble_summary(table: Table) -> list[list]:
    found = [row[2] for row in table.rows]
    if len(table.rows[0]) == 6:
        what = "test accuracy %, student distilled"
        return [[what, found[-1], table.rows[-1][-1]]]
    ours = " / ".join(f"{x:.1f}" for x in (found[0], found[1], found[-1]))
    return [["accuracy %, single / ensemble / distilled", ours, "58.9 / 61.1 / 60.8"]]


def _few(runs: Mapping[str, Trained], test: ImageSet) -> Table:
    """Section 6: a part of the labels, all of the labels, and a part with soft targets
    at the temperature that is best on the validation split. Models of all labels are
    the ensemble's members, where there are some, or the teacher alone."""
    rows, best = [], _best_temperature(runs["soft_part"])
    soft = f"soft targets at T = {best[0]:g}"
    whole = "ensemble" if "ensemble" in runs else "baseline"
    kinds = {whole: "labels", "hard_part": "labels", "soft_part": soft}
    for name, kind in kinds.items():
        if name not in runs:
            continue
        run = runs[name]
        members = best[1] if name == "soft_part" else slice(None)
        seen = measure.trained_accuracy(run.config, run.state)[members]
        right = measure.accuracy(run.test[:, members], test.labels)
        n = data.chosen(run.config).shape[1]
        row = [f"{100 * run.config.data.share:g}%", kind, n, len(right)]
        row += [seen.mean(), _spread(seen), right.mean(), _spread(right)]
        rows.append([*row, *FEW[name]])
    columns = ("training set", "trained on", "images", "models", "train accuracy %",
               "spread, train", "test accuracy %", "spread, test", "paper, train %",
               "paper, test %")  # fmt: skip
    gains = measure.accuracy(runs["soft_part"].test[:, best[1]], test.labels)
    gains = gains - measure.accuracy(runs["hard_part"].test, test.labels)
    each = ", ".join(f"{gain:+.1f}" for gain in gains)
    note = f"soft against hard, points, seed by seed: {each}; mean {gains.mean():+.1f}"
    return Table(columns, rows, note)


def _few_summary(table: Table) -> list[list]:
    sets = [f"{row[0]} {row[1].split(' at')[0]}" for row in table.rows]
    ours, papers = ([f"{row[i]:.1f}" for row in table.rows] for i in (6, 9))
    return [[f"accuracy %, {', '.join(sets)}", " / ".join(ours), " / ".join(papers)]]


def _best_temperature(run: Trained) -> tuple[float, slice]:
    """The temperature whose models have the least loss on validation, and where they
    stand."""
    labels, seeds = data.load(run.config.data, "valid").labels, run.config.seeds
    losses = measure.nll(run.valid, labels).reshape(-1, seeds).mean(1)
    i = int(losses.argmin())
    return run.config.distill.temperatures[i], slice(i * seeds, (i + 1) * seeds)


def _temperatures(runs: Mapping[str, Trained], test: ImageSet) -> Values:
    run, hard = runs["soft_part"], runs["hard_part"]
    right = measure.accuracy(run.test, test.labels).reshape(-1, run.config.seeds)
    labelled = measure.accuracy(hard.test, test.labels)
    rows = [["labels", labelled.mean(), _spread(labelled)]]
    temperatures = run.config.distill.temperatures
    rows += [
        [f"T = {t:g}", seeds.mean(), _spread(seeds)]
        for t, seeds in zip(temperatures, right, strict=True)
    ]
    share = f"{100 * run.config.data.share:g}% of the images"
    columns = ("trained on", "test accuracy %", "spread")
    yield "Accuracy against temperature", Table(columns, rows, f"{share}, no label")
    from common import figures

    curves = {
        "soft targets": (temperatures, right.mean(1)),
        "labels": (temperatures, np.full(len(temperatures), labelled.mean())),
    }
    yield (
        "Accuracy against temperature: curve",
        figures.curves(
            curves, "temperature", "test accuracy, %", log_x=True, points=True,
            title=f"students of {share}",
        ),
    )  # fmt: skip


def _missing(runs: Mapping[str, Trained], names: list[str], test: ImageSet) -> Table:
    """Section 2's transfer sets: what the student makes of classes that it never saw,
    before and after a shift of biases that the validation split chooses."""
    rows = []
    for name in sorted(names):
        run, d = runs[name], runs[name].config.data
        classes = d.without or d.only
        absent = np.isin(test.labels, d.without) if d.without else ~np.isin(
            test.labels, d.only)  # fmt: skip
        valid = data.load(d, "valid").labels
        found = []
        for member in range(run.config.members):
            shift = measure.best_shift(run.valid[:, member], valid, classes)
            before = run.test[:, member]
            after = measure.shifted(before, classes, shift)
            found.append(
                [*_errors(before, test.labels, absent), shift,
                 *_errors(after, test.labels, absent)]
            )  # fmt: skip
        shown = ", ".join(test.class_names[c] for c in classes)
        kind = f"{'without' if d.without else 'only'} {shown}"
        trained_on = "soft targets" if run.config.taught else "labels"
        paper = MISSING.get(name, (None,) * 5)
        rows.append([kind, trained_on, *np.mean(found, axis=0), paper[0], paper[3]])
    columns = ("transfer set", "trained on", "errors %", "right of the absent %",
               "shift of biases", "errors % after", "right of the absent % after",
               "paper, errors %", "paper, after %")  # fmt: skip
    note = (
        "means over seeds. The shift is of the absent class's bias, or of all that are "
        "there, and is chosen on the validation split; the paper's are +3.5 and -7.6, "
        "and 86.8% and 98.6% of the absent 3s are right"
    )
    return Table(columns, rows, note)


def _errors(logits: np.ndarray, labels: np.ndarray, absent: np.ndarray) -> list[float]:
    """Per cent wrong, and per cent right of the absent classes."""
    wrong = 100 - measure.accuracy(logits, labels)
    return [float(wrong), float(measure.accuracy(logits[absent], labels[absent]))]


def _specialists(runs: Mapping[str, Trained], test: ImageSet) -> Values:
    run, generalist = runs["specialists"], runs["baseline"].test[:, 0]
    special = run.state.special
    owned = np.asarray(special["classes"])
    frequency = np.asarray(special["frequency"])
    rows = []
    for m, classes in enumerate(owned):
        theirs = np.isin(test.labels, np.flatnonzero(classes))
        own = measure.accuracy(
            run.test[theirs, m, :-1] + np.where(classes, 0, specialists.NEVER),
            test.labels[theirs],
        )
        among = generalist[theirs] + np.where(classes, 0, specialists.NEVER)
        names = ", ".join(test.class_names[c] for c in np.flatnonzero(classes))
        before = measure.accuracy(among, test.labels[theirs])
        rows.append([names, 100 * frequency @ classes, before, own])
    columns = ("classes", "of the images %", "generalist among them %", "specialist %")
    yield "Specialists", Table(columns, rows)
    unbiased = specialists.unbiased(special, jnp.asarray(run.test))
    infer = jax.jit(specialists.infer)
    joint = np.asarray(infer(jnp.asarray(generalist), unbiased, special["classes"]))
    both = [measure.accuracy(x, test.labels) for x in (generalist, joint)]
    loss = [measure.nll(x, test.labels) for x in (generalist, joint)]
    rows = [["generalist", both[0], loss[0], 25.0],
            [f"and {len(owned)} specialists", both[1], loss[1], 26.1]]  # fmt: skip
    columns = ("model", "test accuracy %", "test loss", "paper, JFT %")
    yield "Generalist and specialists", Table(columns, rows, "paper: 61 specialists")


def _cost(runs: Mapping[str, Trained]) -> Table:
    """What a model of the ensemble costs beside one that is trained alone."""
    pairs = {n: (runs[n].config, runs[n].state) for n in ("baseline", "ensemble")}
    steps = runs["baseline"].config.eval.timed_steps
    seconds = measure.step_seconds(pairs, steps)
    rows = []
    for name, (config, _) in pairs.items():
        n, both = config.members, zip(seconds[name], seconds["baseline"], strict=True)
        row = [name, n, *(1e3 * s for s in seconds[name])]
        rows.append([*row, *(s / n / single for s, single in both)])
    columns = ("run", "models", "ms a step", "with its images", "a model, of a single",
               "with its images: of a single")  # fmt: skip
    note = f"one device; the least of five means over {steps} steps, in turns"
    return Table(columns, rows, note)


def _write(config: Config, run: Trained) -> None:
    """The logits of the training split, for `config.distill.file`."""
    teacher.write(config.eval.write, measure.mixed(run.config, run.logits("train")))


def _summary(rows: list[list]) -> Table:
    name = "[Distillation](papers/distillation)"
    columns = ("paper", "what is measured", "ours", "the paper's")
    return Table(columns, [[name, *row] for row in rows])
