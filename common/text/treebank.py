"""A treebank in numbers: what `common.biaffine` reads.

A word is its number in the training set, the pieces of its spelling, which stand for
words that training had not, and its tag. Tags are always those of
`common.text.tagging`: a text comes without tags by people.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from common.text import spelling, tagging
from common.text.parses import Parsed

Batch = dict[str, np.ndarray]
UNKNOWN = 0  # of words and tags
ROOT_WORD = 1  # stands before each sentence
NAMED = ("", "<root>")


@dataclass(frozen=True)
class Vocabulary:
    """Names by number; those of words and tags begin with `NAMED`."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    arcs: tuple[str, ...]

    @classmethod
    def of(cls, sentences: Sequence[Parsed], min_count: int = 2) -> "Vocabulary":
        """That of a training set; rarer words are unknown."""
        words = Counter(word.lower() for parsed in sentences for word in parsed.words)
        tags = {tag for parsed in sentences for tag in tagging.tags(parsed.words)}
        kept = (word for word, count in words.items() if count >= min_count)
        return cls(
            (*NAMED, *sorted(kept)),
            (*NAMED, *sorted(tags)),
            tuple(sorted({arc for parsed in sentences for arc in parsed.arcs})),
        )

    def __post_init__(self):
        numbers = {
            name: {x: i for i, x in enumerate(names)}
            for name, names in vars(self).items()
        }
        object.__setattr__(self, "numbers", numbers)


def encode(words: Sequence[str], vocabulary: Vocabulary) -> Batch:
    """The arrays of a sentence, of its root and its words: "word", "tag", "piece"."""
    word = [vocabulary.numbers["words"].get(w.lower(), UNKNOWN) for w in words]
    tags = tagging.tags(words)
    tag = [vocabulary.numbers["tags"].get(t, UNKNOWN) for t in tags]
    root = [UNKNOWN] * spelling.PIECES
    return {
        "word": np.array([ROOT_WORD, *word], np.int32),
        "tag": np.array([ROOT_WORD, *tag], np.int32),
        "piece": np.array([root, *map(spelling.pieces, words)], np.int32),
    }


def encode_tree(parsed: Parsed, vocabulary: Vocabulary) -> Batch:
    """`encode`, with "head" and "arc" of each word; labels must be known."""
    arcs = [vocabulary.numbers["arcs"][arc] for arc in parsed.arcs]
    return encode(parsed.words, vocabulary) | {
        "head": np.array([0, *(head + 1 for head in parsed.heads)], np.int32),
        "arc": np.array([0, *arcs], np.int32),
    }


LENGTHS = (12, 20, 28, 40, 64, 128)  # of padded sentences, the root included


def padded(sentences: Sequence[Batch], rows: int, length: int) -> Batch:
    """A batch of sentences, and rows without one."""
    batch = {
        name: np.zeros((rows, length, *array.shape[1:]), np.int32)
        for name, array in sentences[0].items()
    }
    batch["length"] = np.zeros(rows, np.int32)
    for row, sentence in enumerate(sentences):
        count = len(sentence["word"])
        for name, array in sentence.items():
            batch[name][row, :count] = array
        batch["length"][row] = count
    return batch


def epoch(
    sentences: Sequence[Batch], words: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """All sentences once, in batches of about so many words, of sentences of about one
    length; longer ones than the last of `LENGTHS` are left out."""
    plan: list[tuple[int, list[Batch]]] = []
    for above, length in zip((0, *LENGTHS), LENGTHS, strict=False):
        inside = [s for s in sentences if above < len(s["word"]) <= length]
        order = rng.permutation(len(inside))
        rows = max(words // length, 1)
        for start in range(0, len(inside), rows):
            plan.append((length, [inside[i] for i in order[start : start + rows]]))
    for i in rng.permutation(len(plan)):
        length, chosen = plan[i]
        yield padded(chosen, max(words // length, 1), length)
