"""Training UNIT: state, one step of both players, evaluation, translation."""

from functools import partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key, UInt8

from common import optim, rng
from common.losses import absolute_error, cross_entropy
from common.metrics import Mean, in_top
from common.pixels import with_channels
from papers.unit import adaptation, objective, weights
from papers.unit.config import Config
from papers.unit.data import has_pairs
from papers.unit.model import Images
from papers.unit.record import first_frames, first_samples, recorded

Pictures = UInt8[Array, "batch height width channels"]
CPU_DEVICES = 1  # few rows: two devices step the optimisers twice


@struct.dataclass
class State:
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: dict[str, Any]  # "generators", encoders included, and "discriminators"
    batch_stats: Any  # of the generators; only the digit experiment has any
    opt_state: dict[str, Any]  # as params
    samples: dict[str, Pictures]  # of the first batch: what `frames` shows
    frames: dict[str, UInt8[Array, "frames rows height width channels"]]


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step; `after` is unused: no run builds on another."""
    del after
    a, b = (jnp.zeros((1, *config.data.size, n)) for n in config.model.channels)
    draw = jax.jit(partial(_family(config).init, config))
    params, batch_stats = draw(rng.stream(key, 0, "init"), a, b)
    if config.weights:
        params["generators"] = weights.load(config, params["generators"])
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=params,
        batch_stats=batch_stats,
        opt_state={player: _tx(config).init(own) for player, own in params.items()},
        samples=first_samples(config),
        frames=first_frames(config),
    )


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """A step of the discriminators, then one of encoders and generators against the new
    ones, with noise of its own. `loss` is the generators', and in the digit experiment
    the classifier's too; the others are terms."""
    rows = {**batch, "a": scaled(batch["a"]), "b": scaled(batch["b"])}
    state, _, judged = _play(config, "discriminators", state, rows, axis_name)
    state, loss, made = _play(config, "generators", state, rows, axis_name)
    run = partial(translate, config, _variables(state, state.params["generators"]))
    samples, frames = recorded(
        config, state.step, state.samples, state.frames, batch, run, axis_name
    )
    rate = _rate(config)(state.step)
    state = state.replace(step=state.step + 1, samples=samples, frames=frames)
    loss += judged.get("classify", 0.0)
    return state, {"loss": loss, **judged, **made, "lr": rate}


def _play(
    config: Config, player: str, state: State, rows: dict, axis_name: str | None
) -> tuple[State, Float[Array, ""], dict[str, Float[Array, ""]]]:
    """One player's step, the other's parameters constants; the loss and its terms."""
    lose = getattr(_family(config), f"{player}_lose")
    key = rng.stream(state.key, state.step, player)

    def loss_fn(own, rows, chunk):
        params = {**state.params, player: own}
        terms, batch_stats = lose(
            config, params, state.batch_stats, rows, key, axis_name
        )
        means = {name: Mean.of(values) for name, values in terms.items()}
        return optim.Objective(Mean.of(sum(terms.values())), aux=(means, batch_stats))

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
    """Mean absolute errors in [-1, 1] of images through z and back, and through the
    other domain and back; where pairs are known, of translations. In the digit
    experiment, the classifier's loss, on a, and its accuracy in both domains."""
    means = (_digit_means if _adapts(config) else _image_means)(config, state, batch)
    return {name: mean.across(axis_name) for name, mean in means.items()}


def _image_means(config: Config, state: State, batch: dict) -> dict[str, Mean]:
    encode, generate = objective.networks(config, generator_params(state)["params"])
    means: dict[str, Mean] = {}
    for own, other in ("ab", "ba"):
        image, mask = scaled(batch[own]), batch[f"mask_{own}"]
        z = encode(image, own)
        there = generate(z, other)
        back = generate(encode(there, other), own)
        errors = {"reconstruction": generate(z, own), "cycle": back}
        for name, made in errors.items():
            means[f"{name}_{own}"] = Mean.of(absolute_error(made, image), mask)
        if has_pairs(config):
            error = absolute_error(there, scaled(batch[other]))
            means[f"pair_{own}2{other}"] = Mean.of(error, mask)
    parts = [means[f"{name}_{d}"] for name in errors for d in "ab"]
    return {"loss": sum(parts[1:], parts[0]), **means}


def _digit_means(config: Config, state: State, batch: dict) -> dict[str, Mean]:
    means = {}
    for domain in "ba":  # without the game b's layer has learned nothing
        through = domain if adaptation.plays(config.adaptation) else "a"
        channels = config.model.channels[through == "b"]
        images = with_channels(batch[domain], channels)
        logits = classify(config, state, images, through)
        labels, mask = batch[f"label_{domain}"], batch[f"mask_{domain}"]
        means[f"accuracy_{domain}"] = Mean.of(in_top(logits, labels, 1), mask)
    return {"loss": Mean.of(cross_entropy(logits, labels), mask), **means}


def classify(config: Config, state: State, images: Pictures, domain: str):
    """The digit experiment's logits, [batch, 10]."""
    own = _averaged(state, "discriminators")
    return adaptation.classify(config, own, scaled(images), domain)


def translate(
    config: Config, params: Any, images: Pictures, direction: str
) -> Pictures:
    """Images of one domain in the other, without noise; direction "a2b" or "b2a".
    params: `generator_params`. Sides are multiples of 2^halvings, here and there equal;
    those of the digit experiment are `data.size`."""
    made = _family(config).translate(config, params, scaled(images), direction)
    return jnp.round((jnp.clip(made, -1, 1) + 1) * 127.5).astype(jnp.uint8)


def generator_params(state: State) -> dict[str, Any]:
    """Encoders and generators, their running average where one is kept, and
    statistics: what `translate` needs."""
    return _variables(state, _averaged(state, "generators"))


def _variables(state: State, generators: Any) -> dict[str, Any]:
    return {"params": generators, "batch_stats": state.batch_stats}


def _averaged(state: State, player: str) -> Any:
    return optim.ema_params(state.opt_state[player], state.params[player])


def scaled(images: Pictures) -> Images:
    """0..255 to [-1, 1]."""
    return images.astype(jnp.float32) / 127.5 - 1


def _adapts(config: Config) -> bool:
    return config.model.family == "adaptation"


def _family(config: Config) -> ModuleType:
    """Who knows the networks and what their players lose."""
    return adaptation if _adapts(config) else objective


def _tx(config: Config) -> optax.GradientTransformation:
    """Both players': every parameter decays."""
    return optim.optimiser(config.optim, _rate(config), decayed=None)


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)
