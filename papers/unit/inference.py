"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

from common.contract import Batch, Inputs
from papers.unit.config import Config
from papers.unit.directions import Direction, by_domain
from papers.unit.game import game_of
from papers.unit.train import State, generator_params, translate


def inference_inputs(config: Config) -> Inputs:
    """ "image": of the source domain of `predict.direction`, of `data.size`."""
    if not game_of(config).translates(config):
        return {}
    source = Direction.parse(config.predict.direction).source
    height, width = config.data.size
    channels = by_domain(config.model.channels)[source]
    return {"image": (f"rows, {height}, {width}, {channels}", "uint8")}


def inference(config: Config, state: State, inputs: Batch) -> dict[str, Any]:
    """ "translation": the images in the target domain, uint8."""
    direction = Direction.parse(config.predict.direction)
    params = generator_params(state)
    return {"translation": translate(config, params, inputs["image"], direction)}
