"""Graphs of sentences and sentences of graphs, by a trained network."""

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from common import optim
from common.contract import UserError
from common.host import to_host
from common.text.parses import Parsed
from papers.amr_summarization import data, encode, packing, train, verbalise
from papers.amr_summarization.amr import Amr
from papers.amr_summarization.config import Config
from papers.amr_summarization.delinearise import delinearise
from papers.amr_summarization.encode import Encoded, Source
from papers.amr_summarization.vocabulary import END, Arrays, Vocabulary


class Parser:
    """The graph of a sentence, by a trained parser. `repairs` counts what was mended in
    all graphs that it has written, and "graphs" them.

    config, state: of the run "parser".
    """

    def __init__(self, config: Config, state: Any):
        self._write = _Search(config, state)
        self._most = config.data.words
        self.repairs: Counter = Counter()

    def __call__(self, parsed: Parsed) -> Amr:
        return self.all([parsed])[0]

    def all(self, sentences: Sequence[Parsed]) -> list[Amr]:
        """The graphs of many sentences, which are written side by side. The trees are
        not read. UserError: a sentence is too long."""
        for parsed in sentences:
            if len(parsed) > self._most:
                first = " ".join(parsed.words[:6])
                raise UserError(
                    f"the sentence {first!r} ... has {len(parsed)} words, and the "
                    f"parser reads {self._most} at most: shorten it, or train with a "
                    "larger --config.data.words"
                )
        sources = [encode.sentence(p.words, p.tags) for p in sentences]
        graphs = []
        for parsed, pieces in zip(sentences, self._write(sources), strict=True):
            reading = delinearise(pieces, parsed.words)
            self.repairs.update({**reading.repairs, "graphs": 1})
            graphs.append(reading.amr)
        return graphs

    def reads(self, parsed: Parsed) -> bool:
        """Whether the sentence is short enough."""
        return 0 < len(parsed) <= self._most


class Generator:
    """The words of a graph, in small letters but for constants, by a trained generator.

    config, state: of the run "generator".
    """

    def __init__(self, config: Config, state: Any):
        self._write = _Search(config, state)
        self._most = config.data.pieces

    def __call__(self, amr: Amr) -> list[str]:
        return self.all([amr])[0]

    def all(self, graphs: Sequence[Amr]) -> list[list[str]]:
        """The words of many graphs. UserError: a graph is too large."""
        sources = [encode.graph(amr) for amr in graphs]
        for source in sources:
            if len(source.items) > self._most:
                raise UserError(
                    f"a graph has {len(source.items)} pieces, and the generator reads "
                    f"{self._most} at most: give a smaller one, or train with a larger "
                    "--config.data.pieces"
                )
        written = self._write(sources)
        return [
            verbalise.words_of(pieces, source.items)
            for pieces, source in zip(written, sources, strict=True)
        ]

    def reads(self, amr: Amr) -> bool:
        """Whether the graph is small enough."""
        return len(encode.graph(amr).items) <= self._most


class _Search:
    """Pieces that beams write for sources."""

    def __init__(self, config: Config, state: Any):
        self._config = config
        self._state = state
        arrays = Arrays(to_host(state.items), to_host(state.symbols))
        self._vocabulary = Vocabulary.of(arrays)
        self._search = _program(config)

    def __call__(self, sources: Sequence[Source]) -> list[list[str]]:
        rows = self._config.predict.decode.batch_size
        found: list[list[str]] = []
        for start in range(0, len(sources), rows):
            found += self._batch(sources[start : start + rows])
        return found

    def _batch(self, sources: Sequence[Source]) -> list[list[str]]:
        config = self._config
        state = self._state
        end = np.array([END], np.int32)
        samples = [
            Encoded(**encode.source(config, self._vocabulary, source), target=end)
            for source in sources
        ]
        # A power of two, so that few shapes are compiled. The last sample is repeated:
        # a search ends when its last row has ended.
        rows = 1 << (len(samples) - 1).bit_length()
        places = [[min(i, len(samples) - 1)] for i in range(rows)]
        lengths = data.single_lengths(config)
        symbols = config.model.symbols
        batch = packing.arrays(samples, places, *lengths, symbols)
        params = optim.ema_params(state.opt_state, state.params)
        tokens = to_host(self._search(params, state.symbols, batch).tokens)
        best = tokens[: len(samples), 0]
        return [self._vocabulary.decode(row, symbols) for row in best]


_programs: dict[str, Callable] = {}


def _program(config: Config) -> Callable:
    """`train.written` of a config, compiled once a process."""
    key = repr(config)
    if key not in _programs:
        decode = config.predict.decode
        _programs[key] = jax.jit(
            functools.partial(
                train.written, config, beams=decode.beams, alpha=decode.length
            )
        )
    return _programs[key]
