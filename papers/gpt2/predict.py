"""Continuing a user's prompts."""

from collections.abc import Iterator
from typing import Any

from common.decoding import Generator
from common.optim import ema_params
from common.text import prompts
from common.text.vocab import refuse_other_vocabulary
from papers.gpt2.config import Config
from papers.gpt2.data import vocabulary
from papers.gpt2.model import GPT2


def predict(config: Config, state: Any, inputs: str) -> Iterator[Any]:
    """Continues `inputs`: a prompt, FILE:path or LINES:path. As `prompts.continued`."""
    given = _writer(config, state), vocabulary(config), config.predict
    yield from prompts.continued(inputs, *given)


def continue_text(config: Config, state: Any, prompt: str) -> str:
    """The prompt with one continuation, as `config.predict` says. UserError: it is
    empty, or no text."""
    given = _writer(config, state), vocabulary(config), config.predict
    return prompts.continued_text(prompt, *given)


def _writer(config: Config, state: Any) -> Generator:
    vocab = vocabulary(config)
    refuse_other_vocabulary(vocab, config.model.vocab_size, int(state.tokenizer))
    params = ema_params(state.opt_state, state.params)
    return prompts.generator(GPT2(config.model), params, vocab, config.predict)
