"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

import jax

from common.contract import Batch, Inputs
from papers.knowledge_graph import data
from papers.knowledge_graph.config import Config
from papers.knowledge_graph.measure import params_of
from papers.knowledge_graph.predict import distances
from papers.knowledge_graph.train import State


def inference_inputs(config: Config) -> Inputs:
    """ "entity" and "relation": their numbers, in the order of the graph's names."""
    return {"entity": ("rows", "int32"), "relation": ("rows", "int32")}


def inference(config: Config, state: State, inputs: Batch) -> dict[str, Any]:
    """The distance of every entity, [rows, entities], as "tail" of (entity, relation,
    ?) and as "head" of (?, relation, entity): the smallest is the best answer."""
    params = params_of(state)
    count, _ = data.sizes(config)

    def of_row(relation, entity):
        given = config.model, params, relation, entity
        return {
            side: distances(*given, asks_head=side == "head")[:count]
            for side in ("head", "tail")
        }

    return jax.vmap(of_row)(inputs["relation"], inputs["entity"])
