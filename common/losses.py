"""Losses. Each returns one value an example; the caller masks and reduces."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def cross_entropy(
    logits: Float[Array, "*batch classes"], labels: Int[Array, "*batch"]
) -> Float[Array, "*batch"]:
    """-log softmax(logits)[label] in nats, in float32 at least. The loss of a
    label out of range is finite and means nothing: mask it."""
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    label_logit = jnp.take_along_axis(logits, labels[..., None], axis=-1, mode="clip")
    return jax.nn.logsumexp(logits, axis=-1) - label_logit[..., 0]
