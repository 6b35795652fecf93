"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

from common.contract import Batch, Inputs, rows_of
from papers.resnet.config import Config
from papers.resnet.data import batch_spec
from papers.resnet.train import State, probabilities


def inference_inputs(config: Config) -> Inputs:
    """ "image": as of evaluation, resized and cropped."""
    return rows_of(batch_spec(config), ["image"])


def inference(config: Config, state: State, inputs: Batch) -> dict[str, Any]:
    """ "probabilities" of the classes, [rows, classes]."""
    return {"probabilities": probabilities(config, state, inputs["image"])}
