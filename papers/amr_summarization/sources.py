"""Where pairs of sentences and graphs come from."""

import functools
import random

from common.data import wiki_articles
from common.data.split_names import SPLITS
from common.text import chunk_parser, sentences
from papers.amr_summarization import corpora, generated, rules
from papers.amr_summarization.config import Config
from papers.amr_summarization.pairs import Pair

Splits = dict[str, tuple[Pair, ...]]

HELD_OUT = 10  # of so many articles one validates and one tests
SHORTEST = 4  # words of a sentence that rules make a graph of
GENERATED = {"train": 256, "valid": 16, "test": 16}


def known(config: Config) -> bool:
    """Whether there are data: a user may have to name them yet."""
    return config.data.source != "penman" or bool(config.data.root)


def load(config: Config) -> Splits:
    """The pairs of each split, sentences of `config.data.words` at most."""
    return _load(config.data.source, config.data.root, config.data.words)


@functools.cache
def _load(source: str, root: str, most: int) -> Splits:
    if source == "generated":
        return {
            split: generated.pairs(count, seed)
            for seed, (split, count) in enumerate(GENERATED.items())
        }
    return silver(most) if source == "wikipedia" else corpora.read(root, most)


def silver(most: int) -> Splits:
    """Graphs that rules make of sentences in the bodies of Wikipedia's articles. No
    person has seen them: a network that learns them learns the rules."""
    found: dict[str, dict[tuple[str, ...], None]] = {split: {} for split in SPLITS}
    seen: set[tuple[str, ...]] = set()
    for place, article in enumerate(wiki_articles.articles()):
        split = {0: "valid", 1: "test"}.get(place % HELD_OUT, "train")
        for sentence in sentences.split(article.body):
            words = tuple(word.text for word in sentence)
            if SHORTEST <= len(words) <= most and words not in seen:
                seen.add(words)
                found[split][words] = None
    return {split: _parsed(list(own)) for split, own in found.items()}


def _parsed(found: list[tuple[str, ...]]) -> tuple[Pair, ...]:
    # The first of a split are a sample of it.
    random.Random(0).shuffle(found)
    pairs = []
    for words in found:
        parsed = chunk_parser.parse(words)
        pairs.append(Pair(words, parsed.tags, rules.graph_of(parsed)))
    return tuple(pairs)
