"""Continuing a user's prompts."""

from collections.abc import Iterator
from typing import Any

from common.contract import UserError
from common.optim import ema_params
from common.text import prompts
from common.text.vocab import Vocab
from papers.gpt2.config import Config
from papers.gpt2.data import mark, vocabulary
from papers.gpt2.model import GPT2


def predict(config: Config, state: Any, inputs: str) -> Iterator[Any]:
    """Continues `inputs`: a prompt, FILE:path or LINES:path. As `prompts.continued`."""
    vocab = vocabulary(config)
    refuse_other_vocabulary(config, vocab, int(state.tokenizer))
    params = ema_params(state.opt_state, state.params)
    write = prompts.generator(GPT2(config.model), params, vocab, config.predict)
    yield from prompts.continued(inputs, write, vocab, config.predict)


def refuse_other_vocabulary(config: Config, vocab: Vocab, trained: int) -> None:
    """UserError where the state was trained on the tokens of another vocabulary."""
    if vocab.size > config.model.vocab_size:
        raise UserError(
            f"the vocabulary has {vocab.size} tokens, the network "
            f"{config.model.vocab_size}: give the one that it was trained with"
        )
    if trained not in (0, mark(vocab)):
        raise UserError(
            f"the network was trained with another vocabulary of {config.data.level}s "
            "than config.data gives now: its ids would be read as other text. Give the "
            "tokenizer or the text that it was trained with"
        )
