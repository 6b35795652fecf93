"""Training CornerNet: state, one step, and the evaluation of a batch."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key, UInt8

from common import optim, rng
from common.brief import Brief
from common.metrics import Gathered, Mean
from papers.cornernet import initial, objective, weights
from papers.cornernet.config import Config, cells
from papers.cornernet.decode import decode, probabilities
from papers.cornernet.model import CornerNet, Prediction
from papers.cornernet.pixels import normalised, varied
from papers.cornernet.sets import class_names
from papers.cornernet.suppression import found_boxes
from papers.cornernet.targets import Encoded, encode

CPU_DEVICES = 1  # every BatchNorm waits for all devices, twice a step


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any
    batch_stats: Any
    opt_state: Any


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
    )


def _variables(config: Config, key: Key[Array, ""]) -> Any:
    """Random variables, or those of `config.weights`; a file for other classes leaves
    the heads of the heat maps random."""
    random = initial.variables(network(config), config.model, key)
    if config.weights:
        return weights.load(config.weights, random)
    return random


def network(config: Config, axis_name: str | None = None) -> CornerNet:
    """The network that the config says, for the classes of its data."""
    return CornerNet(config.model, len(class_names(config)), axis_name)


def targets_of(config: Config, batch: dict) -> Encoded:
    """What the network should say of a batch."""
    size = batch["image"].shape[1:3]
    return encode(
        config.targets,
        batch["boxes"],
        batch["classes"],
        batch["present"],
        size=size,
        cells=tuple(cells(config, side) for side in size),
        n_classes=len(class_names(config)),
    )


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """Trains on one batch of data.py. `loss` is eq. 6, averaged over the stacks;
    `detection`, `pull`, `push` and `offset` are its terms without weights, `objects`
    the mean number in an image."""
    colours = rng.stream(state.key, state.step, "colours", axis_name)
    net = network(config, axis_name)
    images = {"pixels": varied(config, batch["image"], colours)}
    # Of the whole batch: its parts on other devices, and other chunks, count too.
    whole = (objective.counts(targets_of(config, batch)), len(batch["image"]) * 1.0)
    total, count = whole if axis_name is None else jax.lax.psum(whole, axis_name)

    def loss_fn(params, rows, chunk):
        predictions, updated = net.apply(
            {"params": params, "batch_stats": state.batch_stats},
            rows["pixels"],
            train=True,
            every_stack=True,
            mutable=["batch_stats"],
        )
        truth = targets_of(config, rows)
        stacks = [objective.terms(p, truth, total, count) for p in predictions]
        terms = jax.tree.map(lambda *x: sum(x) / len(x), *stacks)
        loss = Mean.of(objective.weighted(config.objective, terms))
        means = {name: Mean.of(x) for name, x in terms._asdict().items()}
        return optim.Objective(loss, aux={**updated, "terms": means})

    found = optim.gradients(
        loss_fn,
        state.params,
        {**batch, **images},
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )
    updates, opt_state = _tx(config).update(found.grads, state.opt_state, state.params)
    metrics = {
        "loss": found.loss,
        **{name: mean.value for name, mean in found.aux["terms"].items()},
        "objects": total.objects / count,
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
) -> dict[str, Mean | Gathered]:
    """The loss of the last stack with the running statistics, image by image: each is a
    batch of its own, so that batches and padding change nothing. "found": boxes in
    pixels of the network's input, with "index", the picture's place in its split, and
    what leads back to it."""
    prediction = predicted(config, state, batch["image"])
    truth = targets_of(config, batch)

    def alone(prediction, truth):
        one = jax.tree.map(lambda x: x[None], (prediction, truth))
        terms = objective.terms(*one, objective.counts(one[1]), jnp.ones(()))
        return objective.weighted(config.objective, terms)[0]

    loss = Mean.of(jax.vmap(alone)(prediction, truth), batch["mask"])
    candidates = decode(
        config.eval, probabilities(prediction), config.eval.tag_threshold
    )
    found = found_boxes(config, candidates, batch["image"].shape[1:3])
    places = ("index", "letterbox", "size")
    rows = {**found, **{name: batch[name] for name in places}}
    return {
        "loss": loss.across(axis_name),
        "found": Gathered(rows, batch["mask"]).across(axis_name),
    }


def predicted(
    config: Config, state: State, images: UInt8[Array, "batch height width 3"]
) -> Prediction:
    """Maps of the last stack in evaluation mode, of images of any one size that the
    network takes. Heats are logits."""
    pixels = normalised(config, images)
    (prediction,) = network(config).apply(ema_variables(state), pixels)
    return prediction


def ema_variables(state: State) -> dict[str, Any]:
    """The variables of evaluation: the average of the parameters, where one is kept,
    and the running statistics."""
    params = optim.ema_params(state.opt_state, state.params)
    return {"params": params, "batch_stats": state.batch_stats}


def _tx(config: Config) -> optax.GradientTransformation:
    """Section 4.1: Adam, without decay of weights."""
    return optim.optimiser(config.optim, _rate(config))


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)
