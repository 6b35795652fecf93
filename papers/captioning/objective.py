"""The loss: -log p of every word and of one END a caption, over their number."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from common.losses import cross_entropy
from papers.captioning.model import target_mask, targets

Tokens = Int[Array, "images captions length"]
PerTarget = Float[Array, "images captions time"]


def losses(
    logits: Float[Array, "images captions time symbols"], tokens: Tokens
) -> tuple[PerTarget, PerTarget]:
    """-log p of each target in nats, and the mask that is 1 at targets. The sum over
    the mask, divided by its sum, is the loss: long captions weigh more than short
    ones."""
    return cross_entropy(logits, targets(tokens)), target_mask(tokens)


def log_probabilities(
    logits: Float[Array, "images captions time symbols"], tokens: Tokens
) -> Float[Array, "images captions"]:
    """log p of whole captions, END included."""
    each, mask = losses(logits, tokens)
    return -jnp.sum(jnp.where(mask > 0, each, 0.0), axis=-1)
