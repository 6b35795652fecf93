"""Training UNIT: state, one step of both players, evaluation, translation."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key, UInt8

from common import optim, rng
from common.brief import Brief
from common.metrics import Mean
from papers.unit import history, weights
from papers.unit.config import Config
from papers.unit.directions import Direction
from papers.unit.game import game_of
from papers.unit.pixels import Pictures, scaled, whole_levels

CPU_DEVICES = 1  # batches are small: a second device would mostly repeat the optimisers


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: dict[str, Any]  # "generators", encoders included, and "discriminators"
    batch_stats: Any  # of the generators' BatchNorms, in the digit experiment alone
    opt_state: dict[str, Any]  # by player, as params
    samples: history.Samples  # images of the first batch
    frames: history.Frames  # their translations after some steps


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step. `after` is unused: no run builds on another."""
    del after
    a, b = (jnp.zeros((1, *config.data.size, n)) for n in config.model.channels)
    draw = jax.jit(partial(game_of(config).init, config))
    params, batch_stats = draw(rng.stream(key, 0, "init"), a, b)
    if config.weights:
        params["generators"] = weights.load(config, params["generators"])
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=params,
        batch_stats=batch_stats,
        opt_state={player: _tx(config).init(own) for player, own in params.items()},
        samples=history.empty_samples(config),
        frames=history.empty_frames(config),
    )


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """A step of the discriminators, then one of encoders and generators against the new
    discriminators, with noise of its own.

    "loss" is the generators', and in the digit experiment the classifier's too. The
    other metrics are the parts of both players' losses, and the learning rate.
    """
    rows = {**batch, "a": scaled(batch["a"]), "b": scaled(batch["b"])}
    state, _, discriminator_parts = _player_step(
        config, "discriminators", state, rows, axis_name
    )
    state, loss, generator_parts = _player_step(
        config, "generators", state, rows, axis_name
    )
    variables = _generator_variables(state, state.params["generators"])
    samples, frames = history.updated(
        config,
        state.step,
        state.samples,
        state.frames,
        batch,
        partial(translate, config, variables),
        axis_name,
    )
    rate = _rate(config)(state.step)
    state = state.replace(step=state.step + 1, samples=samples, frames=frames)
    loss += discriminator_parts.get("classify", 0.0)
    return state, {"loss": loss, **discriminator_parts, **generator_parts, "lr": rate}


def _player_step(
    config: Config, player: str, state: State, rows: dict, axis_name: str | None
) -> tuple[State, Float[Array, ""], dict[str, Float[Array, ""]]]:
    """One player's step against the other's constant parameters. Returns the new state,
    the mean loss and the means of its parts."""
    player_terms = game_of(config).terms[player]
    key = rng.stream(state.key, state.step, player)

    def loss_fn(own, rows, chunk):
        params = {**state.params, player: own}
        terms = player_terms(config, params, state.batch_stats, rows, key, axis_name)
        means = {name: Mean.of(values) for name, values in terms.parts.items()}
        return optim.Objective(Mean.of(terms.loss), aux=(means, terms.batch_stats))

    own = state.params[player]
    found = optim.gradients(
        loss_fn, own, rows, chunks=config.optim.accumulate, axis_name=axis_name
    )
    means, batch_stats = found.aux
    updates, opt_state = _tx(config).update(found.grads, state.opt_state[player], own)
    state = state.replace(
        params={**state.params, player: optax.apply_updates(own, updates)},
        opt_state={**state.opt_state, player: opt_state},
        batch_stats=batch_stats,
    )
    return state, found.loss, {name: mean.value for name, mean in means.items()}


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Mean]:
    """The means that the game validates by, of the running average of the parameters:
    errors of translations in [-1, 1], or accuracies of the digit experiment."""
    means = game_of(config).validation_means(config, ema_params(state), batch)
    return {name: mean.across(axis_name) for name, mean in means.items()}


def translate(
    config: Config, params: Any, images: Pictures, direction: Direction
) -> UInt8[Array, "batch height width target_channels"]:
    """Images of the source domain as images of the target domain, without noise.

    Args:
      params: as of `generator_params`.
      images: their sides are multiples of 2^halvings, and stay; in the digit experiment
        they are `data.size`.
    """
    translated = game_of(config).translate(config, params, scaled(images), direction)
    return whole_levels(translated)


def generator_params(state: State) -> dict[str, Any]:
    """What `translate` needs: encoders and generators, averaged where an average is
    kept, and statistics."""
    return _generator_variables(state, ema_params(state)["generators"])


def ema_params(state: State) -> dict[str, Any]:
    """By player, the running average of its parameters, or the parameters where none is
    kept."""
    return {
        player: optim.ema_params(state.opt_state[player], own)
        for player, own in state.params.items()
    }


def _generator_variables(state: State, generators: Any) -> dict[str, Any]:
    return {"params": generators, "batch_stats": state.batch_stats}


def _tx(config: Config) -> optax.GradientTransformation:
    """Both players': every parameter decays."""
    return optim.optimiser(config.optim, _rate(config), decayed=None)


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)
