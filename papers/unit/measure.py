"""Numbers of trained translators, on test images."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from common import rng
from common.metrics import Mean, over
from papers.unit import objective
from papers.unit.config import Config
from papers.unit.data import batches
from papers.unit.directions import DIRECTIONS, DOMAINS
from papers.unit.pixels import scaled
from papers.unit.train import State, ema_params, eval_step, generator_params, translate

TERMS = ("L_VAE", "L_GAN", "L_CC")


def measured(config: Config, state: State) -> dict[str, float]:
    """The means of `eval_step` over the test split."""
    step = jax.jit(partial(eval_step, config))
    return over(partial(step, state), batches(config, "test"))


def unchanged(config: Config) -> float:
    """The mean absolute error, in [-1, 1], of an image of a that is taken for its true
    pair in b."""
    differences = []
    for batch in batches(config, "test"):
        a, b = (np.asarray(scaled(batch[d])) for d in DOMAINS)
        differences.append(np.abs(a - b)[batch["mask_a"] > 0])
    return float(np.mean(np.concatenate(differences)))


def whole_test(
    config: Config, domain: str
) -> UInt8[np.ndarray, "n height width channels"]:
    """All test images of a domain."""
    parts = [b[domain][b[f"mask_{domain}"] > 0] for b in batches(config, "test")]
    return np.concatenate(parts)


def objective_terms(
    config: Config, state: State, batch: dict
) -> dict[str, Float[Array, ""]]:
    """L_VAE, L_GAN and L_CC of eq. 2: sums over both domains, means over the images."""
    params = {**state.params, "generators": ema_params(state)["generators"]}
    rows = {d: scaled(batch[d]) for d in DOMAINS} | {"row": jnp.arange(len(batch["a"]))}
    key = rng.stream(state.key, state.step, "evaluate")
    w = config.losses
    parts = objective.generator_terms(config, params, {}, rows, key, None).parts
    logits = objective.discriminator(config, params["discriminators"])
    run = partial(translate, config, generator_params(state))
    game = 0.0
    for direction in DIRECTIONS:
        domain = direction.target
        fake = scaled(run(batch[direction.source], direction))
        real = rows[domain]
        game += objective.gan_value(w, logits(real, domain), logits(fake, domain))
    nothing = 0 * game
    terms = {
        "L_VAE": parts["vae_a"] + parts["vae_b"],
        "L_GAN": game,
        "L_CC": parts.get("cycle_a", nothing) + parts.get("cycle_b", nothing),
    }
    both = (batch["mask_a"] * batch["mask_b"]) > 0
    return {name: Mean.of(value, both).value for name, value in terms.items()}
