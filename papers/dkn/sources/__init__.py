"""The data sets, each read into a `papers.dkn.corpus.Corpus`."""

import functools

from papers.dkn.config import Config, Data
from papers.dkn.corpus import Corpus
from papers.dkn.sources import bing, films, generated, mind

READ = {
    "films": films.read,
    "bing": bing.read,
    "mind": mind.read,
    "generated": generated.read,
}


def corpus(config: Config) -> Corpus:
    """The corpus that `config.data` names; a process reads it once and keeps it."""
    values = vars(config.data) | {"batch_size": 1}
    return _corpus(config.seed, tuple(values.items()))


@functools.cache
def _corpus(seed: int, values: tuple) -> Corpus:
    data = Data(**dict(values))
    return READ[data.source](data, seed)
