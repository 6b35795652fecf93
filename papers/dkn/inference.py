"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

import jax
import jax.numpy as jnp

from common.contract import Batch, Inputs, rows_of
from common.optim import ema_params
from papers.dkn import data, train
from papers.dkn.config import Config

UNREAD = ("label", "shown", "row", "mask")


def inference_inputs(config: Config) -> Inputs:
    """Arrays of a batch: "news" is 0 where there is no click, and the last places are
    the candidates'; "words" and "entities" of their titles."""
    spec = data.batch_spec(config, "valid")
    return rows_of(spec, [name for name in spec if name not in UNREAD])


def inference(config: Config, state: train.State, inputs: Batch) -> dict[str, Any]:
    """ "probability" of a click on each candidate, [rows, candidates], the mean over
    the seeds, by the last parameters of training."""
    params = ema_params(state.opt_state, state.params)

    def of_seed(params):
        return jax.nn.sigmoid(train.apply(config, params, state.tables, inputs)[0])

    return {"probability": jnp.mean(jax.vmap(of_seed)(params), axis=0)}
