"""Configuration of GPT, and the runs that a config stands for."""

import dataclasses

from common.config import between, choice
from common.transformer import Decoder


@dataclasses.dataclass
class Model(Decoder):
    network: str = choice("transformer", "lstm")
    softmax_over: str = choice("vocab", "table")  # the released code: its whole table
    head_dropout: float = between(0.0, 1.0)
