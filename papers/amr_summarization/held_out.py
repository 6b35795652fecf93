"""What is written for held-out sentences and graphs, beside what is expected."""

from typing import Any

import numpy as np

from common.host import to_host
from papers.amr_summarization import agreement, data, verbalise
from papers.amr_summarization.amr import Amr
from papers.amr_summarization.config import Config
from papers.amr_summarization.delinearise import delinearise


def graphs(
    config: Config, pieces: np.ndarray, pair: np.ndarray
) -> list[tuple[Amr, Amr]]:
    """(found, wanted) for ids [rows, time] that the parser wrote for pairs [rows]."""
    vocab = data.vocabulary(config)
    pairs = data.measured(config)
    found = []
    for ids, i in zip(pieces, pair, strict=True):
        written = vocab.decode(ids, config.model.symbols)
        found.append((delinearise(written, pairs[i].words).amr, pairs[i].amr))
    return found


def sentences(
    config: Config, pieces: np.ndarray, pair: np.ndarray
) -> list[tuple[list[str], list[str]]]:
    """(found, wanted) words in small letters, of what the generator wrote."""
    vocab = data.vocabulary(config)
    pairs = data.measured(config)
    found = []
    for ids, i in zip(pieces, pair, strict=True):
        written = vocab.decode(ids, config.model.symbols)
        items = verbalise.graph_items(pairs[i].amr).items
        words = verbalise.words_of(written, items)
        both = [word.lower() for word in words], [w.lower() for w in pairs[i].words]
        found.append(both)
    return found


def same_data(config: Config, state: Any) -> bool:
    """Whether the state was trained on the data that are at hand. Other data, or other
    rules that make their graphs, give pieces other numbers, which it would misread."""
    own = data.vocabulary(config).arrays(config.model.items, config.model.symbols)
    trained = to_host(state.items), to_host(state.symbols)
    return all(map(np.array_equal, own, trained))


def scores(config: Config, pieces: np.ndarray, pair: np.ndarray) -> dict[str, float]:
    """Of a parser "smatch", of a generator "bleu", both in [0, 1]."""
    if config.direction == "parser":
        return {"smatch": agreement.smatch(graphs(config, pieces, pair)).f1}
    return {"bleu": agreement.bleu(sentences(config, pieces, pair))}
