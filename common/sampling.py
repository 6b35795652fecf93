"""Drawing the next token from logits."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key


def keep_top_k(
    logits: Float[Array, "*batch vocab"], k: int
) -> Float[Array, "*batch vocab"]:
    """Logits below the k-th largest become -inf; ties with it stay. k = 0 keeps all."""
    if k <= 0 or k >= logits.shape[-1]:
        return logits
    kth = jax.lax.top_k(logits, k)[0][..., -1:]
    return jnp.where(logits >= kth, logits, -jnp.inf)


def keep_top_p(
    logits: Float[Array, "*batch vocab"], p: float
) -> Float[Array, "*batch vocab"]:
    """Nucleus: keeps the fewest tokens whose probability reaches p (Holtzman et al.
    2020), at least one, and those tied with the least of them. p = 1 keeps all."""
    if p >= 1.0:
        return logits
    ordered = jnp.sort(logits, axis=-1, descending=True)
    probabilities = jax.nn.softmax(ordered, axis=-1)
    before = jnp.cumsum(probabilities, axis=-1) - probabilities  # mass above each token
    nucleus = (before < p).at[..., 0].set(True)
    threshold = jnp.min(jnp.where(nucleus, ordered, jnp.inf), axis=-1, keepdims=True)
    return jnp.where(logits >= threshold, logits, -jnp.inf)


def sample(
    key: Key[Array, ""],
    logits: Float[Array, "*batch vocab"],
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
) -> Int[Array, "*batch"]:
    """One token a row: divide by `temperature`, keep the top k, then the nucleus p of
    what is left, and draw. Temperature 0 takes the most probable token."""
    if temperature == 0.0:
        return jnp.argmax(logits, axis=-1)
    logits = logits.astype(jnp.float32) / temperature
    logits = keep_top_p(keep_top_k(logits, top_k), top_p)
    return jax.random.categorical(key, logits, axis=-1)
