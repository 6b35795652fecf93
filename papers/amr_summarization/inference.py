"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

from common.contract import Batch, Inputs, rows_of
from common.optim import ema_params
from papers.amr_summarization import data, train
from papers.amr_summarization.config import Config


def inference_inputs(config: Config) -> Inputs:
    """The source's arrays of a batch, one sentence or graph a row."""
    return rows_of(data.batch_spec(config, "valid"), data.SOURCE)


def inference(config: Config, state: train.State, inputs: Batch) -> dict[str, Any]:
    """ "pieces" [rows, length] that the parser, or the generator, writes, the likeliest
    one each time, and "log_p" [rows] of all in nats."""
    params = ema_params(state.opt_state, state.params)
    found = train.written(config, params, state.symbols, inputs, beams=1)
    return {"pieces": found.tokens[:, 0], "log_p": found.log_p[:, 0]}
