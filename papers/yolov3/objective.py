"""The loss of a detector (section 2.1), whose gradient is darknet's.

The paper speaks of squared errors. darknet writes gradients down: sigmoid(t_x) - x for
a centre, which is that of a cross-entropy. `losses` is the function whose gradient that
is, and `printed_loss` the number that darknet logs as its loss, which it does not
minimise: the squared length of the gradient.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from papers.yolov3.decode import Grid, offset_of
from papers.yolov3.targets import Targets


class Parts(NamedTuple):
    """The terms of an image's loss, in nats but for `sides`; `total` is their sum."""

    centre: Float[Array, "batch"]
    sides: Float[Array, "batch"]
    objectness: Float[Array, "batch"]
    classes: Float[Array, "batch"]

    @property
    def total(self) -> Float[Array, "batch"]:
        return self.centre + self.sides + self.objectness + self.classes


def binary_cross_entropy(
    logits: Float[Array, "*shape"], labels: Float[Array, "*#shape"]
) -> Float[Array, "*shape"]:
    """-y log p - (1 - y) log(1 - p) in nats, whose gradient is p - y for any y."""
    return jax.nn.softplus(logits) - labels * logits


def focal(
    logits: Float[Array, "*shape"],
    labels: Float[Array, "*#shape"],
    gamma: float,
    alpha: float,
) -> Float[Array, "*shape"]:
    """alpha_t (1 - p_t)^gamma times the cross-entropy (eq. 5 of Lin et al. 2017), where
    p_t is the probability of the true answer."""
    p = jax.nn.sigmoid(logits)
    wrong = jnp.abs(labels - p)
    weight = labels * alpha + (1 - labels) * (1 - alpha)
    # A power has no gradient at 0 for gamma below 1.
    wrong = jnp.maximum(wrong, 1e-12)
    return weight * wrong**gamma * binary_cross_entropy(logits, labels)


def losses(
    raw: Float[Array, "batch slots outputs"],
    targets: Targets,
    grid: Grid,
    *,
    xy: str = "logistic",
    gamma: float = 0.0,
    alpha: float = 0.25,
) -> Parts:
    """The terms of every image's loss, summed over its slots.

    A positive slot pays for its box, its objectness and all its classes; any other that
    is not ignored pays for its objectness.

    Args:
      targets: fields with the batch as first axis.
      xy: how `decode.offset_of` places a centre. "logistic" pays a cross-entropy, the
        others half the squared error.
      gamma: above 0, objectness and classes pay `focal` instead.
    """
    entropy = binary_cross_entropy
    if gamma:
        entropy = lambda logits, labels: focal(logits, labels, gamma, alpha)  # noqa: E731
    positive = targets.positive.astype(jnp.float32)
    counted = 1.0 - targets.ignored
    box = positive * targets.scale
    if xy == "logistic":
        centre = binary_cross_entropy(raw[..., :2], targets.offset)
    else:
        centre = jnp.square(targets.offset - offset_of(raw, grid, xy)) / 2
    sides = jnp.square(targets.log_sides - raw[..., 2:4]) / 2
    classes = jnp.sum(entropy(raw[..., 5:], targets.classes), -1)
    return Parts(
        centre=_over_slots(jnp.sum(centre, -1), box),
        sides=_over_slots(jnp.sum(sides, -1), box),
        objectness=_over_slots(entropy(raw[..., 4], positive), counted),
        classes=_over_slots(classes, positive),
    )


def _over_slots(
    values: Float[Array, "batch slots"], weights: Float[Array, "batch slots"]
) -> Float[Array, "batch"]:
    """Weights of 0 hide what has no meaning, infinities among it."""
    return jnp.sum(jnp.where(weights > 0, values, 0.0) * weights, axis=-1)


def floor(targets: Targets) -> Float[Array, "batch"]:
    """The least that `Parts.centre` can be: the entropy of the targets, up to ln 2 for
    each coordinate. Subtract it to see how far a curve is from its end."""
    x = jnp.clip(targets.offset, 1e-7, 1 - 1e-7)
    entropy = -x * jnp.log(x) - (1 - x) * jnp.log1p(-x)
    return _over_slots(jnp.sum(entropy, -1), targets.positive * targets.scale)


def printed_loss(
    raw: Float[Array, "batch slots outputs"],
    targets: Targets,
    scales: int,
) -> Float[Array, "batch"]:
    """What darknet prints: the squared gradient of an image's loss, summed over all
    outputs, as a mean over the scales."""
    positive = targets.positive.astype(jnp.float32)
    box = (positive * targets.scale)[..., None]
    p = jax.nn.sigmoid(raw)
    gradient = jnp.concatenate(
        [
            box * (p[..., :2] - targets.offset),
            box * (raw[..., 2:4] - targets.log_sides),
            ((1.0 - targets.ignored) * (p[..., 4] - positive))[..., None],
            positive[..., None] * (p[..., 5:] - targets.classes),
        ],
        axis=-1,
    )
    counted = jnp.where(jnp.isfinite(gradient), gradient, 0.0)
    return jnp.sum(jnp.square(counted), axis=(1, 2)) / scales
