"""The Adam of the released fine-tuning code (openai/finetune-transformer-lm, opt.py).

It differs from optax's in two places: ε stands beside √v before the correction of the
bias, and the decay of the weights has the corrected rate as well.
"""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree

from common.optim import matrices, parameter_average
from common.sections import Optim


def factor(
    step: Int[Array, ""] | int, steps: int, warmup: float
) -> Float[Array, ""] | float:
    """What multiplies the peak rate in the update after `step` steps. With x = step /
    steps: x / warmup · (1 - x) up to the share `warmup`, then 1 - x. The first update
    has rate 0."""
    x = step / max(steps, 1)
    rise = jnp.where(x <= warmup, x / (warmup or 1.0), 1.0)
    return rise * jnp.maximum(1 - x, 0.0)


def released_adam(
    config: Optim, steps: int, warmup: float
) -> optax.GradientTransformation:
    """Clipping to `clip_norm`, then for update t = 1, 2, ...

        r = lr · factor(t - 1) · √(1 - b2^t) / (1 - b1^t)
        p -= r · (m / (√v + eps) + weight_decay · p)

    with the decay for arrays of two or more axes alone.
    """
    clip = optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else None
    average = parameter_average(config.ema) if config.ema else None
    parts = (clip, _adam(config, steps, warmup), average)
    return optax.chain(*(part for part in parts if part is not None))


def _adam(config: Optim, steps: int, warmup: float) -> optax.GradientTransformation:
    b1, b2, decay = config.b1, config.b2, config.weight_decay

    def init(params: PyTree) -> optax.ScaleByAdamState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        # A copy, because a step donates both: they cannot share one buffer.
        copied = jax.tree.map(jnp.copy, zeros)
        return optax.ScaleByAdamState(jnp.zeros((), jnp.int32), zeros, copied)

    def update(grads, state, params):
        mean = optax.tree.update_moment(grads, state.mu, b1, 1)
        square = optax.tree.update_moment(grads, state.nu, b2, 2)
        time = state.count + 1
        rate = config.lr * factor(state.count, steps, warmup)
        rate *= jnp.sqrt(1 - b2**time) / (1 - b1**time)

        def moved(p, m, v, decayed):
            direction = m / (jnp.sqrt(v) + config.eps)
            return -rate * (direction + decay * p if decayed else direction)

        updates = jax.tree.map(moved, params, mean, square, matrices(params))
        return updates, optax.ScaleByAdamState(time, mean, square)

    return optax.GradientTransformation(init, update)
