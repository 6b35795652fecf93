"""Continuing a user's prompts."""

from collections.abc import Iterator
from typing import Any

from common.optim import ema_params
from common.text import prompts
from common.text.vocab import refuse_other_vocabulary
from papers.gpt2.config import Config
from papers.gpt2.data import vocabulary
from papers.gpt2.model import GPT2


def predict(config: Config, state: Any, inputs: str) -> Iterator[Any]:
    """Continues `inputs`: a prompt, FILE:path or LINES:path. As `prompts.continued`."""
    vocab = vocabulary(config)
    refuse_other_vocabulary(vocab, config.model.vocab_size, int(state.tokenizer))
    params = ema_params(state.opt_state, state.params)
    write = prompts.generator(GPT2(config.model), params, vocab, config.predict)
    yield from prompts.continued(inputs, write, vocab, config.predict)
