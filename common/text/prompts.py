"""Continuing a user's prompts: `config.predict` of a language model, and what comes of
`--input`."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common.config import at_least, between, seed
from common.contract import Records, UserError
from common.decoding import Draw, Generator, Network
from common.files.inputs import refuse_bare_path, text_of_file
from common.text.byte_bpe import END_OF_TEXT
from common.text.vocab import Vocab


@dataclasses.dataclass
class Predict:
    """How text is continued. Nothing here changes training."""

    length: int = at_least(0, 300)  # tokens
    n_samples: int = at_least(1)  # continuations of each prompt
    temperature: float = at_least(0.0, 0.7)  # 0: the most probable token
    top_k: int = at_least(0, 40)  # 0: all
    top_p: float = between(0.0, 1.0, 1.0)
    seed: int = seed()
    ignore_end: bool = False  # go on after the end of a text, as the released code does
    keep: float = between(0.0, 1.0, 0.5)  # of a full context, what is read anew
    batch_size: int = at_least(1, 8)  # rows that are continued side by side


def generator(
    network: Network, params: Any, vocab: Vocab, config: Predict
) -> Generator:
    """What continues texts as `config.predict` says."""
    draw = Draw(
        size=vocab.size,
        temperature=config.temperature,
        top_k=config.top_k,
        top_p=config.top_p,
        end=None if config.ignore_end else vocab.end_of_text,
    )
    return Generator(network, params, draw, config.keep)


def continued(
    inputs: str, write: Generator, vocab: Vocab, config: Predict
) -> Iterator[str | tuple[str, str] | Records]:
    """Continues `inputs`: a prompt, FILE:path for a file that holds one, or LINES:path
    for a file with one a line. "<|endoftext|>" begins a new text.

    One continuation of one prompt is yielded piece by piece, the prompt first; several
    as (name, text) and as a record, each when it is whole. UserError: an empty prompt.
    """
    prompts = given(inputs)
    if len(prompts) == 1 and config.n_samples == 1:
        yield from _streamed(prompts[0], write, vocab, config)
        return
    rows = [(i, j) for i in range(len(prompts)) for j in range(config.n_samples)]
    for start in range(0, len(rows), config.batch_size):
        some = rows[start : start + config.batch_size]
        tokens = [_encode(vocab, prompts[i]) for i, _ in some]
        keys = _keys(config.seed, [j for _, j in some])
        new = [np.zeros((len(some), 0), np.int32), *write(tokens, keys, config.length)]
        for (i, j), row in zip(some, np.concatenate(new, axis=1), strict=True):
            text = _shown(prompts[i]) + vocab.decode(without_end(vocab, row))
            yield f"prompt {i + 1}, sample {j + 1}", text
            which = {"input": prompts[i], "prompt": i + 1, "sample": j + 1}
            yield Records([{**which, "text": text}])


def continued_text(prompt: str, write: Generator, vocab: Vocab, config: Predict) -> str:
    """The prompt itself, never a path, with one continuation. UserError: it is empty,
    or no text."""
    if not isinstance(prompt, str) or not prompt:
        raise UserError(
            f"{prompt!r} is no prompt: give a text; {END_OF_TEXT} begins a new one"
        )
    return "".join(_streamed(prompt, write, vocab, config))


def _streamed(
    prompt: str, write: Generator, vocab: Vocab, config: Predict
) -> Iterator[str]:
    decode = vocab.decoder()
    yield _shown(prompt)
    keys = _keys(config.seed, [0])
    for tokens in write([_encode(vocab, prompt)], keys, config.length):
        yield decode(without_end(vocab, tokens[0]))
    yield decode([], final=True)


def _keys(seed: int, samples: list[int]) -> jax.Array:
    """A key for each sample by its number: a prompt gets the same samples whichever
    prompts come with it."""
    return jnp.stack([jax.random.fold_in(jax.random.key(seed), j) for j in samples])


def without_end(vocab: Vocab, tokens: np.ndarray) -> np.ndarray:
    """Without what is no token, and without the end of the text."""
    end = -1 if vocab.end_of_text is None else vocab.end_of_text
    return tokens[(tokens >= 0) & (tokens != end)]


def _shown(prompt: str) -> str:
    return "" if prompt == END_OF_TEXT else prompt


def given(inputs: str, new: str = f"{END_OF_TEXT} begins a new text") -> list[str]:
    """The prompts that `inputs` names, as of `continued`. UserError: none has a letter,
    a file cannot be read, or its path stands there without FILE:.

    new: how a text without a prompt is asked for.
    """
    kind = inputs.partition(":")[0]
    if kind not in ("FILE", "LINES"):
        refuse_bare_path(inputs)
        found = [inputs]
    else:
        text = text_of_file(inputs)
        found = [text] if kind == "FILE" else [*filter(None, text.splitlines())]
    if not any(found):
        raise UserError(f"--input={inputs!r} is an empty prompt; {new}")
    return found


def _encode(vocab: Vocab, prompt: str) -> np.ndarray:
    if prompt != END_OF_TEXT:
        return vocab.encode(prompt)
    if vocab.end_of_text is None:
        return vocab.encode("\n")
    return np.array([vocab.end_of_text], np.int32)
