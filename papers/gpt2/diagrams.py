"""Table 2 of the paper, and prompts that make a language model do a task."""

from common.contract import Table
from papers.gpt2.variants import PARAM_COUNTS, get_config
from papers.gpt2.zero_shot import conversation, summaries

SIZES = {"small": 117, "medium": 345, "large": 762, "xl": 1542}  # 1e6, the paper's


def sizes() -> Table:
    """Table 2: the four sizes, with the parameters that they have."""
    rows = []
    for name, said in SIZES.items():
        model = get_config(name).model
        shape = model.n_layers, model.d_model, model.n_heads
        rows.append([name, *shape, PARAM_COUNTS[name] / 1e6, said])
    columns = ("size", "layers", "d_model", "heads", "1e6 parameters", "paper")
    return Table(columns, rows, "the paper's counts are known to be wrong")


def prompts() -> Table:
    """What follows a document in two tasks: the text alone says which task it is."""
    turn = conversation.Turn("", (("Who came?", "Ann"),), "When?", ())
    rows = [
        ["conversation about a story", conversation.asked(turn)],
        ["summary of an article", summaries.HINT],
    ]
    note = "line ends are written as \\n; translation has lines of english = french"
    shown = [[task, text.replace("\n", "\\n")] for task, text in rows]
    return Table(("task", "what follows the document"), shown, note)
