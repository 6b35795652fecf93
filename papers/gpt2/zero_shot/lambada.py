"""LAMBADA: the last word of a passage, which only the whole passage tells."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from papers.gpt2.zero_shot import files
from papers.gpt2.zero_shot.detokenise import BOOKS, detokenise
from papers.gpt2.zero_shot.model import ROWS, Ids, Model, before, continuations
from papers.gpt2.zero_shot.next_word import Words

NAMES = (
    "lambada_test.jsonl",
    "lambada_test*.jsonl",
    "lambada_test_plain_text.txt",
    "lambada_development_plain_text.txt",
)


class Passage(NamedTuple):
    """context: the passage without its last word and the space before it, if there is
    one: `spaced`."""

    context: str
    word: str
    spaced: bool = True

    @property
    def pair(self) -> tuple[str, str]:
        return self.context, " " * self.spaced + self.word


def read(root: str | Path) -> files.Found[Passage]:
    """lambada_test.jsonl of OpenAI, {"text": ...} a line, or the original
    lambada_test_plain_text.txt, a tokenised passage a line, which is de-tokenised."""
    path = files.find(root, NAMES, "LAMBADA")
    if ".jsonl" in path.name.lower():
        form = '{"text": "a passage that ends with the word"} a line'
        return files.gather(path, files.read_lines(path), _from_json, form)
    form = "a passage a line that ends with the word"
    return files.gather(path, files.read_lines(path), _from_text, form)


def _from_json(line: str) -> Passage:
    return _cut(files.field(files.json_object(line), "text", str))


def _from_text(line: str) -> Passage:
    if line.lstrip().startswith("{"):
        raise files.Broken("JSON in a file that is not named .jsonl")
    _, space, word = line.strip().rpartition(" ")
    if not space:
        raise files.Broken("a single word")
    before = detokenise(line.strip(), BOOKS).removesuffix(word)
    context = before.removesuffix(" ")
    return Passage(context, word, context != before)


def _cut(text: str) -> Passage:
    context, space, word = text.rstrip().rpartition(" ")
    if not space or not context.strip():
        raise files.Broken("no space before a last word")
    return Passage(context, word)


def score(
    model: Model, passages: Sequence[Passage], *, stop_words: bool = True
) -> dict[str, float]:
    """The measures of section 3.3.

    perplexity: exp of the mean -log p of a word, the sum over its tokens.
    accuracy: greedy decoding makes the tokens of the word.
    accuracy_filtered: the most probable word that is not a stop word (`next_word`) is
      the word. The paper rises from 52.66 to 63.24% by it. It costs a few forward
      passes a passage; left out where `stop_words` is False.
    """
    pairs = [passage.pair for passage in passages]
    scored = continuations(model, pairs)
    measures = {
        "perplexity": float(np.exp(scored.nll.mean())),
        "accuracy": float(np.mean(greedy_hits(model, pairs))),
    }
    if stop_words:
        words = Words(model)
        hits = [words.best(p.context, p.spaced) == p.word for p in passages]
        measures["accuracy_filtered"] = float(np.mean(hits))
    return measures | {"cropped": scored.cropped, "items": len(passages)}


def greedy_hits(model: Model, pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """Whether the most probable token is the right one at each token of the second
    text: then, and only then, greedy decoding makes that text."""
    encoded = [(before(model, first), model.encode(second)) for first, second in pairs]
    prefixes = [
        (row, np.concatenate([context, target[:at]]), target[at])
        for row, (context, target) in enumerate(encoded)
        for at in range(len(target))
    ]
    hits = [True] * len(pairs)
    for start in range(0, len(prefixes), ROWS):
        part = prefixes[start : start + ROWS]
        best = model.next_log_probs([crop(model, ids) for _, ids, _ in part]).argmax(1)
        for (row, _, target), token in zip(part, best, strict=True):
            hits[row] &= bool(token == target)
    return hits


def crop(model: Model, ids: Ids) -> Ids:
    """The last tokens that the network can read."""
    return np.asarray(ids[-model.context_length :], np.int32)
