"""Training GPT-2: state, one step, and the loss of a batch."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key, UInt32

from common import optim, rng
from common.brief import Brief
from common.metrics import Mean
from papers.gpt2 import weights
from papers.gpt2.config import Config
from papers.gpt2.model import GPT2

# XLA spreads its products over the cores, and two devices wait for each other.
CPU_DEVICES = 1


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any
    opt_state: Any
    tokenizer: UInt32[Array, ""]  # of the text that it was trained on; 0: none yet


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step; `after` is unused: no run builds on another."""
    del after
    params = _params(config, rng.stream(key, 0, "init"))
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=params,
        opt_state=_tx(config).init(params),
        tokenizer=jnp.zeros((), jnp.uint32),
    )


def _params(config: Config, key: Key[Array, ""]) -> Any:
    """Random parameters, or the released ones of `config.weights`."""
    model = GPT2(config.model)

    def random(key):
        return model.init(key, jnp.zeros((1, 2), jnp.int32))["params"]

    if config.weights:
        return weights.load(config.weights, config.model, jax.eval_shape(random, key))
    return jax.jit(random)(key)


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """Trains on one batch of windows; `loss` is in nats per token."""
    model = GPT2(config.model)
    dropout = rng.stream(state.key, state.step, "dropout", axis_name)

    def loss_fn(params, rows, chunk):
        nll = model.apply(
            {"params": params},
            rows["inputs"],
            rows["targets"],
            train=True,
            rngs={"dropout": jax.random.fold_in(dropout, chunk)},
            method="nll",
        )
        return optim.Objective(Mean.of(nll))

    found = optim.gradients(
        loss_fn,
        state.params,
        batch,
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )
    updates, opt_state = _tx(config).update(found.grads, state.opt_state, state.params)
    metrics = {
        "loss": found.loss,
        "grad_norm": optax.tree.norm(found.grads),
        "lr": _rate(config)(state.step),
    }
    state = state.replace(
        step=state.step + 1,
        params=optax.apply_updates(state.params, updates),
        opt_state=opt_state,
        tokenizer=jnp.max(batch["tokenizer"]),
    )
    return state, metrics


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Mean]:
    """The loss in nats per token, of the tokens that the mask counts."""
    params = optim.ema_params(state.opt_state, state.params)
    nll = GPT2(config.model).apply(
        {"params": params}, batch["inputs"], batch["targets"], method="nll"
    )
    return {"loss": Mean.of(nll, batch["mask"]).across(axis_name)}


def _tx(config: Config) -> optax.GradientTransformation:
    return optim.optimiser(config.optim, _rate(config))


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)
