"""All tasks by name."""

from common.contract import UserError
from common.nearest import refuse_unknown
from papers.gpt.tasks import choices, folders, generated, made, pairs_xml
from papers.gpt.tasks.forms import Encode
from papers.gpt.tasks.layouts import load_table
from papers.gpt.tasks.public import PUBLIC
from papers.gpt.tasks.task import TOP_SCORE, Shape, Task
from papers.gpt.tasks.user_table import Columns, load_user_table

MADE = ("topics", "endings", "same-module", "relatedness")
CHOICES = ("race", "race-middle", "race-high", "rocstories")
FROM_FILES = (*PUBLIC, *CHOICES, "table")
NAMES = (*MADE, *generated.NAMES, *FROM_FILES)


def load(
    name: str,
    root: str = "",
    columns: Columns | None = None,
    *,
    encode: Encode | None = None,
    per_class: int = 60,
    seed: int = 0,
) -> Task:
    """A task with its three splits.

    Args:
      name: one of `NAMES`.
      root: the folder of a public set, or what "table" reads. GLUE's tasks may stand in
        it or in their own folders of it.
      columns: what the columns of "table" mean.
      encode: the tokeniser; "endings" alone needs it, for texts of even length.
      per_class: training examples of each class of "topics".
      seed: of the splits and of what is drawn at random.

    Raises:
      UserError: no such task, or its files do not fit.
    """
    refuse_unknown("task", name, NAMES)
    match name:
        case "topics":
            return made.topics(per_class, seed)
        case "endings":
            if encode is None:
                raise UserError("the task 'endings' needs a tokeniser: pass encode")
            return made.endings(encode, seed)
        case "same-module":
            return made.same_module(seed)
        case "relatedness":
            return made.relatedness(seed)
        case "race":
            return choices.load_race(root)
        case "race-middle" | "race-high":
            return choices.load_race(root, (name.removeprefix("race-"),))
        case "rocstories":
            return choices.load_stories(root)
        case _ if name in generated.NAMES:
            return generated.load(name, seed)
        case "table":
            return load_user_table(root, columns or Columns(), seed)
        case "rte":
            return _rte(root, seed)
    return load_table(name, PUBLIC[name], root, seed)


def shape_without_data(name: str, columns: Columns) -> Shape:
    """The shape of a task of files whose files are not at hand. A table's number of
    classes is a guess: two."""
    if name in CHOICES:
        return Shape.of("choice", 0, 2 if name == "rocstories" else 4)
    if name == "table":
        form, metrics, classes = columns.form, columns.metrics.split(","), 2
    else:
        known = PUBLIC[name]
        form, metrics, classes = known.form, known.metrics, len(known.class_names)
    scored = not {"pearson", "spearman"}.isdisjoint(metrics)
    answers = len(columns.texts.split(",")) - 1
    return Shape.of(form, TOP_SCORE + 1 if scored else classes, answers, scored)


def _rte(root: str, seed: int) -> Task:
    """GLUE's tables, or the challenges' XML where that is what the folder has."""
    path = folders.root_folder("rte", root, "train.tsv or rte1_dev.xml")
    if folder := pairs_xml.xml_folder(path):
        return pairs_xml.load_xml(folder, seed)
    return load_table("rte", PUBLIC["rte"], root, seed)
