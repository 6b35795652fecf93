"""Losses. Each returns one value an example; the caller masks and reduces.

The losses of images, codes and grids of logits have the examples on the first axis.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from common.row_products import row_product


def cross_entropy(
    logits: Float[Array, "*batch classes"], labels: Int[Array, "*batch"]
) -> Float[Array, "*batch"]:
    """-log softmax(logits)[label] in nats, in float32 at least. Mask labels
    out of range: their loss is finite and means nothing."""
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    label_logit = jnp.take_along_axis(logits, labels[..., None], axis=-1, mode="clip")
    return jax.nn.logsumexp(logits, axis=-1) - label_logit[..., 0]


def tied_logits(
    hidden: Float[Array, "*batch d_model"], table: Float[Array, "vocab d_model"]
) -> Float[Array, "*batch vocab"]:
    """Each hidden state's products with the rows of an embedding table, in float32."""
    return row_product(
        hidden, table.astype(hidden.dtype).T, preferred_element_type=jnp.float32
    )


def tied_cross_entropy(
    hidden: Float[Array, "batch time d_model"],
    table: Float[Array, "vocab d_model"],
    labels: Int[Array, "batch time"],
    at_once: int = 0,
) -> Float[Array, "batch time"]:
    """`cross_entropy` of `tied_logits`.

    at_once: the logits of so many positions a row are in memory together, and are
        computed again in the backward pass; 0: those of all. It divides the time.
    """

    def part(hidden, labels):
        return cross_entropy(tied_logits(hidden, table), labels)

    batch, time = labels.shape
    if not at_once or at_once >= time:
        return part(hidden, labels)

    def parts(x):
        cut = x.reshape(batch, time // at_once, at_once, *x.shape[2:])
        return jnp.swapaxes(cut, 0, 1)

    def step(_, given):
        return None, part(*given)

    given = parts(hidden), parts(labels)
    _, nll = jax.lax.scan(jax.checkpoint(step), None, given)
    return jnp.swapaxes(nll, 0, 1).reshape(batch, time)


def soft_cross_entropy(
    logits: Float[Array, "*batch classes"],
    target_logits: Float[Array, "*batch classes"],
    temperature: Float[Array, "*#batch"] | float = 1.0,
) -> Float[Array, "*batch"]:
    """-sum_i p_i log q_i with q = softmax(logits / T) and p = softmax(targets / T), in
    float32 at least (section 2 of Hinton et al. 2015). The targets get no gradient."""
    log_q = _log_softmax(logits, temperature)
    p = jnp.exp(_log_softmax(jax.lax.stop_gradient(target_logits), temperature))
    return -jnp.sum(p * log_q, axis=-1)


def distillation(
    logits: Float[Array, "*batch classes"],
    target_logits: Float[Array, "*batch classes"],
    labels: Int[Array, "*batch"],
    temperature: Float[Array, "*#batch"] | float = 1.0,
    hard_weight: float = 0.0,
) -> Float[Array, "*batch"]:
    """(1 - a) T^2 KL(p || q) + a cross_entropy(labels), where a is `hard_weight`.

    KL(p || q) is `soft_cross_entropy` minus the entropy of p. It has the same gradient,
    and its minimum is 0. That gradient falls as 1 / T^2; the factor T^2 keeps the two
    parts in proportion when T changes (section 2 of Hinton et al. 2015).
    """
    soft = soft_cross_entropy(logits, target_logits, temperature)
    soft -= soft_cross_entropy(
        jax.lax.stop_gradient(target_logits), target_logits, temperature
    )
    hard = cross_entropy(logits, labels)
    return (1 - hard_weight) * temperature**2 * soft + hard_weight * hard


def soft_gradient(
    logits: Float[Array, "*batch classes"],
    target_logits: Float[Array, "*batch classes"],
    temperature: Float[Array, "*#batch"] | float = 1.0,
) -> Float[Array, "*batch classes"]:
    """dC/dz = (q - p) / T of `soft_cross_entropy` (eq. 2 of Hinton et al. 2015)."""
    q = jnp.exp(_log_softmax(logits, temperature))
    p = jnp.exp(_log_softmax(target_logits, temperature))
    return (q - p) / jnp.asarray(temperature)[..., None]


def matching_gradient(
    logits: Float[Array, "*batch classes"],
    target_logits: Float[Array, "*batch classes"],
    temperature: Float[Array, "*#batch"] | float,
) -> Float[Array, "*batch classes"]:
    """The limit of `soft_gradient` at high temperatures: (z - v) / (N T^2), where the
    logits z and targets v have mean 0 over the N classes. It is the gradient of half
    their squared distance, over N T^2 (eq. 4 of Hinton et al. 2015)."""
    difference = logits - target_logits
    difference -= jnp.mean(difference, axis=-1, keepdims=True)
    scale = logits.shape[-1] * jnp.asarray(temperature) ** 2
    return difference / scale[..., None]


def ensemble_logits(
    logits: Float[Array, "*batch members classes"], average: str = "arithmetic"
) -> Float[Array, "*batch classes"]:
    """Logits whose softmax is the members' mean probability, "arithmetic", or their
    normalised "geometric" mean. They can be softened at any temperature."""
    log_p = _log_softmax(logits, 1.0)
    if average == "geometric":
        return jnp.mean(log_p, axis=-2)
    if average != "arithmetic":
        raise ValueError(f"average: arithmetic or geometric, not {average!r}")
    return jax.nn.logsumexp(log_p, axis=-2) - jnp.log(logits.shape[-2])


def gaussian_kl(
    mean: Float[Array, "batch *rest"], std: Float[Array, "batch *rest"] | float = 1.0
) -> Float[Array, "batch"]:
    """KL(N(mean, std^2 I) || N(0, I)) in nats: the sum of (mean^2 + std^2 - log std^2 -
    1) / 2 over an example."""
    mean = mean.astype(jnp.promote_types(mean.dtype, jnp.float32))
    terms = jnp.square(mean) + jnp.square(std) - 2 * jnp.log(std) - 1
    return jnp.sum(terms, axis=range(1, mean.ndim)) / 2


def absolute_error(
    image: Float[Array, "batch *rest"], target: Float[Array, "batch *rest"]
) -> Float[Array, "batch"]:
    """The mean of |image - target|. Up to scale and a constant, it is -log of a
    Laplacian density around the image."""
    return jnp.mean(jnp.abs(image - target), axis=range(1, image.ndim))


def gan_discriminator(
    real_logits: Float[Array, "batch *grid"],
    fake_logits: Float[Array, "batch *grid"],
    kind: str = "nsgan",
) -> Float[Array, "batch"]:
    """What D minimises. "nsgan": -log D(real) - log(1 - D(fake)), D being the sigmoid
    of the logits (eq. 1 of Goodfellow et al. 2014); "lsgan": (D(real) - 1)^2 +
    D(fake)^2, without sigmoid (Mao et al. 2017). Means over the grid."""
    losses = {
        "nsgan": lambda real, fake: jax.nn.softplus(-real) + jax.nn.softplus(fake),
        "lsgan": lambda real, fake: jnp.square(real - 1) + jnp.square(fake),
    }
    loss = losses[kind](real_logits, fake_logits)
    return jnp.mean(loss, axis=range(1, loss.ndim))


def gan_generator(
    fake_logits: Float[Array, "batch *grid"], kind: str = "nsgan"
) -> Float[Array, "batch"]:
    """What G minimises. "nsgan": -log D(fake); "lsgan": (D(fake) - 1)^2; "minimax":
    log(1 - D(fake)), the value of the game, whose gradient vanishes where D is sure.
    Means over the grid."""
    losses = {
        "nsgan": lambda x: jax.nn.softplus(-x),
        "lsgan": lambda x: jnp.square(x - 1),
        "minimax": lambda x: -jax.nn.softplus(x),
    }
    return jnp.mean(losses[kind](fake_logits), axis=range(1, fake_logits.ndim))


def _log_softmax(
    logits: Float[Array, "*batch classes"], temperature: Float[Array, "*#batch"] | float
) -> Float[Array, "*batch classes"]:
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    temperature = jnp.asarray(temperature, logits.dtype)
    return jax.nn.log_softmax(logits / temperature[..., None], axis=-1)
