"""Items of the same forms from any held-out documents, without a download.

They are made, not chosen by people: no item is known to be hard or to have a single
answer. Compare networks on them, and with guessing, not with the paper's numbers.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from common.contract import UserError
from papers.gpt2.zero_shot.choices import accuracy, chosen
from papers.gpt2.zero_shot.cloze import Cloze
from papers.gpt2.zero_shot.lambada import Passage
from papers.gpt2.zero_shot.model import Ids, Model, total_nll
from papers.gpt2.zero_shot.next_word import STOP_WORDS
from papers.gpt2.zero_shot.sentences import sentences
from papers.gpt2.zero_shot.summaries import Article

Item = TypeVar("Item")
CANDIDATES = 10
_PROSE = re.compile(r"[A-Za-z,;:.()'\" \n-]")
_REST = 300  # characters at most of the sentence after a blank
_LAST = re.compile(r"(?<=[a-z,;]) ([a-z]{3,})(?=[.,;:!?](?:\s|$))")
_INSIDE = re.compile(r"(?<=[A-Za-z,;]) ([a-z]{3,})(?= [a-z])")
_WORDS = re.compile(r"(?<![\w.])[a-z]{3,}(?![\w(])")


class Ending(NamedTuple):
    """context: ids. endings: ids of two continuations. label: which is the text's."""

    context: Ids
    endings: tuple[Ids, Ids]
    label: int


def last_words(
    documents: Sequence[str],
    count: int = 500,
    *,
    seed: int = 0,
    characters: tuple[int, int] = (100, 600),
) -> tuple[Passage, ...]:
    """Passages that end with the last word of a sentence or clause, in LAMBADA's form:
    the word is in the passage before, and is no stop word.

    characters: how many a passage has before its word, at least and at most.
    """
    least, most = characters

    def places(document: str, rng: random.Random) -> Iterator[Passage]:
        for found in _shuffled(_LAST, document, rng):
            context = _tail(document[: found.start()], most)
            word = found.group(1)
            if len(context) >= least and _is_prose(context):
                words = Counter(_WORDS.findall(context))
                if word in words and word not in STOP_WORDS:
                    yield Passage(context, word)

    return _drawn(documents, places, count, f"{seed} last words")


def clozes(
    documents: Sequence[str],
    count: int = 500,
    *,
    seed: int = 0,
    characters: tuple[int, int] = (400, 1000),
) -> tuple[Cloze, ...]:
    """A word taken out of a sentence, and ten candidates that are words of the passage
    before it, the right one among them; no stop words."""
    least, most = characters

    def places(document: str, rng: random.Random) -> Iterator[Cloze]:
        for found in _shuffled(_INSIDE, document, rng):
            context = _tail(document[: found.start()], most)
            word = found.group(1)
            if len(context) < least or not _is_prose(context):
                continue
            words = sorted({*_WORDS.findall(context)} - STOP_WORDS)
            after = sentences(document[found.end() : found.end() + _REST])[:2]
            if word in words and len(words) >= CANDIDATES and len(after) == 2:
                others = rng.sample([w for w in words if w != word], CANDIDATES - 1)
                candidates = tuple(rng.sample([word, *others], CANDIDATES))
                rest = f" {after[0]}"
                yield Cloze(context, rest, candidates, candidates.index(word))

    return _drawn(documents, places, count, f"{seed} clozes")


def articles(
    documents: Sequence[str], count: int = 200, *, seed: int = 0
) -> tuple[Article, ...]:
    """Documents without their first sentence, which is the summary, as docstrings have
    it: at least two more sentences, and prose."""

    def places(document: str, rng: random.Random) -> Iterator[Article]:
        del rng  # a document is one item
        first, blank, rest = document.strip().partition("\n\n")
        title = sentences(first)
        titled = blank and len(title) == 1 and len(title[0].split()) >= 3
        if titled and len(sentences(rest)) >= 2 and _is_prose(first + rest):
            yield Article(rest.strip(), title[0])

    return _drawn(documents, places, count, f"{seed} articles")


def endings(
    documents: Sequence[str],
    encode: Callable[[str], Ids],
    count: int = 500,
    *,
    seed: int = 0,
    context: int = 28,
    ending: int = 14,
) -> tuple[Ending, ...]:
    """`context` tokens with two endings of `ending` tokens: the text's own, and that of
    another document. Half of the items have their own first."""
    ids = [np.asarray(encode(text), np.int32) for text in documents]
    whole = context + ending
    pieces = [
        (number, each[start : start + whole])
        for number, each in enumerate(ids)
        for start in range(0, len(each) - whole + 1, whole)
    ]
    if len({number for number, _ in pieces}) < 2:
        raise UserError(f"fewer than two documents have {whole} tokens; give more text")
    rng = random.Random(f"{seed} endings")
    items = []
    for number, piece in rng.sample(pieces, min(count, len(pieces))):
        other = number
        while other == number:
            other, another = rng.choice(pieces)
        pair = (piece[context:], another[context:])
        label = len(items) % 2
        items.append(Ending(piece[:context], pair[:: 1 - 2 * label], label))
    return tuple(items)


def score_endings(model: Model, items: Sequence[Ending]) -> dict[str, float]:
    """The share of items whose own ending is the more probable one."""
    sequences = [np.append(i.context, each) for i in items for each in i.endings]
    contexts = [len(item.context) for item in items for _ in item.endings]
    best = chosen(total_nll(model, sequences, contexts), [2] * len(items))
    right = accuracy(best, [item.label for item in items])
    return {"accuracy": right, "chance": 0.5, "items": len(items)}


def _drawn(
    documents: Sequence[str],
    places: Callable[[str, random.Random], Iterator[Item]],
    count: int,
    seed: str,
) -> tuple[Item, ...]:
    """`count` items, a second one of a document only where all have given one.

    UserError: no document gives an item.
    """
    order = random.Random(seed).sample(range(len(documents)), len(documents))
    left = [places(documents[i], random.Random(f"{seed} {i}")) for i in order]
    drawn: list[Item] = []
    while left and len(drawn) < count:
        still = []
        for items in left:
            found = next(items, None)
            if found is not None and len(drawn) < count:
                drawn.append(found)
                still.append(items)
        left = still
    if not drawn:
        raise UserError("no item can be made of these documents; give more prose")
    return tuple(drawn)


def _shuffled(pattern: re.Pattern, document: str, rng: random.Random) -> list[re.Match]:
    found = [*pattern.finditer(document)]
    return rng.sample(found, len(found))


def _tail(text: str, most: int) -> str:
    """The end of a text, from a word's beginning."""
    if len(text) <= most:
        return text
    return text[-most:].split(" ", 1)[-1]


def _is_prose(text: str) -> bool:
    """Whether it is text rather than code, tables or signatures."""
    return ">>>" not in text and len(_PROSE.findall(text)) >= 0.95 * len(text)
