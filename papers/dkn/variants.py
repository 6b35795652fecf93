"""The variants of DKN: the films inside a package, the authors' sample, MIND.

`default` is the run of this package's README, which has its command and its numbers.
"""

from functools import partial

from common.config import get
from common.sections import Loop, Optim, Schedule
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
        optim=Optim("adam", 1e-2, Schedule("constant")),
        loop=Loop(steps=40, log_every=5, eval_every=20, save_every=20),
        eval=Eval(batch_size=16, periods=2, case_clicks=4, case_candidates=3),
        runs=("dkn", "dkn_words", "kpcnn", "dmf"),
        seeds=2,
        snapshots=2,
    )  # fmt: skip


VARIANTS = {"default": _default, "smoke": _smoke}
PARAM_COUNTS: dict[str, int] = {}

get_config = partial(get, VARIANTS)
