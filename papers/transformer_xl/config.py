"""Configuration of Transformer-XL, and the runs that a config stands for."""

import copy
import dataclasses
from dataclasses import field

from common.contract import Loop, Run, UserError
from common.optim import Optim


@dataclasses.dataclass
class Model:
    vocab_size: int = 256
    n_layers: int = 4
    d_model: int = 128
    n_heads: int = 4
    d_head: int = 32
    d_inner: int = 512
    mem_len: int = 96  # states of the past that a training step sees; 0: no recurrence
    attention: str = "relative"  # relative (the paper's), shaw, vaswani, al_rfou
    untied_biases: bool = False  # u and v: a pair a layer, or one pair for all
    pre_norm: bool = False
    window: int = 0  # keys a query sees, itself included ("same_length"); 0: all
    clamp_len: int = 0  # distances above it count as it; 0: none
    max_keys: int = 128  # length of the learned tables of shaw and al_rfou
    cutoffs: tuple[int, ...] = ()  # first ids of the adaptive softmax's tail bins
    div_value: int = 1  # each bin's embeddings are this much smaller than the last's
    d_embed: int = 0  # 0: d_model
    project_same: bool = True  # with div_value > 1, even bins of d_model features
    tied_projections: tuple[bool, ...] = ()  # a bin: output projection = input's
    capacity: tuple[float, ...] = ()  # a tail bin: share of a batch's tokens it has
    dropout: float = 0.0
    attention_dropout: float = 0.0
    init_std: float = 0.02
    projection_init_std: float = 0.01
    norm_epsilon: float = 1e-5
    dtype: str = "float32"  # of activations; parameters are always float32
    remat: bool = False  # recompute layers in the backward pass
    scan: bool = False  # one loop over the layers: deep networks compile in less time

    @property
    def drops(self) -> bool:
        return self.dropout > 0 or self.attention_dropout > 0


@dataclasses.dataclass
class Data:
    source: str = "embedded"  # embedded, files, tfds, generated
    root: str = ""  # files: a file or folder; tfds: the data_dir
    name: str = ""  # tfds: the data set
    unit: str = "byte"  # byte, char, word
    newline: str = "keep"  # keep, drop, eos; words always have one <eos> a line
    only_seen: bool = False  # bytes: only those of the text, most frequent first
    batch_size: int = 32  # streams read side by side
    length: int = 32  # tokens a segment


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    length: int = 32  # tokens a segment
    mem_len: int = 96
    clamp_len: int = 0
    window: int = 0
    count_zeros: bool = False  # start from a memory of zeros that is attended to
    batch_size: int = 8  # streams that a split is cut into
    lengths: tuple[int, ...] = (8, 16, 32, 64, 128, 256, 512)  # keys in sight, a curve
    characters: int = 32_768  # of the test split, read by every row of the table
    attention_lengths: tuple[int, ...] = (100, 200, 400, 800)  # of the speed table
    long: bool = False  # and 1800, 2800, 3800
    recl: bool = True  # relative effective context length
    recl_step: int = 16  # tokens by which a context grows
    recl_positions: int = 256  # of the test split that are scored
    sample: int = 400  # tokens of generated text


@dataclasses.dataclass
class Predict:
    """How text is continued. Nothing here changes training."""

    length: int = 600  # tokens
    slots: int = 0  # keys a token sees; 0: the segment and memory of training
    temperature: float = 0.8
    top_k: int = 40  # 0: all; the paper samples from the 40 most probable
    top_p: float = 1.0
    seed: int = 0


@dataclasses.dataclass
class Config:
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    optim: Optim = field(default_factory=Optim)
    loop: Loop = field(default_factory=Loop)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    rows: tuple[str, ...] = ("main",)  # the runs of this variant: names in ROWS
    half_loss: bool = False  # train on the last half of each segment only (table 6)
    weights: str = ""  # start from these released weights (.npz or .safetensors)
    seed: int = 0

    unit = "tokens"  # what a step reads, in the plural

    @property
    def items_per_step(self) -> int:
        return self.data.batch_size * self.data.length


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table."""
    unknown = [row for row in config.rows if row not in ROWS]
    if unknown:
        raise UserError(f"config.rows: no {unknown[0]!r}; rows: {', '.join(ROWS)}")
    _check(config)
    return {row: Run(_with(config, **ROWS[row])) for row in config.rows}


def _check(config: Config) -> None:
    """UserError for values that no field's type rules out."""
    m = config.model
    for name, choices in ("attention", ATTENTION), ("dtype", DTYPES):
        if getattr(m, name) not in choices:
            raise UserError(f"config.model.{name}: choose one of {', '.join(choices)}")
    for name, least in LEAST.items():
        section, _, field_name = name.partition(".")
        if getattr(getattr(config, section), field_name) < least:
            raise UserError(f"config.{name} must be at least {least}")
    if config.data.batch_size % config.optim.accumulate:
        raise UserError("config.optim.accumulate must divide config.data.batch_size")
    if list(m.cutoffs) != sorted({c for c in m.cutoffs if 0 < c < m.vocab_size}):
        raise UserError("config.model.cutoffs must rise, between 0 and vocab_size")
    if len(m.capacity) not in (0, len(m.cutoffs)):
        raise UserError("config.model.capacity has one share a cutoff, or none at all")


ATTENTION = ("relative", "shaw", "vaswani", "al_rfou")
DTYPES = ("float32", "bfloat16", "float16", "float64")
LEAST = {
    **dict.fromkeys(
        ("model.vocab_size", "model.n_layers", "model.n_heads", "model.d_head",
         "model.d_inner", "model.div_value", "data.batch_size", "data.length",
         "eval.batch_size", "eval.length", "eval.recl_step", "eval.recl_positions",
         "optim.accumulate"), 1,
    ),
    "model.d_model": 2,
    "eval.characters": 256,
    **dict.fromkeys(("model.mem_len", "model.window", "model.clamp_len"), 0),
    **dict.fromkeys(("eval.mem_len", "eval.window", "eval.clamp_len"), 0),
}  # fmt: skip
ALONE = {"mem_len": 0}  # without recurrence
HALF = {"half_loss": True}

ROWS = {
    "main": {},
    "xl": {},
    "vanilla": {"attention": "vaswani", **ALONE},
    "shaw": {"attention": "shaw", "untied_biases": True},
    "xl_half": HALF,
    "xl_alone": ALONE,
    "xl_alone_half": {**ALONE, **HALF},
    "shaw_alone": {"attention": "shaw", "untied_biases": True, **ALONE},
    "shaw_alone_half": {"attention": "shaw", "untied_biases": True, **ALONE, **HALF},
    "vaswani_half": {"attention": "vaswani", **ALONE, **HALF},
    "al_rfou_half": {"attention": "al_rfou", **ALONE, **HALF},
    **{f"depth_{n}": {"n_layers": n} for n in (1, 2, 4, 8)},
}


def _with(config: Config, *, half_loss: bool | None = None, **model) -> Config:
    """A copy of `config` with these fields of its model."""
    half_loss = config.half_loss if half_loss is None else half_loss
    model = dataclasses.replace(config.model, **model)
    return dataclasses.replace(copy.deepcopy(config), model=model, half_loss=half_loss)
