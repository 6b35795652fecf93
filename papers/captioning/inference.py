"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

import jax

from common.contract import Batch, Inputs
from common.optim import ema_params
from papers.captioning import decoding, train
from papers.captioning.config import Config
from papers.captioning.predict import options_of


def inference_inputs(config: Config) -> Inputs:
    """ "image": RGB in the encoder's square."""
    if config.task != "caption":
        return {}
    side = config.data.size
    return {"image": (f"rows, {side}, {side}, 3", "uint8")}


def inference(config: Config, state: train.State, inputs: Batch) -> dict[str, Any]:
    """The captions of the first seed, found as `predict` says, the best first: "tokens"
    [rows, beams, length], 0 from their end on, and "log_p" [rows, beams] in nats."""
    params = ema_params(state.opt_state, state.params)
    encoder = train.encoder_variables(params, state.encoder)
    vectors = train.vectors(config, encoder, inputs["image"])
    first = jax.tree.map(lambda x: x[0], params["language"])
    best = decoding.captions(config.model, first, vectors, options_of(config))
    return {"tokens": decoding.words_of(best.tokens), "log_p": best.log_p}
