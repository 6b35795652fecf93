"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

import jax.numpy as jnp

from common.contract import Batch, Inputs
from common.optim import ema_params
from papers.espcn.config import Config
from papers.espcn.train import State, forward


def inference_inputs(config: Config) -> Inputs:
    """ "low": Y or RGB in [0, 1], of any height and width; where bicubic interpolation
    comes first, whose matrices have a size, squares of `predict.bucket`."""
    side = config.predict.bucket
    sides = f"{side}, {side}" if config.model.upscaling == "first" else "height, width"
    return {"low": (f"rows, {sides}, {config.model.channels}", "float32")}


def inference(config: Config, state: State, inputs: Batch) -> dict[str, Any]:
    """ "high": the images at `model.scale` times the size, in [0, 1]."""
    params = ema_params(state.opt_state, state.params)
    return {"high": jnp.clip(forward(config, params, inputs["low"]), 0, 1)}
