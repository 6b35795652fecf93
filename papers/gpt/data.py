"""What the network reads: windows of text to pre-train on, examples of a task to
fine-tune on."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common.contract import UserError
from common.data import text
from common.data.image_set import balanced_order
from common.data.pipeline import Rows, SideBySide, pipeline
from common.data.streams import Windows, windows
from common.text import tokenizer_files
from common.text.build import build
from common.text.vocab import Vocab
from papers.gpt import tasks
from papers.gpt.config import Config

# Tasks whose held-out examples are docstrings of the embedded training text.
WITHOUT = ("topics", "same-module", "relatedness")


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches as in `batch_spec`. "train" is endless and has `get_state` and
    `set_state`; "valid" and "test" are read once. Of a text, those are the first
    `eval.tokens` tokens."""
    share = {"process_index": process_index, "process_count": process_count}
    rows = config.data.batch_size if split == "train" else config.eval.batch_size
    read = _task_batches if config.task else _text_batches
    return read(config, split, rows // process_count, share)


def _text_batches(
    config: Config, split: str, rows: int, share: dict[str, int]
) -> Iterator[dict[str, np.ndarray]]:
    length = config.data.length
    tokens = encoded(config, split)
    mark = vocabulary(config).mark
    if split != "train":
        read = windows(tokens[: config.eval.tokens], length, length)
        read["tokenizer"] = np.full(len(read["inputs"]), mark)
        return pipeline(Rows(read), batch_size=rows, repeat=False, **share)
    first = share["process_index"] * rows
    source = Windows(
        tokens,
        batch_size=config.data.batch_size,
        length=length,
        rows=slice(first, first + rows),
        seed=config.seed,
    )
    same = {"tokenizer": np.full(rows, mark)}
    return pipeline(source, map_fn=lambda batch: batch | same)


def _task_batches(
    config: Config, split: str, rows: int, share: dict[str, int]
) -> Iterator[dict[str, np.ndarray]]:
    """In training every seed has an order of its own."""
    if max(config.depths) >= 0 and not (config.pretrained or config.weights):
        raise UserError(
            f"{config.task} takes over what was pre-trained, and nothing was: give "
            "--config.weights, add pretrain (for an LSTM pretrain_lstm) to "
            f"--config.runs, or train {config.task}_scratch"
        )
    source = inputs(config, split)
    mark = vocabulary(config).mark

    def marked(item):
        return {**item, "tokenizer": mark}

    if split != "train":
        return pipeline(source, batch_size=rows, repeat=False, map_fn=marked, **share)
    each = {
        str(i): pipeline(
            source, batch_size=rows, seed=config.seed + i, shuffle=True, **share
        )
        for i in range(config.finetune.seeds)
    }

    def together(parts):
        names = next(iter(parts.values()))
        stacked = {n: np.stack([p[n] for p in parts.values()], axis=1) for n in names}
        return {**stacked, "tokenizer": np.full(rows, mark)}

    return SideBySide(each, together)


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch: of windows as `Windows` gives them, of a task as
    `tasks.batch_spec` does. In training a task's arrays have an axis for the seeds
    behind the rows. "tokenizer" holds the mark of the tokens' vocabulary."""
    train = split == "train"
    rows = config.data.batch_size if train else config.eval.batch_size
    mark = {"tokenizer": jax.ShapeDtypeStruct((rows,), jnp.uint32)}
    if config.task:
        spec = tasks.batch_spec(shape(config), rows, length(config))
        if train:
            spec = {n: _with_seeds(s, config.finetune.seeds) for n, s in spec.items()}
        return spec | mark
    tokens = jax.ShapeDtypeStruct((rows, config.data.length), jnp.int32)
    spec = {"inputs": tokens, "targets": tokens, **mark}
    return spec if train else {**spec, "mask": tokens.update(dtype=jnp.float32)}


def _with_seeds(spec: jax.ShapeDtypeStruct, seeds: int) -> jax.ShapeDtypeStruct:
    rows, *rest = spec.shape
    return spec.update(shape=(rows, seeds, *rest))


# What follows is read once a process: its arguments are the keys of caches.


def vocabulary(config: Config) -> Vocab:
    """The vocabulary of `data.tokenizer`, or of the training text."""
    return _vocabulary(_text_key(config))


def encoded(config: Config, split: str) -> np.ndarray:
    """The split's token ids [time]; UserError if the network has fewer."""
    vocab = vocabulary(config)
    if vocab.size > config.model.vocab_size:
        raise UserError(
            f"the vocabulary has {vocab.size} tokens, the network "
            f"{config.model.vocab_size}: set --config.model.vocab_size={vocab.size}"
        )
    return _encoded(_text_key(config), split)


def texts(config: Config) -> dict[str, bytes]:
    """The text of every split. Training lacks what the tasks of embedded text hold
    out."""
    return _texts(_text_key(config)[:4])


def task(config: Config) -> tasks.Task:
    """The examples of the run's task. UserError: its files do not fit."""
    return _task(_task_key(config))


def inputs(config: Config, split: str) -> tasks.Inputs:
    """The task's examples as arrays."""
    m = config.model
    return _inputs(_task_key(config), split, m.vocab_size, length(config))


def shape(config: Config) -> tasks.Shape:
    """What the network needs to know of the task; a guess where its files are not
    given."""
    if not known(config):
        return tasks.shape_without_data(config.task, config.finetune.columns)
    return task(config).shape


def known(config: Config) -> bool:
    """Whether the task's data are at hand, or named by the user."""
    return config.task not in tasks.FROM_FILES or bool(config.finetune.root)


def length(config: Config) -> int:
    """Tokens of an input: those of the longest example, as far as the context goes."""
    context = config.model.context
    if config.finetune.length or not known(config):
        return config.finetune.length or context
    key = _task_key(config)
    splits = ("train", "valid", "test")
    longest = max(
        _inputs(key, split, config.model.vocab_size, context).longest
        for split in splits
    )
    return min(longest, context)


def steps(config: Config) -> int:
    """How many steps the epochs of fine-tuning are. As in the released code, an epoch
    has no ragged batch."""
    f = config.finetune
    if f.steps or not known(config):
        return f.steps or config.loop.steps
    return f.epochs * max(len(task(config).of("train")) // f.batch_size, 1)


def _text_key(config: Config) -> tuple:
    d = config.data
    size = 0 if d.tokenizer else config.model.vocab_size
    return d.source, d.root, d.name, tuple(d.without), d.tokenizer, size


def _task_key(config: Config) -> tuple:
    f = config.finetune
    columns = dataclasses.astuple(f.columns)
    made_of = (config.task, f.root, columns, f.per_class, f.examples)
    return (*made_of, _text_key(config))


@functools.cache
def _texts(key: tuple) -> dict[str, bytes]:
    source, root, name, without = key
    found = dict(text.load(source, root, name))
    if source == "embedded" and without:
        held_out = tasks.held_out(tasks.load(task) for task in without)
        found["train"] = tasks.without(found["train"], held_out)
    return found


@functools.cache
def _vocabulary(key: tuple) -> Vocab:
    *of_text, tokenizer, size = key
    if tokenizer:
        return tokenizer_files.read(tokenizer)
    return build("word_bpe", _texts(tuple(of_text))["train"], vocab_size=size)


@functools.cache
def _encoded(key: tuple, split: str) -> np.ndarray:
    return _vocabulary(key).encode(_texts(key[:4])[split])


@functools.cache
def _task(key: tuple) -> tasks.Task:
    name, root, columns, per_class, examples, text_key = key

    def encode(part: str) -> Any:
        return _vocabulary(text_key).encode(part)

    found = tasks.load(
        name, root, tasks.Columns(*columns), encode=encode, per_class=per_class
    )
    return _fewer(found, examples) if examples else found


def _fewer(task: tasks.Task, count: int) -> tasks.Task:
    """The task with `count` training examples, balanced over the classes."""
    train = task.of("train")
    order = balanced_order(np.array([round(e.label) for e in train]), seed=0)
    kept = [train[i] for i in np.sort(order[:count])]
    others = [e for e in task.examples if e.split != "train"]
    return dataclasses.replace(task, examples=(*kept, *others))


@functools.cache
def _inputs(key: tuple, split: str, vocab_size: int, n_ctx: int) -> tasks.Inputs:
    encode = _vocabulary(key[-1]).encode
    return tasks.Inputs(_task(key), split, encode, vocab_size, n_ctx)
