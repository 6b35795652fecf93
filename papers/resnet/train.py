"""Training a ResNet: state, one step, and the evaluation of a batch."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key, UInt8

from common import optim, rng
from common.brief import Brief
from common.losses import cross_entropy
from common.metrics import Mean, in_top
from papers.resnet import weights
from papers.resnet.config import Config
from papers.resnet.data import mean_image, normalised
from papers.resnet.model import Backbone, ResNet, by_platform

CPU_DEVICES = 1  # every BatchNorm waits for all devices, twice a step


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any
    batch_stats: Any
    opt_state: Any
    mean: Float[Array, "height width channels"]  # subtracted from every image


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step; `after` is unused: no run builds on another."""
    del after
    variables = _variables(config, rng.stream(key, 0, "init"))
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=variables["params"],
        batch_stats=variables["batch_stats"],
        opt_state=_tx(config).init(variables["params"]),
        mean=mean_image(config),
    )


def _variables(config: Config, key: Key[Array, ""]) -> Any:
    """Random variables, or those of `config.weights`; a file for other classes leaves
    the head random."""
    # Any size that the strided stages can halve.
    image = jnp.zeros((1, 32, 32, config.data.channels))
    random = jax.jit(ResNet(config.model).init)(key, image)
    if config.weights:
        return weights.load(config.weights, config.model, random)
    return random


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """Trains on one batch of data.py. `loss` is in nats; `error` is the share of images
    whose most probable class is wrong."""
    step = partial(_train_step, axis_name=axis_name)
    return by_platform(step, config, state, batch)


def _train_step(config: Config, state: State, batch: dict, axis_name: str | None):
    model = ResNet(config.model, axis_name)

    def loss_fn(params, rows, chunk):
        logits, updated = model.apply(
            {"params": params, "batch_stats": state.batch_stats},
            normalised(config, state.mean, rows["image"]),
            train=True,
            mutable=["batch_stats"],
        )
        loss = Mean.of(cross_entropy(logits, rows["label"]))
        error = Mean.of(~in_top(logits, rows["label"], 1))
        return optim.Objective(loss, aux={**updated, "error": error})

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
        "error": found.aux["error"].value,
        "lr": _rate(config)(state.step),
    }
    state = state.replace(
        step=state.step + 1,
        params=optax.apply_updates(state.params, updates),
        batch_stats=found.aux["batch_stats"],
        opt_state=opt_state,
    )
    return state, metrics


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Mean]:
    """Loss, top-1 and top-5 error with the running statistics."""
    logits = forward(config, state, batch["image"])
    values = {
        "loss": cross_entropy(logits, batch["label"]),
        "error": ~in_top(logits, batch["label"], 1),
        "error_5": ~in_top(logits, batch["label"], 5),
    }
    means = {name: Mean.of(value, batch["mask"]) for name, value in values.items()}
    return {name: mean.across(axis_name) for name, mean in means.items()}


def forward(
    config: Config, state: State, image: UInt8[Array, "batch height width channels"]
) -> Float[Array, "batch num_classes"]:
    """Logits in evaluation mode, of images of any one size."""
    return by_platform(_forward, config, state, image)


def probabilities(
    config: Config, state: State, image: UInt8[Array, "batch height width channels"]
) -> Float[Array, "batch num_classes"]:
    """The softmax of `forward`."""
    return jax.nn.softmax(forward(config, state, image))


def _forward(config: Config, state: State, image):
    variables = ema_variables(state)
    return ResNet(config.model).apply(variables, normalised(config, state.mean, image))


def features(
    config: Config, state: State, image: UInt8[Array, "batch height width channels"]
) -> dict[str, Float[Array, "batch rows columns features"]]:
    """Maps after the stem and after each stage, in evaluation mode."""
    x = normalised(config, state.mean, image)
    variables = {k: tree["backbone"] for k, tree in ema_variables(state).items()}
    return Backbone(config.model).apply(variables, x)


def ema_variables(state: State) -> dict[str, Any]:
    """The variables of evaluation: the average of the parameters, where one is kept,
    and the running statistics."""
    params = optim.ema_params(state.opt_state, state.params)
    return {"params": params, "batch_stats": state.batch_stats}


def _tx(config: Config) -> optax.GradientTransformation:
    """Section 3.4: every parameter decays."""
    return optim.optimiser(config.optim, _rate(config), decayed=None)


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)
