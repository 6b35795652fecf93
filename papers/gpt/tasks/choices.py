"""The sets whose examples are choices: RACE and Story Cloze."""

import json
from pathlib import Path

from common.contract import UserError
from common.data.split_names import SPLITS, split_of
from common.files import storage, texts
from papers.gpt.tasks import folders, tables
from papers.gpt.tasks.task import Example, Task, assemble

_STORY = tuple(f"InputSentence{i}" for i in range(1, 5))
_ENDINGS = ("RandomFifthSentenceQuiz1", "RandomFifthSentenceQuiz2")
_RIGHT = "AnswerRightEnding"
# The released code fits on 1,497 of the 1,871 validation stories of 2016.
_STORIES, _HELD_OUT, _SEED = 1871, 374, 3535999445


def load_race(root: str, levels: tuple[str, ...] = ("middle", "high")) -> Task:
    """RACE: root/{train,dev,test}/{middle,high}/*.txt, each an article in JSON.

    A file that cannot be read is left out and named.

    Raises:
      UserError: a folder is missing, or no file of it is an article.
    """
    path = folders.root_folder("race", root, "train/middle/*.txt, RACE's folders")
    examples, notes = [], []
    splits = next(filter(None, map(_split_folders, folders.within(path, ["RACE"]))), {})
    if {*splits} != {*SPLITS}:
        raise UserError(
            f"race: {root!r} needs the folders train, dev and test; it has "
            f"{folders.listing(path)}"
        )
    for split, folder in splits.items():
        for level in levels:
            inner = storage.entries(folder).get(level)
            if inner is None:
                raise UserError(f"race: {str(folder)!r} has no folder {level}")
            found, broken = _articles(inner, split)
            examples += found
            if broken:
                notes.append(
                    f"{split}/{level}: {len(broken)} files are no articles and are "
                    f"left out: {', '.join(broken[:3])}"
                )
    name = "race" if len(levels) > 1 else f"race-{levels[0]}"
    return assemble(name, "choice", (), ("accuracy",), examples, notes=notes)


def _split_folders(folder: Path) -> dict[str, Path]:
    return {s: path for path in storage.folders(folder) if (s := split_of(path.name))}


def _articles(folder: Path, split: str) -> tuple[list[Example], list[str]]:
    examples: list[Example] = []
    broken: list[str] = []
    for path in storage.files_below(folder):
        if path.suffix.lower() == ".txt":
            try:
                examples += _questions(json.loads(texts.read(path)), split)
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                broken.append(path.name)
    if not examples:
        raise UserError(f"race: no file in {str(folder)!r} is an article in JSON")
    return examples, broken


def _questions(article: dict, split: str) -> list[Example]:
    """The examples of an article; ValueError, KeyError or TypeError: it is none."""
    examples = []
    columns = (article["questions"], article["options"], article["answers"])
    for question, options, answer in zip(*columns, strict=True):
        options = [option.strip() for option in options]
        label = "ABCDEFGH".index(answer.strip().upper())
        if not all(options) or not options[label:]:
            raise ValueError("an option is missing")
        fields = (article["article"].strip(), *options)
        examples.append(Example(fields, label, split, question.strip()))
    return examples


def load_stories(root: str) -> Task:
    """ROCStories' Story Cloze of 2016: the validation stories train, as nobody has
    labelled endings of the training stories.

    Of 1,871 stories 374 are the validation split, drawn as in the released code; of
    another number, a fifth. Without a test file they are tested on.
    """
    path = folders.root_folder("rocstories", root, "cloze_test_val and _test .csv")
    stories, notes = _story_file(path, "val")
    if not stories:
        raise UserError(f"{root!r} has no stories with the column {_RIGHT}")
    test, said = _story_file(path, "test", needed=False)
    held_out = _HELD_OUT if len(stories) == _STORIES else len(stories) // 5
    if not 0 < held_out < len(stories):
        raise UserError(f"{root!r} has {len(stories)} stories; 5 or more are needed")
    train, valid = _drawn(len(stories), held_out)
    examples = [
        *(Example(*stories[i], "train") for i in train),
        *(Example(*stories[i], "valid") for i in valid),
        *(Example(*story, "test") for story in test),
    ]
    notes += [*said, f"{len(valid)} of {len(stories)} labelled stories validate"]
    return assemble("rocstories", "choice", (), ("accuracy",), examples, notes=notes)


def _drawn(count: int, held_out: int) -> tuple[list[int], list[int]]:
    from sklearn.model_selection import train_test_split  # takes a second

    return train_test_split(range(count), test_size=held_out, random_state=_SEED)


def _story_file(
    folder: Path, part: str, needed: bool = True
) -> tuple[list[tuple[tuple[str, ...], int]], list[str]]:
    """The (texts, label) of the stories of a file, and notes; none without labels."""
    there = storage.entries(folder)
    starts = (f"cloze_test_{part}", f"{part}.csv")
    paths = [
        path
        for name, path in there.items()
        if name.startswith(starts) and ".csv" in name
    ]
    if len(paths) > 1:
        both = " and ".join(path.name for path in paths[:2])
        raise UserError(f"{str(folder)!r} has {both}: keep one of them")
    if not paths and needed:
        raise UserError(
            f"{str(folder)!r} has no cloze_test_{part}*.csv; it has "
            f"{folders.listing(folder)}"
        )
    if not paths:
        return [], []
    wanted = (*_STORY, *_ENDINGS, _RIGHT)
    table = tables.read(paths[0], "csv", wanted, optional=(_RIGHT,))
    if not any(row[-1] for row in table.rows):
        return [], [f"{paths[0].name} has no labels and is not used"]
    stories = []
    for line, (*sentences, right) in zip(table.lines, table.rows, strict=True):
        if right not in ("1", "2"):
            raise UserError(
                f"{str(paths[0])!r}, line {line}, has {_RIGHT} {right!r}; it is 1 or 2"
            )
        context = " ".join(sentences[:4])
        stories.append(((context, *sentences[4:]), int(right) - 1))
    return stories, table.notes()
