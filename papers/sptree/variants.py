"""The variants of SPTree: sets made here, and the corpora of the paper and others.

`default` is the run of this package's README, which has its command and its numbers.
"""

from functools import partial

from common.config import get
from common.sections import Loop, Optim, Schedule
from papers.sptree.config import Config, Data, Eval, Learning, Model


def _smoke() -> Config:
    """Seconds, on generated sentences: what the tests run."""
    return Config(
        model=Model(
            d_word=12, d_tag=4, d_arc=4, d_label=4, sequence=12, tree=12,
            entity_units=12, relation_units=12,
            dropout_embedding=0.0, dropout_hidden=0.0,
        ),
        learning=Learning(pretraining_steps=20),
        data=Data(source="generated", batch_size=8, buckets=(12,), entities=4,
                  path=3, levels=5, min_count=1),
        # Adam's small epsilon makes large steps of gradients that are only rounding.
        optim=Optim("adam", 2e-2, Schedule("constant"), eps=1e-3),
        loop=Loop(steps=40, log_every=5, eval_every=20, save_every=20),
        eval=Eval(batch_size=8, shuffles=50),
        runs=("sptree", "no_all", "fulltree", "given_no_tree"),
        seeds=2,
    )  # fmt: skip


def _ace05() -> Config:
    """ACE 2005 as the paper has it: 351 / 80 / 80 documents, 7 kinds, 6 relations.

        --config.data.root=.../ace05 --config.data.vectors=...wiki.bin

    The sizes and settings are those of the released code: one sentence an update, Adam,
    100 epochs of entities alone, then 32 of both.
    """
    sentences = 10_051  # of training, about
    return Config(
        learning=Learning(pretraining_steps=100 * sentences),
        data=Data(
            source="generated", batch_size=1, buckets=(16, 32, 64, 128), entities=16,
            path=12, levels=24, words=25_000, tags=48, arcs=48, kinds=7, relations=6,
        ),
        optim=Optim("adam", 1e-3, Schedule("constant"), clip_norm=10.0),
        loop=Loop(
            steps=32 * sentences, log_every=500, eval_every=0, save_every=sentences,
        ),
    )  # fmt: skip


VARIANTS = {
    "default": _smoke,
    "smoke": _smoke,
    # "ace05": _ace05,
}
PARAM_COUNTS = {}

get_config = partial(get, VARIANTS)
