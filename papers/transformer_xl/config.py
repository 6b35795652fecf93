"""Configuration of Transformer-XL, and the runs that a config stands for."""

import dataclasses
from dataclasses import field
from typing import Any

from common.config import at_least, between, choice, dtype, of_source, seed
from common.contract import Run, UserError
from common.sections import Training
from common.variants import pick, runs_of


@dataclasses.dataclass
class Model:
    vocab_size: int = at_least(1, 256)
    n_layers: int = at_least(1, 4)
    d_model: int = at_least(2, 128)
    n_heads: int = at_least(1, 4)
    d_head: int = at_least(1, 32)
    d_inner: int = at_least(1, 512)
    mem_len: int = at_least(0, 96)  # past states that a training step sees; 0: none
    attention: str = choice("relative", "shaw", "vaswani", "al_rfou")
    untied_biases: bool = False  # u and v: a pair a layer, or one pair for all
    pre_norm: bool = False  # norms before attention and the MLP, not after them
    window: int = at_least(0)  # keys a query sees, itself included; 0: all
    clamp_len: int = at_least(0)  # larger distances are taken for this one; 0: none
    max_keys: int = at_least(1, 128)  # length of the learned tables, shaw and al_rfou
    cutoffs: tuple[int, ...] = ()  # first ids of the adaptive softmax's tail bins
    div_value: int = at_least(1)  # each bin's embeddings are so many times smaller
    d_embed: int = at_least(0)  # 0: d_model
    project_same: bool = True  # with div_value > 1, even bins of d_model features
    tied_projections: tuple[bool, ...] = ()  # a bin: output projection = input's
    capacity: tuple[float, ...] = between(0.0, 1.0, ())  # a tail bin's share of tokens
    dropout: float = between(0.0, 1.0)
    attention_dropout: float = between(0.0, 1.0)
    init_std: float = at_least(0.0, 0.02)
    projection_init_std: float = at_least(0.0, 0.01)
    norm_epsilon: float = at_least(0.0, 1e-5)
    dtype: str = dtype()
    remat: bool = False  # recompute layers in the backward pass
    scan: bool = False  # one loop over the layers: deep networks compile in less time

    @property
    def drops(self) -> bool:
        return self.dropout > 0 or self.attention_dropout > 0


@dataclasses.dataclass
class Data:
    source: str = choice("embedded", "files", "tfds", "generated")
    # files: a file or folder; tfds: the data_dir
    root: str = of_source("files", "tfds")
    name: str = of_source("tfds")  # tfds: the data set
    level: str = choice("byte", "char", "word")  # what a token is
    newline: str = choice("keep", "drop", "eos")  # words always have one <eos> a line
    only_seen: bool = False  # bytes: only those of the text, most frequent first
    batch_size: int = at_least(1, 32)  # streams read side by side
    length: int = at_least(1, 32)  # tokens a segment
    ext_len: int = at_least(0)  # tokens before a segment that are read again with it


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    length: int = at_least(1, 32)  # tokens a segment
    ext_len: int = at_least(0)
    mem_len: int = at_least(0, 96)
    clamp_len: int = at_least(0)
    window: int = at_least(0)
    count_zeros: bool = False  # start from a memory of zeros that is attended to
    batch_size: int = at_least(1, 8)  # streams that a split is cut into
    lengths: tuple[int, ...] = at_least(1, (8, 16, 32, 64, 128, 256, 512))  # of a curve
    characters: int = at_least(256, 32_768)  # of the test split, read by every row
    valid_tokens: int = at_least(0)  # of the valid split, read in training; 0: all
    attention_lengths: tuple[int, ...] = at_least(1, (100, 200, 400, 800))  # timed
    long: bool = False  # and 1800, 2800, 3800
    recl: bool = True  # relative effective context length
    recl_step: int = at_least(1, 16)  # tokens by which a context grows
    recl_positions: int = at_least(1, 256)  # of the test split that are scored
    sample: int = at_least(0, 400)  # tokens of generated text


@dataclasses.dataclass
class Predict:
    """How text is continued. Nothing here changes training."""

    length: int = at_least(0, 600)  # tokens
    slots: int = at_least(0)  # keys a token sees; 0: training's segment and memory
    temperature: float = at_least(0.0, 0.8)
    top_k: int = at_least(0, 40)  # 0: all; the paper samples from the 40 most probable
    top_p: float = between(0.0, 1.0, 1.0)
    seed: int = seed()


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    runs: tuple[str, ...] = ("main",)  # names in RUNS
    half_loss: bool = False  # train on the last half of each segment only (table 6)
    weights: str = ""  # start from these released weights (.npz or .safetensors)

    unit = "tokens"  # what a step reads, in the plural

    @property
    def items_per_step(self) -> int:
        return self.data.batch_size * self.data.length


ALONE = {"model.mem_len": 0}  # without recurrence
HALF = {"half_loss": True}
SHAW = {"model.attention": "shaw", "model.untied_biases": True}
VASWANI = {"model.attention": "vaswani"}
AL_RFOU = {"model.attention": "al_rfou"}

# Each run: what it changes in the config.
RUNS: dict[str, dict[str, Any]] = {
    "main": {},
    "xl": {},
    "vanilla": VASWANI | ALONE,
    "shaw": SHAW,
    "xl_half": HALF,
    "xl_alone": ALONE,
    "xl_alone_half": ALONE | HALF,
    "shaw_alone": SHAW | ALONE,
    "shaw_alone_half": SHAW | ALONE | HALF,
    "vaswani_half": VASWANI | ALONE | HALF,
    "al_rfou_half": AL_RFOU | ALONE | HALF,
    **{f"depth_{n}": {"model.n_layers": n} for n in (1, 2, 4, 8)},
}


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table."""
    return runs_of(config, lambda name: pick("run", name, RUNS), _check)


def _check(config: Config) -> None:
    m = config.model
    e = config.eval
    if m.d_model % 2:
        raise UserError("config.model.d_model must be even: sines and cosines in pairs")
    if list(m.cutoffs) != sorted({c for c in m.cutoffs if 0 < c < m.vocab_size}):
        raise UserError("config.model.cutoffs must rise, between 0 and vocab_size")
    if len(m.capacity) not in (0, len(m.cutoffs)):
        raise UserError("config.model.capacity has one share a cutoff, or none at all")
    if len(m.tied_projections) > 1 + len(m.cutoffs):
        raise UserError("config.model.tied_projections has one value a bin, at most")
    if e.count_zeros and (e.ext_len or config.data.ext_len):
        raise UserError("config.eval.count_zeros needs ext_len=0, in data and in eval")
    trained = config.data.length + config.data.ext_len
    if not m.mem_len and e.ext_len >= trained:
        raise UserError(
            f"config.eval.ext_len={e.ext_len} leaves no token to predict: without "
            f"memory, {trained} tokens are read at once, as in training"
        )
