"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

from common.contract import Batch, Inputs
from common.optim import ema_params
from papers.transformer_xl.config import Config
from papers.transformer_xl.memory import empty_memory
from papers.transformer_xl.model import TransformerXL
from papers.transformer_xl.train import State


def inference_inputs(config: Config) -> Inputs:
    """ "tokens": of one segment, however long."""
    return {"tokens": ("rows, time", "int32")}


def inference(config: Config, state: State, inputs: Batch) -> dict[str, Any]:
    """ "log_p" of the token after each in nats, [rows, time, vocabulary]; nothing was
    read before."""
    tokens = inputs["tokens"]
    params = ema_params(state.opt_state, state.params)
    log_p, _ = TransformerXL(config.model).apply(
        {"params": params},
        tokens,
        empty_memory(config.model, tokens.shape[0], 0),
        method="log_probs",
    )
    return {"log_p": log_p}
