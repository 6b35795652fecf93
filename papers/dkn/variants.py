"""The variants of DKN: the films inside a package, the authors' sample, MIND.

`default` is the run of this package's README, which has its command and its numbers.
"""

from functools import partial

from common.sections import Loop, Optim, Schedule
from common.variants import get
from papers.dkn.config import Config, Data, Eval, Model, Vectors

TABLE_2 = (
    "dkn",
    "libfm", "libfm_no_entity",
    "kpcnn", "kpcnn_no_entity",
    "dssm", "dssm_no_entity",
    "deepwide", "deepwide_no_entity",
    "deepfm", "deepfm_no_entity",
    "youtubenet", "youtubenet_no_entity",
    "dmf",
)  # fmt: skip
TABLE_3 = (
    "dkn_no_entity", "dkn_no_context", "dkn_words",
    "dkn_transh", "dkn_transr", "dkn_transd",
    "dkn_linear", "dkn_unmapped",
    "dkn_no_attention",
)  # fmt: skip


def _default() -> Config:
    """Films for news, actors for readers: tables 2 and 3, minutes on 2 CPU cores."""
    return Config(
        data=Data(title=4),  # 87 of 100 titles are no longer
        optim=Optim("adamw", 4e-3, Schedule("constant"), weight_decay=0.01),
        loop=Loop(steps=192, log_every=24, eval_every=0, save_every=0, keep=1),
        runs=TABLE_2 + TABLE_3,
        seeds=3,
        snapshots=4,
    )


def _smoke() -> Config:
    """Seconds, on generated news: what the tests run."""
    return Config(
        model=Model(
            d_word=8, d_entity=8, windows=(1, 2), filters=8,
            attention_units=8, units=16, dropout=0.0,
        ),
        vectors=Vectors(source="random"),
        data=Data(
            source="generated", title=5, history=4, negatives=1, min_count=1,
            batch_size=16, words=40, entities=8, users=32, news=256,
        ),
        # Adam's small epsilon makes large steps of gradients that are only rounding.
        optim=Optim("adam", 2e-2, Schedule("constant"), eps=1e-3),
        loop=Loop(steps=40, log_every=5, eval_every=20, save_every=20),
        eval=Eval(batch_size=16, periods=2, case_clicks=4, case_candidates=3),
        runs=("dkn", "dkn_words", "kpcnn", "dmf"),
        seeds=2,
        snapshots=2,
    )  # fmt: skip


def _paper() -> Config:
    """The paper's sizes: width 100, 100 filters of 1 to 4 words, TransD, Adam.

    The paper's Bing News is not public. The widths of H and G are not given: 100 and
    300 are those of Microsoft's recommenders.
    """
    config = _mind()
    config.vectors = Vectors(method="transd")
    config.runs = ("dkn",)
    return config


def _mind() -> Config:
    """MIND: a folder with its train and dev folders, and entity_embedding.vec.

        --config.data.root=MINDsmall --config.vectors.file=.../entity_embedding.vec

    Contexts need a graph of Wikidata's entities, --config.data.graph; without one the
    channel is left out. Word vectors start random. Microsoft's recommenders report AUC
    .6705 after one epoch on MIND small, and less later: validation chooses.
    """
    return Config(
        model=Model(
            d_word=100, d_entity=100, windows=(1, 2, 3, 4), filters=100,
            attention_units=100, units=300,
        ),
        vectors=Vectors("file"),
        data=Data(
            source="mind", title=10, history=50, negatives=4, batch_size=100,
            words=40_000, entities=60_000, users=100_000, news=70_000,
        ),
        optim=Optim("adam", 5e-4, Schedule("constant")),
        loop=Loop(steps=24_000, log_every=100, eval_every=2000, save_every=2000),
        runs=("dkn_no_context",),
        snapshots=12,
    )  # fmt: skip


def _bing() -> Config:
    """The authors' sample of Bing News: 469 users. No ordering of models shows on its
    462 test rows; the report prints the interval.

        --config.data.root=.../dkn-bing --config.data.graph=.../nell-995
    """
    config = _default()
    config.data = Data(
        source="bing", title=10, history=30, negatives=0, batch_size=128,
        words=8192, entities=8192, users=1024, news=10_240,
    )  # fmt: skip
    config.loop.steps = 160
    config.runs = ("dkn", "dkn_words", "libfm")
    return config


def _released() -> Config:
    """The released code's settings: products for H and G, g on trainable tables, an L2
    loss of 0.01, filters of 1 and 2 words, no context."""
    config = _bing()
    config.model = Model(
        d_word=50, d_entity=50, windows=(1, 2), filters=128, contexts=False,
        attention="dot", score="dot", dropout=0.0,
    )  # fmt: skip
    config.vectors = Vectors(trained=True, unit_length=False)
    config.optim = Optim("adam", 1e-3, Schedule("constant"), weight_decay=0.01)
    config.runs = ("dkn",)
    return config


def _widths() -> Config:
    """AUC over the widths d of words and k of entities (the paper's figure 7)."""
    config = _default()
    sizes = (20, 50, 100, 200)
    config.runs = tuple(f"d{d}_k{k}" for k in sizes for d in sizes)
    config.seeds = 1
    return config


def _filters() -> Config:
    """AUC over the number of filters m and the sets of windows (figure 8)."""
    config = _default()
    config.runs = tuple(f"m{m}" for m in (20, 50, 100, 200))
    config.runs += tuple(f"windows_to_{n}" for n in (1, 2, 3, 4))
    config.seeds = 1
    return config


VARIANTS = {
    "default": _default,
    "smoke": _smoke,
    "paper": _paper,
    "mind": _mind,
    "bing_sample": _bing,
    "bing_released": _released,
    "widths": _widths,
    "filters": _filters,
}
# Of all seeds.
PARAM_COUNTS = {
    "default": 521_487,
    "paper": 4_641_401,
    "mind": 4_531_301,
    "bing_released": 2_581_218,
}

get_config = partial(get, VARIANTS)
