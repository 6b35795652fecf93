"""The variants: published graphs at published settings, and `default`."""

from functools import partial

from common.config import get
from common.sections import Loop, Optim, Schedule
from papers.knowledge_graph.config import Config, Data, Each, Eval, Model


def _default() -> Config:
    """TransE, TransH, TransR, TransD on countries of the world: a minute, 2 cores."""
    return Config(
        each=Each(margin=(4.0,)),
        loop=Loop(steps=1000, log_every=50, eval_every=200, save_every=1000),
        runs=("transe", "transh", "transr_cold", "transr", "transd"),
    )


def _smoke() -> Config:
    """Seconds, on a generated graph: what the tests run."""
    return Config(
        model=Model(d_entity=16, d_relation=16),
        data=Data(source="generated", batch_size=32, negatives=2),
        optim=Optim(lr=0.01, schedule=Schedule("constant")),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        eval=Eval(triples=16, batch_size=8, block=8),
        runs=("transe", "transh", "transr", "transd"),
    )


VARIANTS = {"default": _default, "smoke": _smoke}
PARAM_COUNTS = {}

get_config = partial(get, VARIANTS)
