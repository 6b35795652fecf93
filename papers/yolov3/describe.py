"""What --mode=describe adds: the layers, the priors, and table 2."""

import contextlib
from collections.abc import Iterator

import numpy as np

from common.contract import Table, UserError
from papers.yolov3 import annotations, cost, priors
from papers.yolov3.cfg import yolo_layers
from papers.yolov3.config import Config, network
from papers.yolov3.data import found_priors
from papers.yolov3.decode import scales
from papers.yolov3.runs import CLASSIFIER


def describe(config: Config) -> Iterator[tuple[str, Table]]:
    """Yields the layers of a run's network; of a detector its priors on the training
    set, where that can be read; where all that trains is a classifier, table 2,
    measured here.

    config: that of one run."""
    yield "layers", cost.layer_table(network(config))
    if config.task == "detect":
        with contextlib.suppress(UserError):
            yield "priors", _priors(config)
    elif tuple(config.runs) == (CLASSIFIER,):
        yield "table 2", cost.backbones()


def _priors(config: Config) -> Table:
    cfg = network(config)
    published = config.model.priors == "cfg"
    own = yolo_layers(cfg)[0].anchors if published else found_priors(config)
    parts = scales(cfg)
    return priors.table(
        annotations.sides(config.data),
        np.asarray(own, float),
        [scale.mask for scale in parts],
        [scale.stride for scale in parts],
    )
