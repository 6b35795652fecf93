"""The variants of GPT-2: sizes, schedules and data.

`default` is the run of this package's README. The paper's sizes have the settings of
section 2; its schedule is unpublished, and the one here is nanoGPT's, which reproduces
the smallest size. None of them was trained here, for they need accelerators and days.
The command is

    python launch/main.py --paper=gpt2 --config=NAME

and, where a docstring names data, --config.data.root=FOLDER_WITH_THE_DATA.
"""

from functools import partial

from common.sections import Loop, Optim, Schedule
from common.text.prompts import Predict
from common.variants import get, variant
from papers.gpt2.config import Config, Data, Eval, Model

VOCABULARY = 50_257  # 256 bytes, 50,000 merges and <|endoftext|>


def _default() -> Config:
    """Four sizes on equal tokens, zero-shot: minutes on 2 CPU cores.

    On 2 MB of CPython's own documentation, in a vocabulary of 2,000 merges.
    """
    return Config(
        model=Model(vocab_size=2_257, context=128),
        data=Data(batch_size=8, length=128),
        eval=Eval(stride=64),
        optim=Optim(
            name="adamw", lr=3e-3, b2=0.95, weight_decay=0.1, clip_norm=1.0,
            schedule=Schedule(warmup=100, floor=0.1),
        ),
        loop=Loop(steps=800, log_every=40, eval_every=200, save_every=400),
        runs=("1x32", "2x64", "4x128", "5x160"),
    )  # fmt: skip


def _smoke() -> Config:
    """Seconds, on generated text: what the tests run."""
    return Config(
        model=Model(vocab_size=300, context=32),
        data=Data(source="generated", batch_size=8, length=32),
        optim=Optim(
            name="adamw", lr=3e-3, b2=0.95, weight_decay=0.1, clip_norm=1.0,
            schedule=Schedule(warmup=5, floor=0.1),
        ),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        eval=Eval(
            batch_size=8, tokens=600, stride=16, bytes=600, items=4, sample=20,
        ),
        predict=Predict(length=20, batch_size=4),
        runs=("1x32", "2x64"),
    )  # fmt: skip


def _shakespeare_char() -> Config:
    """Tiny Shakespeare by characters at nanoGPT's CPU setting: 1.88 there.

    4 layers, 2,000 steps of 12 x 64 characters. Data: the file `input.txt`.
    """
    return Config(
        model=Model(vocab_size=65, context=64, n_layers=4, d_model=128, bias=False),
        data=Data(source="files", level="char", batch_size=12, length=64),
        optim=Optim(
            name="adamw", lr=1e-3, b2=0.99, weight_decay=0.1, clip_norm=1.0,
            schedule=Schedule(warmup=100, floor=0.1),
        ),
        loop=Loop(steps=2_000, log_every=50, eval_every=250, save_every=500),
        predict=Predict(temperature=0.8, top_k=200, length=500),
    )  # fmt: skip


def _shakespeare_char_gpu() -> Config:
    """Tiny Shakespeare by characters at nanoGPT's GPU setting: 1.4697 there.

    6 layers, 5,000 steps of 64 x 256 characters; the best checkpoint is kept. Data: the
    file `input.txt`.
    """
    config = _shakespeare_char()
    config.model = Model(
        vocab_size=65, context=256, n_layers=6, d_model=384, n_heads=6, bias=False,
        dropout=0.2, attention_dropout=0.2,
    )  # fmt: skip
    config.data.batch_size = 64
    config.data.length = 256
    config.eval.stride = 128
    config.loop = Loop(
        steps=5_000, log_every=50, eval_every=250, save_every=250, best="loss"
    )
    return config


SIZES = {"small": (12, 768, 12), "medium": (24, 1024, 16), "large": (36, 1280, 20)}
SIZES |= {"xl": (48, 1600, 25)}


def _paper(size: str) -> Config:
    """A size of table 2, on batches of 512 x 1024 tokens."""
    layers, width, heads = SIZES[size]
    return Config(
        model=Model(
            vocab_size=VOCABULARY, context=1024, n_layers=layers, d_model=width,
            n_heads=heads, position_init_std=0.01, scan=True, remat=True,
            logits_at_once=128, dtype="bfloat16",
        ),
        data=Data(source="files", batch_size=512, length=1024),
        optim=Optim(
            name="adamw", lr=6e-4, b2=0.95, weight_decay=0.1, clip_norm=1.0,
            schedule=Schedule(warmup=2_000, floor=0.1),
        ),
        loop=Loop(steps=600_000, log_every=100, eval_every=2_000, save_every=2_000),
        eval=Eval(
            batch_size=64, tokens=1 << 20, stride=512, bytes=1 << 40, items=10_000,
        ),
    )  # fmt: skip


def _openwebtext() -> Config:
    """nanoGPT's reproduction of the smallest size: 2.85 nats a token there.

    480 x 1024 tokens a step, no dropout and no biases, the table padded to 50,304 rows.
    Data: train.bin and val.bin of nanoGPT with the tokenizer's files beside them.
    """
    config = _paper("small")
    config.model.bias = False
    config.model.vocab_size = 50_304
    config.model.position_init_std = 0.02
    config.data.source = "tokens"
    config.data.batch_size = 480
    config.eval.batch_size = 60
    return config


def _finetune() -> Config:
    """The smallest released network, trained on with a text of the user's.

    Data: a text, with --config.weights=FOLDER and --config.data.tokenizer=FOLDER for
    the released files.
    """
    config = _paper("small")
    config.model.dtype = "float32"
    config.data.batch_size = 32
    config.optim.lr = 3e-5
    config.optim.schedule = Schedule(decay="constant")
    config.optim.accumulate = 32
    config.loop = Loop(
        steps=200, log_every=5, eval_every=20, save_every=20, best="loss"
    )
    config.eval = Eval(stride=512)
    return config


VARIANTS = {
    "default": _default,
    "smoke": _smoke,
    "shakespeare_char": _shakespeare_char,
    "shakespeare_char_gpu": _shakespeare_char_gpu,
    "openwebtext": _openwebtext,
    "finetune": _finetune,
    "small": variant(_paper, "12 layers, 124 M, the paper's 117 M (table 2).", "small"),
    "medium": variant(_paper, "24 layers, 355 M, the paper's 345 M.", "medium"),
    "large": variant(_paper, "36 layers, 774 M, the paper's 762 M.", "large"),
    "xl": variant(_paper, "48 layers, 1,558 M, the paper's 1,542 M.", "xl"),
}

PARAM_COUNTS = {
    "small": 124_439_808,
    "medium": 354_823_168,
    "large": 774_030_080,
    "xl": 1_557_611_200,
    "finetune": 124_439_808,
    "openwebtext": 124_373_760,  # 47 rows of the table more, no biases
    "shakespeare_char_gpu": 10_745_088,
}


get_config = partial(get, VARIANTS)
