"""What a run starts from: drawn variables, released weights, and the runs before it."""

import warnings
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, UInt32

from common import optim, rng
from papers.captioning import data, encoder, vectors, weights, word_labels
from papers.captioning.config import Config
from papers.captioning.model import Captioner


def caption_variables(
    config: Config, key: Key[Array, ""], after: dict
) -> tuple[Any, Any, Any]:
    """(params, fixed, vectors) of a captioner's state, or of the run "words".

    The encoder is that of the run before, or its trunk where that was the classifier;
    else released weights, or drawn. The language model is drawn, once a seed; of a warm
    start it then takes over all parameters that the run before had.
    """
    net = encoder_variables(config, rng.stream(key, 0, "encoder"), after)
    start = rng.stream(key, 0, "init")
    if config.task == "words":
        params = {"words": word_labels.variables(config, start)}
    else:
        params = {"language": _language(config, start, after)}
    if config.encoder.trains:
        params["encoder"] = net.pop("params")
        net["scale"] = jnp.ones(config.model.width)
        return params, net, ()
    if not config.vectors_cached:
        return params, {**net, "scale": jnp.ones(config.model.width)}, ()
    found = vectors.of_training(config, net)
    scale = _scale(config, found)
    return params, {**net, "scale": scale}, found * scale


def vocabulary_mark(config: Config) -> UInt32[Array, ""]:
    """Of the training captions' words, read when the program runs."""
    shape = jax.ShapeDtypeStruct((), jnp.uint32)
    return jax.pure_callback(lambda: data.vocabulary_of_network(config).mark, shape)


def encoder_variables(config: Config, key: Key[Array, ""], after: dict) -> Any:
    """{"params", "batch_stats"} of the encoder."""
    e = config.encoder
    net = encoder.Encoder(e, config.model.width)
    d = config.data
    image = jnp.zeros((1, d.size, d.size, 3), jnp.uint8)
    found = {"batch_stats": {}, **jax.jit(net.init)(key, image)}
    if e.weights:
        found = weights.load(e, found)
    elif not (after or e.trains):
        warnings.warn(
            "the encoder's weights are drawn and stay as they are: give them, "
            "--config.encoder.weights=FILE, or train the encoder in a run before, "
            "--config.runs=...,tuned",
            stacklevel=2,
        )
    for before, state in after.values():
        own = optim.ema_params(state.opt_state, state.params)
        if before.task == "classify":
            found = {
                "params": {**found["params"], "trunk": own["trunk"]},
                "batch_stats": state.encoder["batch_stats"],
            }
        else:
            fixed = {k: v for k, v in state.encoder.items() if k != "scale"}
            found = fixed if "params" in fixed else {**fixed, "params": own["encoder"]}
    return found


def _language(config: Config, key: Key[Array, ""], after: dict) -> Any:
    """Leaves [seeds, ...]."""
    image = jnp.zeros((1, config.model.width))
    tokens = jnp.zeros((1, 1, 2), jnp.int32)

    def drawn(key):
        return Captioner(config.model).init(key, image, tokens)["params"]

    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(config.seeds))
    params = jax.jit(jax.vmap(drawn))(keys)
    for before, state in after.values():
        if config.warm and before.task == "caption":
            own = optim.ema_params(state.opt_state, state.params)["language"]
            copies = {
                name: jax.tree.map(partial(_copied, config.seeds), own[name])
                for name in params.keys() & own.keys()
            }
            params = {**params, **copies}
    return params


def _copied(seeds: int, x: Float[Array, "1 ..."]) -> Float[Array, "seeds ..."]:
    return jnp.repeat(x[:1], seeds, axis=0)


def _scale(
    config: Config, found: Float[Array, "images width"]
) -> Float[Array, "width"]:
    """What brings each unit to the root mean square `model.image_scale`. A unit that is
    always 0 stays so."""
    if not config.model.image_scale:
        return jnp.ones(found.shape[-1])
    rms = jnp.sqrt(jnp.mean(jnp.square(found), axis=0))
    return jnp.where(rms > 0, config.model.image_scale / jnp.maximum(rms, 1e-6), 0.0)
