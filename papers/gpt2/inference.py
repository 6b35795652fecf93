"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

from common.contract import Batch, Inputs
from common.optim import ema_params
from papers.gpt2.config import Config
from papers.gpt2.model import GPT2
from papers.gpt2.train import State


def inference_inputs(config: Config) -> Inputs:
    """ "tokens": at most `model.context` in a row."""
    return {"tokens": ("rows, time", "int32")}


def inference(config: Config, state: State, inputs: Batch) -> dict[str, Any]:
    """ "logits" of the token after each, [rows, time, vocabulary]."""
    net = GPT2(config.model).bind({"params": ema_params(state.opt_state, state.params)})
    return {"logits": net.logits(net(inputs["tokens"]))}
