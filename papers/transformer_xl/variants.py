"""The variants of Transformer-XL: sizes, schedules and data under the paper's names.

`default` is the run of this package's README. The large variants have the settings of
the released scripts; none was trained here, for they need accelerators and days. Their
shapes, steps and parameter counts (PARAM_COUNTS) are tested. The command is

    python launch/main.py --paper=transformer_xl --config=NAME

and, where a docstring names data, --config.data.root=FOLDER_WITH_THE_DATA.
"""

from functools import partial

from common.sections import Loop, Optim, Schedule
from common.variants import get
from papers.transformer_xl.config import Config, Data, Eval, Model, Predict


def _default() -> Config:
    """XL beside the vanilla Transformer on equal tokens: minutes on 2 CPU cores.

    On 2 M characters of CPython's own documentation. Training takes 3.3 minutes (xl)
    and 2.0 minutes (vanilla); bits per character on the test text are 2.13 (xl, with
    memory) and 2.28 (vanilla, sliding).
    """
    return Config(
        optim=Optim(lr=1e-3, schedule=Schedule(warmup=100), clip_norm=0.25),
        loop=Loop(steps=2000, log_every=20, eval_every=500, save_every=500),
        runs=("xl", "vanilla"),
    )


def _ablation() -> Config:
    """Table 6 in small: encoding x recurrence x loss on all or half of a segment.

    The paper: perplexities from 26.77 (xl) to 31.16 (al_rfou_half), of 128 M parameters
    on WikiText-103; all are in evaluate.TABLE_6.
    """
    config = _default()
    config.loop.steps = 1000
    config.runs = (
        "xl", "shaw", "xl_half", "xl_alone", "xl_alone_half", "shaw_alone",
        "shaw_alone_half", "vaswani_half", "al_rfou_half",
    )  # fmt: skip
    return config


def _depth() -> Config:
    """The slides' "deeper is better": 1, 2, 4 and 8 layers on equal tokens."""
    config = _default()
    config.loop.steps = 1000
    config.runs = ("depth_1", "depth_2", "depth_4", "depth_8")
    return config


def _smoke() -> Config:
    """Seconds, on generated text: what the tests run."""
    return Config(
        model=Model(
            n_layers=2, d_model=32, n_heads=2, d_head=16, d_inner=64, mem_len=24,
            max_keys=40,
        ),
        data=Data(source="generated", batch_size=8, length=16),
        optim=Optim(lr=3e-3, schedule=Schedule(warmup=5), clip_norm=0.25),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        eval=Eval(
            length=16, mem_len=24, characters=500, lengths=(8, 16),
            attention_lengths=(16,), sample=40,
        ),
        predict=Predict(length=40),
        runs=("xl", "vanilla"),
    )  # fmt: skip


def _released(
    steps: int, warmup: int, batch: tuple, evaluated: tuple, **model
) -> Config:
    """The settings that the released scripts share.

    batch: streams, tokens a segment. evaluated: tokens a segment, memory, clamp; the
    evaluation's window is its memory.
    """
    streams, length = batch
    eval_length, eval_mem, clamp = evaluated
    return Config(
        model=Model(mem_len=length, max_keys=2 * length, scan=True, **model),
        data=Data(source="files", batch_size=streams, length=length),
        # The scripts' cosine counts from step 0, warm-up included.
        optim=Optim(
            lr=2.5e-4, schedule=Schedule(warmup=warmup, decay_from_warmup=False),
            clip_norm=0.25,
        ),
        loop=Loop(
            steps=steps, log_every=200, eval_every=4000, save_every=4000, best="loss"
        ),
        eval=Eval(
            length=eval_length, mem_len=eval_mem, clamp_len=clamp, window=eval_mem,
            batch_size=8, characters=1 << 40,
        ),
    )  # fmt: skip


def _enwik8_12l() -> Config:
    """12 layers, 41 M: 1.06 bits a character in the paper.

    Table 2. Data: the file `enwik8`, without its newlines (204 different bytes).
    """
    config = _released(
        400_000, 0, (22, 512), (80, 2100, 820), vocab_size=204, n_layers=12,
        d_model=512, n_heads=8, d_head=64, d_inner=2048, dropout=0.1,
    )  # fmt: skip
    config.data.only_seen = True
    config.data.newline = "drop"
    return config


