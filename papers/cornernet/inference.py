"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

from common.contract import Batch, Inputs, rows_of
from papers.cornernet.config import Config
from papers.cornernet.data import batch_spec
from papers.cornernet.decode import decode, probabilities
from papers.cornernet.suppression import found_boxes
from papers.cornernet.train import State, predicted


def inference_inputs(config: Config) -> Inputs:
    """ "image": RGB of `data.size`."""
    return rows_of(batch_spec(config, "valid"), ["image"])


def inference(config: Config, state: State, inputs: Batch) -> dict[str, Any]:
    """What `eval.suppression` leaves, [rows, keep, ...]: "boxes" in pixels of the
    input, "scores", "classes", and "present", which are there."""
    maps = probabilities(predicted(config, state, inputs["image"]))
    candidates = decode(config.eval, maps, config.eval.tag_threshold)
    return found_boxes(config, candidates, inputs["image"].shape[1:3])
