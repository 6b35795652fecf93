"""Configuration of Transformer-XL, and its variants.

`default` is the run of this package's README: minutes on two cores, on 2 M characters
of CPython's own documentation; command and numbers stand there. The large ones are the
released scripts' settings under the paper's names, with exact parameter counts
(PARAM_COUNTS) and, here, the paper's results:

    enwik8_12l   41 M  1.06 bpc        text8_24l    277 M  1.08 bpc
    enwik8_24l  277 M  0.99 bpc        wt103_base   151 M  24.0 ppl
    lm1b_large  838 M  21.8 ppl        wt103_large  285 M  18.3 ppl
"""

import dataclasses
from dataclasses import field

from common.contract import Loop
from common.optim import Optim


@dataclasses.dataclass
class Model:
    vocab_size: int = 256  # 0: as many as the training text has
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
    tied_projections: tuple[bool, ...] = ()  # a bin: output projection = input's
    capacity: tuple[float, ...] = ()  # a tail bin: share of a batch's tokens it has
    dropout: float = 0.0
    attention_dropout: float = 0.0
    init_std: float = 0.02
    projection_init_std: float = 0.01
    norm_epsilon: float = 1e-5
    dtype: str = "float32"  # of activations; parameters are always float32
    remat: bool = False  # recompute layers in the backward pass


@dataclasses.dataclass
class Data:
    source: str = "embedded"  # embedded, files, tfds, generated
    root: str = ""  # files: a file or folder; tfds: the data_dir
    name: str = ""  # tfds: the data set
    unit: str = "byte"  # byte, char, word
    newline: str = "keep"  # keep, drop, eos (one <eos> a line; always so for words)
    batch_size: int = 32  # streams read side by side
    length: int = 32  # tokens a segment


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    length: int = 32  # tokens a segment
    mem_len: int = 96
    clamp_len: int = 0
    window: int = 0
    batch_size: int = 8  # streams that a split is cut into while training
    characters: int = 32_768  # of the test split, read by every row of the table
    attention_lengths: tuple[int, ...] = (100, 200, 400, 800)  # of the speed table
    long: bool = False  # and 1800, 2800, 3800
    speed_layers: int = 0  # 0: the trained model's; other depths are timed untrained
    recl: bool = True
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

    unit = "token"

    @property
    def items_per_step(self) -> int:
        return self.data.batch_size * self.data.length


PARAM_COUNTS = {
    "enwik8_12l": 41_055_436,
    "enwik8_24l": 277_231_820,
    "text8_24l": 277_050_395,
    "wt103_base": 151_107_538,
    "wt103_large": 285_170_506,
    "lm1b_large": 0,
}


def _default() -> Config:
    """XL against the vanilla Transformer on equal tokens, minutes on 2 CPU cores."""
    return Config(
        optim=Optim(lr=1e-3, warmup=100, clip_norm=0.25),
        loop=Loop(steps=2000, eval_every=500, save_every=500, log_every=20),
        rows=("xl", "vanilla"),
    )


def _smoke() -> Config:
    """Seconds, on generated text: what the tests run."""
    return Config(
        model=Model(
            vocab_size=256, n_layers=2, d_model=32, n_heads=2, d_head=16, d_inner=64,
            mem_len=24, max_keys=40,
        ),
        data=Data(source="generated", batch_size=8, length=16),
        optim=Optim(lr=3e-3, warmup=5, clip_norm=0.25),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        eval=Eval(
            length=16, mem_len=24, characters=512, attention_lengths=(16, 32),
            sample=40,
        ),
        predict=Predict(length=40),
        rows=("xl", "vanilla"),
    )  # fmt: skip
