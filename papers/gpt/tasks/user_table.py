"""A task made from the user's own tables."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from common.config import choice
from common.contract import UserError
from common.data.split_names import SPLITS, split_of
from common.files import storage
from common.nearest import refuse_unknown
from papers.gpt.tasks import tables
from papers.gpt.tasks.layouts import score_of
from papers.gpt.tasks.task import FORMS, METRICS, TOP_SCORE, Example, Task, assemble

_KINDS = {".tsv": "tsv", ".csv": "csv", ".jsonl": "jsonl"}
_FILES = "train, valid and test .tsv, .csv or .jsonl, or one such file"
_TEXTS = {"classification": 1, "entailment": 2, "similarity": 2}


@dataclasses.dataclass
class Columns:
    """What the columns of a user's table mean; names are joined by commas.

    The first text of a choice is its context, the others are the answers. Its label is
    the right answer's letter, its number (from 0 or from 1), or the answer itself.
    Labels of a task with "pearson" or "spearman" among its metrics are scores from 0 to
    5.
    """

    form: str = choice(*FORMS)
    texts: str = "text"  # the columns of the texts: context,answer,answer of a choice
    label: str = "label"  # the column of the class, the right answer, or the score
    metrics: str = "accuracy"  # f1, mcc; pearson or spearman, where labels are scores


def load_user_table(root: str, columns: Columns, seed: int = 0) -> Task:
    """The task in a file, or in a folder of one file a split; the split that a file is
    stands at the end of its name (my_train.tsv). A file alone is cut into splits.

    Classes are the labels of the training split, numbers in their order, otherwise
    sorted as text.

    Raises:
      UserError: a file, a column or a label does not fit.
    """
    texts = tuple(filter(None, map(str.strip, columns.texts.split(","))))
    metrics = tuple(filter(None, map(str.strip, columns.metrics.split(","))))
    _check(columns.form, texts, metrics)
    scored = "pearson" in metrics or "spearman" in metrics
    read = {}
    notes = []
    for split, path in _files(root).items():
        optional = (columns.label,) if split == "test" else ()
        wanted = (*texts, columns.label)
        table = tables.read(path, _kind(path), wanted, optional=optional)
        if columns.label.lower() in table.has:
            read[split] = table
            notes += table.notes()
        else:
            notes.append(f"{path.name} has no column {columns.label} and is not used")
    names, label_of = _labels(read["train"], columns.form, scored)
    examples = [
        Example(row[:-1], label_of(table.path, line, row), split)
        for split, table in read.items()
        for line, row in zip(table.lines, table.rows, strict=True)
    ]
    return assemble(
        "table",
        columns.form,
        names,
        metrics,
        examples,
        scored=scored,
        notes=notes,
        seed=seed,
    )


def _check(form: str, texts: Sequence[str], metrics: Sequence[str]) -> None:
    refuse_unknown("form of a task", form, FORMS)
    for metric in metrics:
        refuse_unknown("metric", metric, METRICS)
    if not metrics:
        raise UserError(f"give the metrics of the table: {', '.join(METRICS)}")
    if form == "choice" and len(texts) < 3:
        raise UserError(
            f"a choice needs a context and two or more answers, and texts names "
            f"{len(texts)} columns: give them as 'context,answer1,answer2'"
        )
    if form != "choice" and len(texts) != _TEXTS[form]:
        raise UserError(
            f"{form} needs {_TEXTS[form]} text columns, joined by a comma; texts names "
            f"{len(texts)}: {', '.join(texts)}"
        )
    if form == "choice" and metrics != ("accuracy",):
        raise UserError(f"choices are measured by accuracy, not {', '.join(metrics)}")
    scores = {"pearson", "spearman"} & {*metrics}
    if scores and {*metrics} != scores:
        raise UserError(
            "pearson and spearman are of scores, other metrics of classes: a task "
            f"cannot have {' and '.join(metrics)}"
        )


def _files(root: str) -> dict[str, Path]:
    """{split: file}, with a training file."""
    if not root:
        raise UserError(f"table needs a root: {_FILES}")
    path = storage.path(root)
    if not path.exists():
        raise UserError(f"{root!r} does not exist; give {_FILES}")
    if path.is_file():
        _kind(path)
        return {"train": path}
    found: dict[str, Path] = {}
    for name, file in storage.entries(path).items():
        stem = name.removesuffix(".gz").rpartition(".")[0].replace("-", "_")
        split = split_of(stem) or split_of(stem.rpartition("_")[2])
        if split and _ending(file) in _KINDS:
            if split in found:
                both = f"{found[split].name} and {file.name}"
                raise UserError(f"{root!r} has {both}: keep one as the {split} split")
            found[split] = file
    if "train" not in found:
        raise UserError(f"{root!r} has no train.tsv, .csv or .jsonl; give {_FILES}")
    return {split: found[split] for split in SPLITS if split in found}


def _ending(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _kind(path: Path) -> str:
    if _ending(path) not in _KINDS:
        raise UserError(f"{str(path)!r} is none of {', '.join(_KINDS)}")
    return _KINDS[_ending(path)]


LabelOf = Callable[[Path, int, tuple[str, ...]], int | float]


def _labels(
    train: tables.Table, form: str, scored: bool
) -> tuple[tuple[str, ...], LabelOf]:
    """The classes, and the function that reads a row's label."""
    if scored:
        names = tuple(map(str, range(TOP_SCORE + 1)))
        return names, lambda path, line, row: score_of(row[-1], path, line)
    if form == "choice":
        return (), _answers(train)
    names = tuple(sorted({row[-1] for row in train.rows}, key=_by_number))
    index = {name: i for i, name in enumerate(names)}

    def label_of(path: Path, line: int, row: tuple[str, ...]) -> int:
        if row[-1] not in index:
            known = ", ".join(names[:20]) + ", ..." * (len(names) > 20)
            raise UserError(
                f"{str(path)!r}, line {line}, has the label {row[-1]!r}, which no "
                f"training example has; those have {known}"
            )
        return index[row[-1]]

    return names, label_of


def _by_number(name: str) -> tuple[bool, float, str]:
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name


def _answers(train: tables.Table) -> LabelOf:
    """How the training labels name the right answer: by letter, number or text."""
    count = len(train.rows[0]) - 2
    written = {row[-1].lower() for row in train.rows}
    letters = "abcdefghijklmnopqrstuvwxyz"[:count]
    from_0 = {str(i) for i in range(count)}
    from_1 = {str(i + 1) for i in range(count)}
    if written <= {*letters}:
        named = {letter: i for i, letter in enumerate(letters)}
    elif written <= from_0 & from_1:
        raise UserError(
            f"{str(train.path)!r}: all labels are {' or '.join(sorted(written))}, "
            "which may count answers from 0 or from 1: use letters"
        )
    elif written <= from_0 or written <= from_1:
        first = 0 if written <= from_0 else 1
        named = {str(i + first): i for i in range(count)}
    else:
        named = {}

    def label_of(path: Path, line: int, row: tuple[str, ...]) -> int:
        *answers, label = row[1:]
        if not named and label in answers:
            return answers.index(label)
        if label.lower() not in named:
            raise UserError(
                f"{str(path)!r}, line {line}, has the label {label!r}; it is "
                f"{', '.join(named) or 'the text of none of its answers'}"
            )
        return named[label.lower()]

    return label_of
