"""Small graphs, configs and states that the tests of this folder share."""

from functools import partial

import jax
import numpy as np

from common.data.triples import Graph, from_arrays
from common.sections import Optim, Schedule
from papers import knowledge_graph as kg
from papers.knowledge_graph.config import Config, Data, Each, Eval, Model

ENTITIES, RELATIONS = 23, 4


def random_graph(root: str = "") -> Graph:
    """What `--config.data.name=MODULE:random_graph` reads: 150 triples."""
    del root
    rng = np.random.default_rng(0)
    columns = [rng.integers(0, n, 156) for n in (ENTITIES, RELATIONS, ENTITIES)]
    names = [f"e{i}" for i in range(ENTITIES)], [f"r{i}" for i in range(RELATIONS)]
    once = np.unique(np.stack(columns, axis=1), axis=0)
    return from_arrays(once, entities=names[0], relations=names[1], share=0.2)


def config(embedding: str = "transe", **model) -> Config:
    widths = {"d_entity": 8, "d_relation": 6 if embedding[-1] in "rd" else 8}
    return Config(
        model=Model(embedding, **{**widths, **model}),
        each=Each(margin=(2.0,)),
        data=Data(
            "function",
            name=f"{__name__}:random_graph",
            batch_size=16,
            negatives=3,
        ),
        optim=Optim("sgd", 0.1, Schedule("constant"), momentum=0.0),
        eval=Eval(batch_size=8, block=8),
        runs=(embedding,),
    )


def state(config: Config, seed: int = 0):
    return jax.jit(partial(kg.init, config))(jax.random.key(seed))


def train_batches(config: Config, count: int) -> list[dict]:
    data = kg.batches(config, "train")
    return [next(data) for _ in range(count)]
