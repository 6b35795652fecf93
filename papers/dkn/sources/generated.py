"""Generated news: words say nothing, and a user clicks what mentions the user's entity.

A model that reads entities can tell clicked news from others, and one that reads words
cannot: the news of the test are new.
"""

import numpy as np

from papers.dkn.config import Data
from papers.dkn.corpus import Corpus, News, build

TOPICS = 6  # entities
NEWS = 40  # of each entity: 20 for training, 10 each for validation and test
WORDS = 30
USERS = 24


def read(data: Data, seed: int) -> Corpus:
    rng = np.random.default_rng(seed)
    news = []
    for number in range(TOPICS * NEWS):
        words = [f"w{i}" for i in rng.integers(WORDS, size=rng.integers(2, 5))]
        name = f"entity {number % TOPICS}"
        news.append(News(" ".join(words), (((words[0],), name),)))
    ends = {"train": (0, 20), "valid": (20, 30), "test": (30, 40)}
    splits = {
        split: _rows(rng, data, *(TOPICS * end for end in span))
        for split, span in ends.items()
    }
    names = tuple(f"entity {i}" for i in range(TOPICS))
    edges = [(i, (i + 1) % TOPICS) for i in range(TOPICS)]
    graph = names, edges, {name: i for i, name in enumerate(names)}
    known = range(1, 1 + TOPICS * NEWS)
    return build(data, news, splits, 1 + data.negatives, graph, "generated news", known)


def _rows(rng: np.random.Generator, data: Data, low: int, high: int) -> list[tuple]:
    rows = []
    every = np.arange(low, high)
    clicks = min(data.history + 1, (high - low) // TOPICS)
    for number in range(8 * USERS):
        user = number % USERS
        mine = every % TOPICS == user % TOPICS
        clicked = 1 + rng.choice(every[mine], clicks, replace=False)
        others = 1 + rng.choice(every[~mine], data.negatives, replace=False)
        shown = [(int(clicked[-1]), 1.0), *((int(news), 0.0) for news in others)]
        history = [int(news) for news in clicked[:-1]]
        rows.append((1 + user, history, tuple(shown), number, float(number)))
    return rows
