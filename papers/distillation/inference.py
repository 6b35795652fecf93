"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

import jax

from common.contract import Batch, Inputs
from common.losses import ensemble_logits
from papers.distillation import data, train
from papers.distillation.config import Config


def inference_inputs(config: Config) -> Inputs:
    """ "image": as of the data set. Specialists answer with their generalist alone."""
    if config.role == "specialist":
        return {}
    sides = ", ".join(map(str, data.shape(config)))
    return {"image": (f"rows, {sides}", "uint8")}


def inference(config: Config, state: train.State, inputs: Batch) -> dict[str, Any]:
    """ "probabilities" of the classes, [rows, classes]: the members' mixed by
    `distill.average`, at `predict.temperature`."""
    logits = train.forward(config, state, inputs["image"][:, None])
    mixed = ensemble_logits(logits, config.distill.average)
    return {"probabilities": jax.nn.softmax(mixed / config.predict.temperature)}
