"""Public sets that are tables: which columns of which files a task is made from."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

from common.contract import UserError
from common.data.split_names import SPLITS
from papers.gpt.tasks import folders, tables
from papers.gpt.tasks.task import TOP_SCORE, Example, Task, assemble


@dataclasses.dataclass(frozen=True)
class Layout:
    """One way in which a set's files are published.

    Attributes:
      train, valid, test: names of the files of each split, all of which are read.
      texts: the columns of the texts.
      label: the column of the label. Test files without it are not used.
      kind: as of `tables.read`.
      header: the columns of files that do not name them.
      ragged: as of `tables.read`.
      places: folders, below the root, that the files may be in.
    """

    train: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]
    texts: tuple[str, ...]
    label: str = "label"
    kind: str = "tsv"
    header: tuple[str, ...] = ()
    ragged: bool = False
    places: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class TableTask:
    """A task and the layouts that its files may have.

    Attributes:
      form, metrics, scored: as of `Task`.
      classes: {label in the files: name of the class}, in the order of the classes.
      layouts: the first whose training files are there is read.
      unlabelled: a label that says that annotators did not agree; left out.
    """

    form: str
    classes: Mapping[str, str]
    metrics: tuple[str, ...]
    layouts: tuple[Layout, ...]
    scored: bool = False
    unlabelled: str = "-"

    @property
    def class_names(self) -> tuple[str, ...]:
        if self.scored:
            return tuple(map(str, range(TOP_SCORE + 1)))
        return tuple(dict.fromkeys(self.classes.values()))


def load_table(name: str, kind: TableTask, root: str, seed: int = 0) -> Task:
    """The task `name` from its files under `root`; UserError: they do not fit."""
    wanted = " or ".join(dict.fromkeys(layout.train[0] for layout in kind.layouts))
    path = folders.root_folder(name, root, wanted)
    layout, folder = _present(name, kind, path, wanted)
    examples, notes = [], []
    for split in SPLITS:
        for file in _files(layout, folder, split):
            table = _read(file, layout, split)
            if table is None:
                notes.append(f"{file.name} has no labels and is not used")
                continue
            found, said = _examples(table, kind, split)
            examples += found
            notes += said
    return assemble(
        name,
        kind.form,
        kind.class_names,
        kind.metrics,
        examples,
        scored=kind.scored,
        notes=notes,
        seed=seed,
    )


def _present(
    name: str, kind: TableTask, root: Path, wanted: str
) -> tuple[Layout, Path]:
    """The first layout whose training files are there, and their folder."""
    for layout in kind.layouts:
        for folder in folders.within(root, layout.places):
            if folders.find(folder, layout.train[0]):
                return layout, folder
    raise UserError(
        f"{name}: {str(root)!r} has no {wanted}; it has {folders.listing(root)}"
    )


def _files(layout: Layout, folder: Path, split: str) -> list[Path]:
    """The files of a split; those of the test split may be missing."""
    names = {"train": layout.train, "valid": layout.valid, "test": layout.test}[split]
    if split == "test":
        return [path for name in names if (path := folders.find(folder, name))]
    return folders.find_all(folder, names)


def _read(path: Path, layout: Layout, split: str) -> tables.Table | None:
    """The texts and the label of each row; None: a test file without labels."""
    wanted = (*layout.texts, layout.label)
    optional = (layout.label,) if split == "test" else ()
    table = tables.read(
        path,
        layout.kind,
        wanted,
        header=layout.header,
        optional=optional,
        ragged=layout.ragged,
    )
    labels = {row[-1] for row in table.rows}
    return None if labels in ({""}, {"-1"}) and split == "test" else table


def _examples(
    table: tables.Table, kind: TableTask, split: str
) -> tuple[list[Example], list[str]]:
    names = kind.class_names
    index = {label: names.index(name) for label, name in kind.classes.items()}
    examples = []
    undecided = 0
    for line, row in zip(table.lines, table.rows, strict=True):
        *texts, written = row
        if written == kind.unlabelled:
            undecided += 1
        elif kind.scored:
            score = score_of(written, table.path, line)
            examples.append(Example(tuple(texts), score, split))
        elif written.lower() in index:
            examples.append(Example(tuple(texts), index[written.lower()], split))
        else:
            raise UserError(
                f"{str(table.path)!r}, line {line}, has the label {written!r}; the "
                f"labels are {', '.join(kind.classes)}"
            )
    notes = table.notes()
    if undecided:
        what = f"{undecided:,} rows without an agreed label ({kind.unlabelled!r})"
        notes.append(f"{table.path.name}: {what} are left out")
    return examples, notes


def score_of(written: str, path: Path, line: int) -> float:
    """A score from 0 to 5; UserError: it is none."""
    try:
        score = float(written)
    except ValueError:
        score = math.nan
    if not 0 <= score <= TOP_SCORE:
        raise UserError(
            f"{str(path)!r}, line {line}, has the score {written!r}; scores are "
            f"numbers from 0 to {TOP_SCORE}"
        )
    return score
