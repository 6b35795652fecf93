"""The trained network as a function of arrays, which --mode=export writes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common.contract import Batch, Inputs
from common.optim import ema_params
from papers.gpt import data, objective, train
from papers.gpt.config import Config


def inference_inputs(config: Config) -> Inputs:
    """ "tokens": at most `model.context` in a row; of a task each example's sequences,
    with "extract", the place of the last token of each."""
    if not config.task:
        return {"tokens": ("rows, time", "int32")}
    sequences = data.shape(config).n_inputs
    return {
        "tokens": (f"rows, {sequences}, {data.length(config)}", "int32"),
        "extract": (f"rows, {sequences}", "int32"),
    }


def inference(config: Config, state: train.State, inputs: Batch) -> dict[str, Any]:
    """Of a pre-trained run "logits" of the token after each, [rows, time, vocabulary].
    Of a task "probabilities" [rows, outputs], means over the seeds of the deepest
    transfer."""
    params = ema_params(state.opt_state, state.params)
    network = objective.network(config)
    if not config.task:
        one = {"params": jax.tree.map(lambda x: x[0], params)}
        net = network.bind(one)
        return {"logits": net.logits(net(inputs["tokens"]))}

    def of_member(params):
        logits, _ = network.apply(
            {"params": params},
            inputs["tokens"],
            inputs["extract"],
            data.shape(config).form,
            lm=False,
            method="task",
        )
        return jax.nn.softmax(logits)

    found = jax.vmap(of_member)(deepest(config, params))
    return {"probabilities": jnp.mean(found, axis=0)}


def deepest(config: Config, params: Any) -> Any:
    """The members that took over most of what was pre-trained."""
    depths = np.repeat(config.depths, config.finetune.seeds)
    chosen = np.flatnonzero(depths == max(config.depths))
    return jax.tree.map(lambda x: x[chosen], params)
