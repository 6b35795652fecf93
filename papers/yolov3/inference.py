"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

import jax

from common.contract import Batch, Inputs
from papers.yolov3.config import Config
from papers.yolov3.detector import best, forward, predicted
from papers.yolov3.train import State, ema_variables


def inference_inputs(config: Config) -> Inputs:
    """ "image": RGB in the network's square, letterboxed for a detector."""
    classifies = config.task == "classify"
    side = config.classifier.size if classifies else config.data.size
    return {"image": (f"rows, {side}, {side}, 3", "uint8")}


def inference(config: Config, state: State, inputs: Batch) -> dict[str, Any]:
    """Of a detector what `eval.suppression` leaves, [rows, keep, ...]: "boxes" in
    pixels of the input, "scores", "classes", and "present", which are there. Of a
    classifier "probabilities" [rows, classes]."""
    variables = ema_variables(state)
    if config.task == "classify":
        logits = forward(config, variables, inputs["image"])
        return {"probabilities": jax.nn.softmax(logits)}
    found = best(config, predicted(config, variables, state.anchors, inputs["image"]))
    return {name: x for name, x in found.items() if name != "diverged"}
