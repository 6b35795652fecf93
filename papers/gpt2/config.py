"""Configuration of GPT-2, and the runs that a config stands for."""

import dataclasses
from dataclasses import field
from typing import Any

from common.config import at_least, choice, of_source
from common.contract import Run, UserError
from common.data.streams import check_windows
from common.sections import Training
from common.text.prompts import Predict
from common.transformer import Decoder
from common.variants import pick, runs_of


@dataclasses.dataclass
class Model(Decoder):
    scale_residuals: bool = True  # draw what blocks add at init_std / sqrt(2 layers)
    logits_at_once: int = at_least(0)  # tokens a row, to save memory; 0: all

    @property
    def output_std(self) -> float:
        return self.init_std * (2 * self.n_layers) ** (-self.scale_residuals / 2)


@dataclasses.dataclass
class Data:
    source: str = choice("embedded", "files", "tfds", "generated", "tokens")
    # files, tokens: a file or folder; tfds: the data_dir
    root: str = of_source("files", "tfds", "tokens")
    name: str = of_source("tfds")  # tfds: the data set
    level: str = choice("bpe", "char", "byte")  # what a token is
    tokenizer: str = ""  # its files; "": learned from the training text
    batch_size: int = at_least(1, 32)
    length: int = at_least(1, 64)  # tokens a row predicts


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 32)
    tokens: int = at_least(2, 16_384)  # of a split, in training too
    stride: int = at_least(0, 32)  # tokens by which a window moves; 0: its length
    bytes: int = at_least(256, 65_536)  # of the test split, read in windows
    items: int = at_least(1, 200)  # of each zero-shot task
    sample: int = at_least(0, 120)  # tokens of generated text
    overlap: bool = True  # the share of test 8-grams that training has
    speed: bool = True  # tokens a second with and without a cache
    root: str = ""  # a folder with LAMBADA, CBT, WikiText and others; "": none


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    runs: tuple[str, ...] = ("main",)  # names in RUNS
    weights: str = ""  # start from these released weights

    unit = "tokens"  # what a step reads, in the plural

    @property
    def items_per_step(self) -> int:
        return self.data.batch_size * self.data.length


def _size(n_layers: int, d_model: int, n_heads: int) -> dict[str, Any]:
    return {
        "model.n_layers": n_layers,
        "model.d_model": d_model,
        "model.n_heads": n_heads,
    }


# Each run: what it changes in the config.
RUNS: dict[str, dict[str, Any]] = {
    "main": {},
    "1x32": _size(1, 32, 2),
    "2x64": _size(2, 64, 2),
    "4x128": _size(4, 128, 4),
    "6x192": _size(6, 192, 6),
    "5x160": _size(5, 160, 5),
    "8x256": _size(8, 256, 8),
}


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table."""
    return runs_of(config, lambda name: pick("run", name, RUNS), _check)


def _check(config: Config) -> None:
    m = config.model
    if m.d_model % m.n_heads:
        raise UserError(
            f"config.model.n_heads={m.n_heads} must divide d_model, {m.d_model}"
        )
    check_windows(config)
    if m.logits_at_once and config.data.length % m.logits_at_once:
        raise UserError(
            f"config.model.logits_at_once={m.logits_at_once} must divide "
            f"config.data.length, {config.data.length}"
        )