def _enwik8_24l() -> Config:
    """24 layers, 277 M: 0.99 bits a character in the paper.

    Table 2. Data: as enwik8_12l. The paper says 784 tokens a segment, the script 768.
    """
    config = _released(
        400_000, 4000, (64, 768), (128, 3800, 1000), vocab_size=204, n_layers=24,
        d_model=1024, n_heads=8, d_head=128, d_inner=3072, dropout=0.15,
        attention_dropout=0.15, remat=True,
    )  # fmt: skip
    config.data.only_seen = True
    config.data.newline = "drop"
    return config


def _text8_24l() -> Config:
    """24 layers, 277 M: 1.08 bits a character in the paper.

    Table 3. Data: the file `text8` (27 symbols).
    """
    config = _enwik8_24l()
    config.model.vocab_size = 27
    return config


def _wt103_base() -> Config:
    """WikiText-103, 16 layers, 151 M: perplexity 24.0 in the paper.

    Table 1. Data: the files `wiki.*.tokens`.
    """
    config = _released(
        200_000, 0, (60, 150), (64, 640, 400), vocab_size=267_735, n_layers=16,
        d_model=410, n_heads=10, d_head=41, d_inner=2100, dropout=0.1,
        cutoffs=(20_000, 40_000, 200_000), capacity=(0.15, 0.3, 0.1),
    )  # fmt: skip
    config.data.level = "word"
    return config


def _wt103_large() -> Config:
    """WikiText-103, 18 layers, 285 M: perplexity 18.3 in the paper.

    Table 1, which says 257 M; the released sizes give 285 M. Data: as wt103_base.
    """
    config = _released(
        4_000_000, 16_000, (128, 384), (128, 1600, 1000), vocab_size=267_735,
        n_layers=18, d_model=1024, n_heads=16, d_head=64, d_inner=4096, dropout=0.2,
        attention_dropout=0.2, remat=True, cutoffs=(20_000, 40_000, 200_000),
        div_value=4, tied_projections=(False, True, True, True),
        capacity=(0.15, 0.3, 0.1),
    )  # fmt: skip
    config.data.level = "word"
    return config


def _lm1b_large() -> Config:
    """One Billion Word, 24 layers, 838 M: perplexity 21.8 in the paper.

    Table 4. Data: TFDS `lm1b`. The settings are those of TensorFlow's script, the only
    one whose count is the paper's 0.8 B; the other variants are PyTorch's.
    """
    config = _released(
        1_200_000, 30_000, (512, 32), (32, 128, 0), vocab_size=793_470, n_layers=24,
        d_model=1280, n_heads=16, d_head=80, d_inner=8192, dropout=0.05,
        attention_dropout=0.05, remat=True, cutoffs=(60_000, 100_000, 640_000),
        div_value=4, project_same=False, capacity=(0.15, 0.3, 0.1),
        untied_biases=True, init_std=0.005,
    )  # fmt: skip
    config.optim.lr = 1e-4
    config.optim.schedule.floor = 0.004
    config.optim.schedule.decay_from_warmup = True
    config.data.source = "tfds"
    config.data.name = "lm1b"
    config.data.level = "word"
    return config


VARIANTS = {
    "default": _default,
    "smoke": _smoke,
    "ablation": _ablation,
    "depth": _depth,
    "enwik8_12l": _enwik8_12l,
    "enwik8_24l": _enwik8_24l,
    "text8_24l": _text8_24l,
    "wt103_base": _wt103_base,
    "wt103_large": _wt103_large,
    "lm1b_large": _lm1b_large,
}

PARAM_COUNTS = {
    "enwik8_12l": 41_055_436,
    "enwik8_24l": 277_231_820,
    "text8_24l": 277_050_395,
    "wt103_base": 151_107_538,
    "wt103_large": 285_170_506,
    "lm1b_large": 838_078_041,  # of 793,470 words
}


get_config = partial(get, VARIANTS)
