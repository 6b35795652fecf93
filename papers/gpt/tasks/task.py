"""What a task of fine-tuning is: examples with labels, and how it is reported."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from common.contract import UserError
from common.data.image_set import balanced_order
from common.data.split_names import SPLITS

FORMS = ("classification", "entailment", "similarity", "choice")
METRICS = ("accuracy", "f1", "mcc", "pearson", "spearman")
TOP_SCORE = 5  # scores are in [0, 5], as in STS-B
_MOST_VALID = 5000  # examples of the largest validation split that is cut off


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """One labelled input.

    Attributes:
      texts: one text (classification), two (entailment, similarity), or a context and
        its K answers (choice).
      label: the index of the class, or of the right answer; in a scored task the score,
        from 0 to 5; None: unknown.
      split: "train", "valid" or "test".
      question: of a choice, what follows the context and is never cut.
    """

    texts: tuple[str, ...]
    label: int | float | None
    split: str
    question: str = ""


class Shape(NamedTuple):
    """What the network needs to know of a task.

    Attributes:
      form: one of `FORMS`.
      n_inputs: token sequences that the network reads for one example: 2 of a
        similarity, its two orders, one for each answer of a choice, otherwise 1.
      n_outputs: outputs of the linear layer: one for each class; 1 for the answers of a
        choice, which share it.
      scored: whether labels are scores.
    """

    form: str
    n_inputs: int
    n_outputs: int
    scored: bool = False

    @classmethod
    def of(
        cls, form: str, classes: int, answers: int = 2, scored: bool = False
    ) -> "Shape":
        inputs = {"choice": answers, "similarity": 2}.get(form, 1)
        return cls(form, inputs, 1 if form == "choice" else classes, scored)


@dataclasses.dataclass(frozen=True)
class Task:
    """A set of examples of one form.

    Attributes:
      name: as `tasks.load` knows it.
      form: "classification", "entailment", "similarity" or "choice".
      classes: names by label. Those of a scored task are the scores "0" to "5"; a
        choice has none.
      metrics: names of the measures it is reported by; the first compares models.
      examples: those of all splits.
      scored: whether labels are scores in [0, 5] rather than classes.
      notes: what was left out, and where splits come from; a line each.
    """

    name: str
    form: str
    classes: tuple[str, ...]
    metrics: tuple[str, ...]
    examples: tuple[Example, ...]
    scored: bool = False
    notes: tuple[str, ...] = ()

    def of(self, split: str) -> tuple[Example, ...]:
        """The examples of a split."""
        return tuple(e for e in self.examples if e.split == split)

    @property
    def shape(self) -> Shape:
        answers = len(self.examples[0].texts) - 1
        return Shape.of(self.form, len(self.classes), answers, self.scored)

    @property
    def n_inputs(self) -> int:
        """As of its shape."""
        return self.shape.n_inputs

    @property
    def n_outputs(self) -> int:
        """As of its shape."""
        return self.shape.n_outputs


def assemble(
    name: str,
    form: str,
    classes: Sequence[str],
    metrics: Sequence[str],
    examples: Iterable[Example],
    *,
    scored: bool = False,
    notes: Iterable[str] = (),
    seed: int = 0,
) -> Task:
    """A task with all three splits, which are cut off where they are missing.

    Without test examples, the validation split is the test split. A missing validation
    split is a tenth of the training split, 5,000 examples at most, balanced over the
    classes and drawn with `seed`.

    Raises:
      UserError: a split is empty or too small, a label is unknown to training, or two
        choices have different numbers of answers.
    """
    by_split = {split: [] for split in SPLITS}
    for example in examples:
        by_split[example.split].append(example)
    if not by_split["train"]:
        raise UserError(f"{name} has no training examples")
    moved = _complete(by_split, name, seed)
    task = Task(
        name=name,
        form=form,
        classes=tuple(classes),
        metrics=tuple(metrics),
        examples=tuple(e for split in SPLITS for e in by_split[split]),
        scored=scored,
        notes=(*notes, *moved),
    )
    _check(task)
    return task


def _complete(by_split: dict[str, list[Example]], name: str, seed: int) -> list[str]:
    """Fills the empty splits in place; what was done, in words."""
    notes = []
    if not by_split["test"] and by_split["valid"]:
        by_split["test"] = _as_split(by_split["valid"], "test")
        by_split["valid"] = []
        notes.append("the validation examples are the test split")
    for split in ("test", "valid"):
        if not by_split[split]:
            _cut(by_split, split, name, seed)
            count = len(by_split[split])
            notes.append(f"{count:,} of the training examples are the {split} split")
    return notes


def _as_split(examples: Iterable[Example], split: str) -> list[Example]:
    return [dataclasses.replace(example, split=split) for example in examples]


def _cut(by_split: dict[str, list[Example]], split: str, name: str, seed: int) -> None:
    train = by_split["train"]
    size = min(max(len(train) // 10, 1), _MOST_VALID)
    if size >= len(train):
        raise UserError(
            f"{name} has {len(train)} training examples, too few to hold out {size}"
        )
    labels = np.array([round(e.label) for e in train])
    order = balanced_order(labels, seed)
    by_split[split] = _as_split((train[i] for i in np.sort(order[:size])), split)
    by_split["train"] = [train[i] for i in np.sort(order[size:])]


def _check(task: Task) -> None:
    if task.form == "choice":
        counts = {len(e.texts) - 1 for e in task.examples}
        if len(counts) > 1 or counts < {2}:
            raise UserError(
                f"{task.name} has {' and '.join(map(str, sorted(counts)))} answers: "
                "give all examples the same number, 2 or more"
            )
    elif not task.scored:
        known = {e.label for e in task.of("train")}
        for example in task.examples:
            if example.label not in known:
                label = task.classes[example.label]
                raise UserError(
                    f"{task.name}: the {example.split} split has the label {label!r}, "
                    "which no training example has"
                )
        if len(known) < 2:
            raise UserError(
                f"{task.name}: all training examples are {task.classes[min(known)]!r}; "
                "two classes are needed"
            )
