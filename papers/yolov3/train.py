"""Training: state, one step, and the evaluation of a batch, of a detector or of the
classifier whose trunk it starts from."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key

from common import optim, rng
from common.brief import Brief
from common.metrics import Gathered
from papers.yolov3 import data, weights
from papers.yolov3.batch_losses import LOSSES
from papers.yolov3.cfg import shared_layers, yolo_layers
from papers.yolov3.classifier import polynomial
from papers.yolov3.config import Config, network
from papers.yolov3.detector import forward, network_of, pixels, suppressed
from papers.yolov3.model import init as random_variables

CPU_DEVICES = 1  # every BatchNorm waits for all devices, twice a step


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any
    batch_stats: Any
    opt_state: Any
    anchors: Float[Array, "anchors 2"]  # the priors, in pixels of the network's input


def init(config: Config, key: Key[Array, ""], after: Mapping | None = None) -> State:
    """The state before the first step; `after` holds the classifier, where the detector
    starts from its trunk."""
    cfg = network(config)
    variables = random_variables(
        cfg,
        rng.stream(key, 0, "init"),
        dtype=config.model.dtype,
        objectness=config.model.objectness,
    )
    if config.weights:
        variables = weights.load(config.weights, cfg, variables)
    for other, trained in (after or {}).values():
        variables = with_trunk(config, variables, other, trained)
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=variables["params"],
        batch_stats=variables["batch_stats"],
        opt_state=_tx(config).init(variables["params"]),
        anchors=_anchors(config),
    )


def with_trunk(config: Config, variables: Any, other: Config, trained: State) -> Any:
    """The variables with those first layers of a trained network that both have."""
    shared = shared_layers(network(config), network(other))
    names = {f"layer_{i}" for i in range(shared)}
    own = ema_variables(trained)
    return {
        kind: {name: own[kind][name] if name in names else value
               for name, value in tree.items()}
        for kind, tree in variables.items()
    }  # fmt: skip


def _anchors(config: Config) -> Float[Array, "anchors 2"]:
    """The priors of a detector; of a classifier none. Boxes are read when the program
    runs, not when it is traced."""
    if config.task == "classify":
        return jnp.zeros((0, 2))
    published = np.array(yolo_layers(network(config))[0].anchors, np.float32)
    if config.model.priors == "cfg":
        return jnp.array(published)
    shape = jax.ShapeDtypeStruct(published.shape, jnp.float32)
    return jax.pure_callback(
        lambda: data.found_priors(config), shape, vmap_method="sequential"
    )


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """Trains on one batch of data.py. `loss` is in nats an image. Of a detector its
    terms follow; `above_floor` is the loss less what it cannot fall below, and
    `darknet_loss` the number that darknet prints."""
    lossy = LOSSES[config.task]

    def loss_fn(params, rows, chunk):
        variables = {"params": params, "batch_stats": state.batch_stats}
        output, updated = network_of(config, axis_name).apply(
            variables, pixels(rows["image"]), train=True, mutable=["batch_stats"]
        )
        parts = lossy(config, output, rows, state.anchors)
        return optim.Objective(parts["loss"], aux={"parts": parts, **updated})

    found = optim.gradients(
        loss_fn,
        state.params,
        batch,
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )
    updates, opt_state = _tx(config).update(found.grads, state.opt_state, state.params)
    metrics = {
        **{name: part.value for name, part in found.aux["parts"].items()},
        "loss": found.loss,
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
) -> dict[str, Any]:
    """The terms of `train_step`, with the running statistics. Of a detector also
    "found": what suppression leaves, in pixels of the network's input."""
    output = forward(config, ema_variables(state), batch["image"])
    metrics: dict[str, Any] = LOSSES[config.task](config, output, batch, state.anchors)
    if config.task == "detect":
        found = suppressed(config, output, state.anchors, batch["image"].shape[1:3])
        found |= {"index": batch["index"], "size": batch["size"]}
        metrics["found"] = Gathered(found, batch["mask"])
    return {name: metric.across(axis_name) for name, metric in metrics.items()}


def ema_variables(state: State) -> dict[str, Any]:
    """The variables of evaluation: the average of the parameters, where one is kept,
    and the running statistics."""
    params = optim.ema_params(state.opt_state, state.params)
    return {"params": params, "batch_stats": state.batch_stats}


def _tx(config: Config) -> optax.GradientTransformation:
    """Kernels decay; biases and the gains of BatchNorm do not."""
    return optim.optimiser(config.optim, _rate(config))


def _rate(config: Config) -> optax.Schedule:
    """That of the config; in the first `burn_in` steps lr (step / burn_in)^4, the steps
    counted from 1."""
    steps = config.loop.steps
    if config.task == "classify" and config.classifier.rate == "polynomial":
        return polynomial(config.optim.lr, steps, burn_in=config.burn_in)
    decay = optim.learning_rate(config.optim, steps)
    if not config.burn_in:
        return decay

    def rate(step: Int[Array, ""] | int) -> Float[Array, ""]:
        share = jnp.minimum((step + 1) / config.burn_in, 1.0)
        return jnp.where(
            step + 1 < config.burn_in, config.optim.lr * share**4, decay(step)
        )

    return rate
