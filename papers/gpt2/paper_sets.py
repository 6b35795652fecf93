"""The paper's own evaluations, over the public files of each set."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from common.contract import Table, UserError
from common.files import storage
from papers.gpt2.measure import Reader
from papers.gpt2.zero_shot import (
    cloze,
    conversation,
    corpora,
    lambada,
    questions,
    summaries,
    translation,
    winograd,
)
from papers.gpt2.zero_shot.model import Model

Scores = dict[str, float]


class Published(NamedTuple):
    """A measure of a set, of the paper's smallest network and of its largest."""

    measure: str
    small: float | None
    xl: float | None


def _scored(read: Callable, score: Callable[..., Scores]) -> Callable:
    """(root, model) -> scores, of a room of `zero_shot`."""

    def run(root: str, model: Model) -> Scores:
        found = read(root)
        return score(model, found.items) | {"skipped": len(found.skipped)}

    return run


def _corpus(name: str) -> Callable:
    def run(root: str, model: Model) -> Scores:
        stride = model.context_length // 2
        return corpora.score(model, corpora.read(root, name), stride=stride)

    return run


def _translation(source: str, target: str) -> Callable:
    read = partial(translation.read, source=source, target=target)
    return _scored(read, translation.score)


# Set -> (how it is scored, what the paper reports): tables 3 to 5, sections 3.1 to 3.8.
SETS = {
    "LAMBADA": (
        _scored(lambada.read, lambada.score),
        [Published("perplexity", 35.13, 8.63), Published("accuracy", 45.99, 52.66),
         Published("accuracy_filtered", None, 63.24)],
    ),
    "CBT, common nouns": (
        _scored(partial(cloze.read, kind="CN"), cloze.score),
        [Published("accuracy", 87.65, 93.30)],
    ),
    "CBT, named entities": (
        _scored(partial(cloze.read, kind="NE"), cloze.score),
        [Published("accuracy", 83.4, 89.05)],
    ),
    "WikiText-2": (_corpus("wikitext2"), [Published("perplexity", 29.41, 18.34)]),
    "WikiText-103": (_corpus("wikitext103"), [Published("perplexity", 37.50, 17.48)]),
    "Penn Treebank": (_corpus("ptb"), [Published("perplexity", 65.85, 35.76)]),
    "One Billion Words": (_corpus("1bw"), [Published("perplexity", 75.20, 42.16)]),
    "enwik8": (_corpus("enwik8"), [Published("bits", 1.16, 0.93)]),
    "text8": (_corpus("text8"), [Published("bits", 1.17, 0.98)]),
    "Winograd": (
        _scored(winograd.read, winograd.score), [Published("partial", None, 70.70)],
    ),
    "CoQA": (
        _scored(conversation.read, conversation.score), [Published("f1", None, 55.0)],
    ),
    "CNN and Daily Mail": (
        _scored(summaries.read, summaries.score),
        [Published("rouge_1", None, 29.34), Published("rouge_2", None, 8.27),
         Published("rouge_l", None, 26.58)],
    ),
    "English to French": (_translation("en", "fr"), [Published("bleu", None, 5.0)]),
    "French to English": (_translation("fr", "en"), [Published("bleu", None, 11.5)]),
    "Natural Questions": (
        _scored(questions.read, questions.score), [Published("exact_match", None, 4.1)],
    ),
}  # fmt: skip


# Measure -> what it counts, said beside the table where it is not 0.
_SAID = {
    "skipped": "unreadable and left out",
    "cropped": "cut to fit the context",
    "lost_lines": "lines that the de-tokeniser cannot give back",
}


def paper_sets(reader: Reader, root: str) -> Table:
    """Every set that lies under `root`, scored by the run. Items are what a measure is
    a mean of; of a corpus its words, bytes or characters."""
    if storage.path(root).is_file():
        raise UserError(f"config.eval.root={root!r} is a file: give the sets' folder")
    model = reader.model()
    missing = []
    said = []
    rows = []
    for name, (score, published) in SETS.items():
        try:
            scores = score(root, model)
        except UserError as error:
            missing.append(f"{name}: {error}")
            continue
        items = scores.get("items", scores.get("units"))
        for measure, small, xl in published:
            rows.append([name, measure, scores[measure], items, small, xl])
        counts = [
            f"{scores[key]:,} {what}" for key, what in _SAID.items() if scores.get(key)
        ]
        said += [f"{name}: {', '.join(counts)}"] if counts else []
    if not rows:
        raise UserError(f"config.eval.root={root!r} has none of the sets: {missing[0]}")
    columns = ("set", "measure", reader.name, "items", "paper, 117 M", "paper, 1,542 M")
    stride = f"windows of a corpus move by {model.context_length // 2} tokens"
    left_out = [f"left out: {'; '.join(missing)}"] if missing else []
    return Table(columns, rows, "\n".join(["; ".join([stride, *said]), *left_out]))
