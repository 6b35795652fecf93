"""Text as the network reads it: parallel streams of tokens, cut into segments."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common.contract import UserError
from common.data import text
from common.data.pipeline import pipeline
from common.data.streams import StreamSegments, stretches
from common.text.build import build
from common.text.symbols import ByteVocab
from common.text.vocab import Vocab
from papers.transformer_xl.config import Config, Data


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches as in `batch_spec`. "train" is endless and has `get_state` and
    `set_state`; "valid" and "test" are one batch, which holds the whole split, or its
    first `eval.valid_tokens`."""
    if split != "train":
        tokens = encoded(config, split)
        if split == "valid" and config.eval.valid_tokens:
            tokens = tokens[: config.eval.valid_tokens + 1]
        own = _rows(config.eval.batch_size, process_index, process_count)
        whole = stretches(
            tokens,
            rows=config.eval.batch_size,
            length=segment_length(config),
            own=own,
        )
        return iter([whole])
    _check_size(config)
    rows = config.data.batch_size
    streams = _streams(_key(config.data), rows, process_index, process_count)
    return pipeline(streams.of_length(config.data.length))


def _rows(batch_size: int, process_index: int, process_count: int) -> slice:
    """This process's streams. They never change, because memory stays with them."""
    each = batch_size // process_count
    return slice(process_index * each, (process_index + 1) * each)


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch. Those of "valid" and "test" are given for one segment of each
    stream; a batch has as many segments as the split is long."""
    rows, time = config.data.batch_size, config.data.length
    if split != "train":
        rows, time = config.eval.batch_size, segment_length(config)
    return {
        "inputs": jax.ShapeDtypeStruct((rows, time), jnp.int32),
        "targets": jax.ShapeDtypeStruct((rows, time), jnp.int32),
        "mask": jax.ShapeDtypeStruct((rows, time), jnp.float32),
        "first": jax.ShapeDtypeStruct((rows,), jnp.bool_),
    }


def segment_length(config: Config) -> int:
    """Tokens of a segment of "valid" and "test": no more than in training."""
    trained = config.data.length
    return min(config.eval.length, trained) if config.model.mem_len else trained


def encoded(config: Config, split: str) -> np.ndarray:
    """The token ids [time] int32 of "valid" or "test"; UserError if the network has
    fewer ids than the text has."""
    _check_size(config)
    return _encoded(_key(config.data), split)


def _check_size(config: Config) -> None:
    size = vocabulary(config.data).size
    if size > config.model.vocab_size:
        raise UserError(
            f"the text has {size} different {config.data.level}s, the network "
            f"{config.model.vocab_size}: set --config.model.vocab_size={size}"
        )


def vocabulary(data: Data) -> Vocab:
    """The vocabulary of the training text, most frequent first."""
    return _vocabulary(_key(data))


def _key(data: Data) -> tuple[Any, ...]:
    """The fields that the tokens depend on, as a key of a cache."""
    fields = dataclasses.asdict(data)
    del fields["batch_size"], fields["length"], fields["ext_len"]
    return tuple(fields.items())


@functools.cache
def _vocabulary(key: tuple) -> Vocab:
    data = Data(**dict(key))
    texts = text.load(data.source, data.root, data.name)
    match data.level:
        case "byte" if data.only_seen:
            # As in the released scripts: all splits are counted, so none has unknowns.
            every = b"".join(texts.values())
            return ByteVocab.of(every, newlines=data.newline, only_seen=True)
        case "char":
            options = {"newlines": data.newline, "unk": True}
        case "word":
            options = {}
        case _:
            options = {"newlines": data.newline}
    return build(data.level, texts["train"], **options)


@functools.lru_cache(maxsize=1)
def _streams(key: tuple, batch_size: int, index: int, count: int) -> StreamSegments:
    """The training streams of a process, which keeps no more of the text: its other
    splits are encoded here, and so it is read once."""
    data = Data(**dict(key))
    vocab = _vocabulary(key)
    for split in ("valid", "test"):
        _encoded(key, split)
    train = text.load(data.source, data.root, data.name)["train"]
    smallest = np.min_scalar_type(vocab.size - 1)  # uint8 is a quarter of int32
    streams = StreamSegments(
        vocab.encode(train).astype(smallest),
        batch_size=batch_size,
        length=1,
        rows=_rows(batch_size, index, count),
    )
    del train
    text.forget()
    return streams


@functools.cache
def _encoded(key: tuple, split: str) -> np.ndarray:
    data = Data(**dict(key))
    texts = text.load(data.source, data.root, data.name)
    return _vocabulary(key).encode(texts[split])
