"""Batches of packed rows for training, and of single samples for measuring."""

import functools
import logging
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from common.contract import UserError
from common.data.pipeline import Rows, pipeline
from papers.amr_summarization import encode, packing, sources
from papers.amr_summarization.config import Config
from papers.amr_summarization.encode import Encoded
from papers.amr_summarization.pairs import Pair
from papers.amr_summarization.vocabulary import SPECIAL, UNKNOWN, Vocabulary

SOURCE = ("item", "ending", "tag", "source_segment", "source_place")
TARGET = ("target", "previous", "segment", "place")


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`. "train" is endless, shuffled, and has `get_state` and
    `set_state`; "valid" and "test" are the first `eval.sentences` of their split, one a
    row, and have a mask."""
    train = split == "train"
    size = config.data.batch_size if train else config.eval.batch_size
    return pipeline(
        Rows(samples(config).rows if train else _single(config, split)),
        batch_size=size // process_count,
        seed=config.seed,
        shuffle=train,
        repeat=train,
        process_index=process_index,
        process_count=process_count,
    )


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch, as of `packing.arrays`. But for training, "pair" beside it
    is the number of a row's pair in `measured`."""
    train = split == "train"
    rows = config.data.batch_size if train else config.eval.batch_size
    source, target = row_lengths(config) if train else single_lengths(config)
    spec = {name: jax.ShapeDtypeStruct((rows, source), jnp.int32) for name in SOURCE}
    spec |= {name: jax.ShapeDtypeStruct((rows, target), jnp.int32) for name in TARGET}
    if not train:
        spec["pair"] = jax.ShapeDtypeStruct((rows,), jnp.int32)
        spec["mask"] = jax.ShapeDtypeStruct((rows,), jnp.float32)
    return spec


def row_lengths(config: Config) -> tuple[int, int]:
    """Items and pieces of a packed row."""
    d = config.data
    if config.direction == "parser":
        return d.row_words, d.row_pieces
    return d.row_pieces, d.row_written


def single_lengths(config: Config) -> tuple[int, int]:
    """Items and pieces of the longest sample. A word with its form is two pieces."""
    d = config.data
    if config.direction == "parser":
        return d.words, d.pieces
    return d.pieces, 2 * d.words


def positions(config: Config) -> int:
    """Items or pieces of the longest sample, the end included."""
    return max(single_lengths(config))


def vocabulary(config: Config) -> Vocabulary:
    """Of the training pairs; without data, the special symbols alone."""
    if not sources.known(config):
        return Vocabulary(SPECIAL, SPECIAL)
    return samples(config).vocabulary


def measured(config: Config) -> tuple[Pair, ...]:
    """The pairs of "valid" and behind them those of "test", by the number "pair"."""
    found = sources.load(config)
    most = config.eval.sentences
    return (*found["valid"][:most], *found["test"][:most])


class Samples:
    """The samples that a config's network learns from."""

    def __init__(self, config: Config):
        self._config = config

    @functools.cached_property
    def pairs(self) -> tuple[Pair, ...]:
        pairs = sources.load(self._config)["train"]
        return pairs[: self._config.data.sentences or len(pairs)]

    @functools.cached_property
    def vocabulary(self) -> Vocabulary:
        return encode.built(self._config, self.pairs)

    @functools.cached_property
    def rows(self) -> dict[str, np.ndarray]:
        """Arrays of `packing.arrays`. UserError: no sample is short enough."""
        config = self._config
        vocab = self.vocabulary
        samples = [encode.encoded(config, vocab, pair) for pair in self.pairs]
        fit = [sample for sample in samples if fits(config, sample)]
        _say(config, samples, fit)
        if not fit:
            most = positions(config)
            raise UserError(f"no graph has {most} pieces or less: raise data.pieces")
        lengths = row_lengths(config)
        rows = packing.packed(fit, *lengths)
        return packing.arrays(fit, rows, *lengths, config.model.symbols)


_made: dict[tuple, Samples] = {}


def samples(config: Config) -> Samples:
    """Made once a process for configs that have the same."""
    d = config.data
    m = config.model
    key = (
        config.direction,
        *(d.source, d.root, d.sentences, d.min_count, d.words, d.pieces),
        *(d.row_words, d.row_pieces, d.row_written),
        *(m.items, m.endings, m.symbols),
    )
    if key not in _made:
        _made[key] = Samples(config)
    return _made[key]


def _say(config: Config, samples: list[Encoded], fit: list[Encoded]) -> None:
    pieces = np.concatenate([sample.target for sample in samples])
    logging.info(
        "%s: %d pairs, %d too long (config.data.pieces); %.1f%% of pieces are unknown",
        config.direction,
        len(fit),
        len(samples) - len(fit),
        100 * np.mean(pieces == UNKNOWN),
    )


def fits(config: Config, sample: Encoded) -> bool:
    """Whether the network has positions for a sample."""
    source, target = single_lengths(config)
    return len(sample.item) <= source and len(sample.target) <= target


def _single(config: Config, split: str) -> dict[str, np.ndarray]:
    pairs = measured(config)
    count = min(len(sources.load(config)["valid"]), config.eval.sentences)
    numbers = range(count) if split == "valid" else range(count, len(pairs))
    vocab = vocabulary(config)
    lengths = single_lengths(config)
    found = []
    for i in numbers:
        *read, target = encode.encoded(config, vocab, pairs[i])
        # One that is too long is cut: what it lacks counts against the network.
        read = [array[: lengths[0]] for array in read]
        found.append(Encoded(*read, target[: lengths[1]]))
    rows = [[i] for i in range(len(found))]
    arrays = packing.arrays(found, rows, *lengths, config.model.symbols)
    return arrays | {"pair": np.array(numbers, np.int32)}
