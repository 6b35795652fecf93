"""Text as the network reads it: windows of tokens."""

import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from common.contract import UserError
from common.data import text, token_files
from common.data.pipeline import Rows, pipeline
from common.data.streams import Windows, windows
from common.text import tokenizer_files
from common.text.build import build
from common.text.vocab import Vocab
from papers.gpt2.config import Config


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches as in `batch_spec`. "train" is endless and has `get_state` and
    `set_state`. "valid" and "test" read the split's first `eval.tokens` tokens once."""
    d = config.data
    tokens = encoded(config, split)
    tokenizer = vocabulary(config).mark
    if split != "train":
        read = windows(tokens[: config.eval.tokens], d.length, d.length)
        return pipeline(
            Rows({**read, "tokenizer": np.full(len(read["inputs"]), tokenizer)}),
            batch_size=config.eval.batch_size // process_count,
            repeat=False,
            process_index=process_index,
            process_count=process_count,
        )
    each = d.batch_size // process_count
    source = Windows(
        tokens,
        batch_size=d.batch_size,
        length=d.length,
        rows=slice(process_index * each, (process_index + 1) * each),
        seed=config.seed,
    )
    same = {"tokenizer": np.full(each, tokenizer)}
    return pipeline(source, map_fn=lambda batch: batch | same)


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch. "tokenizer" holds the mark of the tokens' vocabulary."""
    train = split == "train"
    rows = config.data.batch_size if train else config.eval.batch_size
    tokens = jax.ShapeDtypeStruct((rows, config.data.length), jnp.int32)
    spec = {
        "inputs": tokens,
        "targets": tokens,
        "tokenizer": jax.ShapeDtypeStruct((rows,), jnp.uint32),
    }
    return spec if train else {**spec, "mask": tokens.update(dtype=jnp.float32)}


def encoded(config: Config, split: str) -> np.ndarray:
    """The split's token ids [time], of any integer width; UserError if the network has
    fewer ids than the text has."""
    vocab = vocabulary(config)
    if vocab.size > config.model.vocab_size:
        raise UserError(
            f"the vocabulary has {vocab.size} tokens, the network "
            f"{config.model.vocab_size}: set --config.model.vocab_size={vocab.size}"
        )
    if config.data.source == "tokens":
        return token_files.read(config.data.root, vocab.size)[split]
    return _encoded(_key(config), split)


def vocabulary(config: Config) -> Vocab:
    """The vocabulary of `data.tokenizer`, of token files, or of the training text."""
    return _vocabulary(_key(config))


def documents(config: Config) -> dict[str, list[bytes]]:
    """The texts of every split; UserError where only their tokens are there."""
    d = config.data
    if d.source == "tokens":
        raise UserError(f"{d.root!r} has tokens and no text; set config.data.source")
    return text.documents(d.source, d.root, d.name)


def _key(config: Config) -> tuple[str | int, ...]:
    """What tokens depend on, as the key of a cache."""
    d = config.data
    size = config.model.vocab_size if d.level == "bpe" else 0
    return d.source, d.root, d.name, d.level, d.tokenizer, size


@functools.cache
def _vocabulary(key: tuple) -> Vocab:
    source, root, name, level, tokenizer, size = key
    if tokenizer:
        return tokenizer_files.read(tokenizer)
    if source == "tokens":
        return token_files.vocabulary(root)
    if level == "bpe":
        train = text.documents(source, root, name)["train"]
        return build("byte_bpe", train, vocab_size=size)
    # Of all splits: no character of theirs is unknown.
    return build(level, b"".join(text.load(source, root, name).values()))


@functools.cache
def _encoded(key: tuple, split: str) -> np.ndarray:
    source, root, name, level, *_ = key
    vocab = _vocabulary(key)
    if level == "bpe":
        return vocab.encode_documents(text.documents(source, root, name)[split])
    return vocab.encode(text.load(source, root, name)[split])
