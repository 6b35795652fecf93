"""The slides' tables on our images, one function for each table."""

from collections.abc import Mapping, Sequence

import numpy as np

from common.contract import Claim, Table
from common.data.image_set import ImageSet
from papers.distillation import data, measure
from papers.distillation.measure import Trained

# Table 1, by run: per cent of the speech frames right, and of the words wrong.
SPEECH = {"baseline": (58.9, 10.9), "ensemble": (61.1, 10.7), "distilled": (60.8, 10.7)}
# Table 5, by run: per cent of the training frames right, and of the test frames.
FEW = {"baseline": (63.4, 58.9), "hard_part": (67.3, 44.5), "soft_part": (65.4, 57.0)}
FEW["ensemble"] = FEW["baseline"]  # each of its members is trained as the baseline is
# Section 3, by row and hidden layers: per cent of MNIST's test images right.
MNIST = {
    ("teacher", (1200, 1200)): 99.33,
    ("student, labels alone", (800, 800)): 98.54,
    ("distilled at T = 20", (800, 800)): 99.26,
}
# Section 3, by run: per cent of the images wrong, per cent of the absent class right,
# the shift of biases, and both per cents after it.
MISSING = {"soft_without": (2.06, 86.8, 3.5, 1.09, 98.6)}
MISSING["soft_only"] = (47.3, None, -7.6, 13.2, None)
LACKING = (*MISSING, "hard_without")  # the runs whose transfer set lacks classes


def _spread(values: np.ndarray) -> float | None:
    """The standard deviation over seeds."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def ensemble_and_distilled(runs: Mapping[str, Trained], test: ImageSet) -> Table:
    """Section 4: does one model keep what ten gain? The row "single model" is the mean
    over the ensemble's members, which are single models. The last row is the
    temperature that is best on the validation split."""
    found = {}
    n = 0
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
        best, _ = distilled.best_temperature
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


def kept_shares(rows: Sequence[list]) -> tuple[float, float]:
    """How much of the ensemble's gain the last row has, in accuracy and in loss, %."""
    single, ensemble, *_, distilled = rows
    accuracy, loss = (
        100 * (distilled[i] - single[i]) / (ensemble[i] - single[i] or 1.0)
        for i in (2, 4)
    )
    return accuracy, loss


def _kept(rows: list[list]) -> str:
    accuracy, loss = kept_shares(rows)
    return (
        f"the last row keeps {accuracy:.0f}% of the ensemble's gain in accuracy and "
        f"{loss:.0f}% of its gain in loss; the paper's, 86% of the gain in frames"
    )


def ensemble_claim(table: Table, images: str) -> Claim:
    """What `ensemble_and_distilled` says of the distilled model."""
    accuracies = [row[2] for row in table.rows]
    if len(table.rows[0]) == 6:  # one teacher
        alone, student = accuracies[-2:]
        return Claim(
            "a small net learns more from a large one than from labels",
            "99.26 % distilled, 98.54 % from labels (MNIST, 2 x 800 units)",
            f"{student:.2f} % distilled, {alone:.2f} % from labels ({images})",
            bool(student > alone),
        )
    single, ensemble, *_, distilled = accuracies
    accuracy, loss = kept_shares(table.rows)
    return Claim(
        "one distilled model keeps most of what an ensemble gains",
        "58.9, ensemble 61.1, distilled 60.8 % of speech frames: 86 % of the gain",
        f"{single:.2f}, {ensemble:.2f}, {distilled:.2f} % ({images}): {accuracy:.0f} % "
        f"of the gain, {loss:.0f} % of the gain in loss",
        True if accuracy >= 50 else None if loss >= 50 else False,
    )


def few_labels(runs: Mapping[str, Trained], test: ImageSet) -> Table:
    """Section 6: all of the labels, a part of them, and that part with soft targets, at
    the temperature that is best on the validation split. The models of all labels are
    the ensemble's members, or the teacher where there is no ensemble."""
    rows = []
    best = runs["soft_part"].best_temperature
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


def few_labels_claim(table: Table, images: str) -> Claim:
    """What `few_labels` says of soft targets."""
    everything, hard, soft = (row[6] for row in table.rows)
    share = table.rows[1][0]
    return Claim(
        "soft targets make up for missing labels",
        "58.9 % of all labels; of 3 %: 44.5 hard, 57.0 soft (speech frames)",
        f"{everything:.1f} % of all labels; of {share}: {hard:.1f} hard, {soft:.1f} "
        f"soft ({images})",
        True
        if soft - hard >= (everything - hard) / 2
        else None
        if soft > hard
        else False,
    )


def accuracy_by_temperature(runs: Mapping[str, Trained], test: ImageSet) -> Table:
    """Section 6 at every temperature, beside labels of the same images."""
    run = runs["soft_part"]
    right = measure.accuracy(run.test, test.labels).reshape(-1, run.config.seeds)
    labelled = measure.accuracy(runs["hard_part"].test, test.labels)
    rows = [["labels", labelled.mean(), _spread(labelled)]]
    rows += [
        [f"T = {t:g}", seeds.mean(), _spread(seeds)]
        for t, seeds in zip(run.config.distill.temperatures, right, strict=True)
    ]
    note = f"{100 * run.config.data.share:g}% of the images, no label"
    return Table(("trained on", "test accuracy %", "spread"), rows, note)


def missing_classes(
    runs: Mapping[str, Trained], names: list[str], test: ImageSet
) -> Table:
    """Section 3's transfer sets: a student's errors on classes that it never saw,
    before and after a shift of biases. The validation split chooses the shift."""
    rows = []
    for name in sorted(names):
        run = runs[name]
        d = run.config.data
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
    """Per cent of the images wrong, and per cent of the absent classes right."""
    wrong = 100 - measure.accuracy(logits, labels)
    return [float(wrong), float(measure.accuracy(logits[absent], labels[absent]))]
