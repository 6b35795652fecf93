"""The variants of GPT."""

from functools import partial

from common.config import get
from common.sections import Loop, Optim, Schedule
from common.text.prompts import Predict
from papers.gpt.config import Config, Data, Eval, Finetune, Model


def _default() -> Config:
    """d"""
    return Config(
        model=Model(vocab_size=1_500, context=64, n_layers=4, d_model=128, dropout=0.1, attention_dropout=0.1, head_dropout=0.1, lstm_units=352),
        data=Data(batch_size=32, length=64),
        optim=Optim(
            name="adamw", lr=1e-3, weight_decay=0.01, clip_norm=1.0,
            schedule=Schedule(warmup=50),
        ),
        loop=Loop(steps=500, log_every=20, eval_every=250, save_every=250),
        finetune=Finetune(batch_size=16, lr=5e-4, epochs=3, seeds=3, warmup=.1),
        runs=("pretrain", "endings"),
        snapshots=5,
    )  # fmt: skip


def _smoke() -> Config:
    """Seconds, on generated text: what the tests run."""
    return Config(
        model=Model(vocab_size=150, context=32, n_layers=2, d_model=16, n_heads=2, lstm_units=16),
        data=Data(source="generated", batch_size=8, length=32),
        optim=Optim(
            name="adamw", lr=3e-3, weight_decay=0.01, clip_norm=1.0,
            schedule=Schedule(warmup=5),
        ),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        finetune=Finetune(steps=10, batch_size=8, lr=2e-3, seeds=2),
        eval=Eval(batch_size=8, tokens=600, stride=16, items=8, sample=20),
        predict=Predict(length=20, batch_size=4),
        runs=("pretrain", "toy-choice", "toy-kind", "toy-entailment", "toy-similarity"),
        snapshots=2,
    )  # fmt: skip


VARIANTS = {
    "default": _default,
    "smoke": _smoke,
}
PARAM_COUNTS = {}
get_config = partial(get, VARIANTS)
