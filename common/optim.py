"""Optimisers and schedules from a config, and gradients in chunks.

`Optim` has the settings that most papers use. A paper that needs more adds transforms
to the chain, its own or those below:

    optim.optimiser(config.optim, rate, after=[optim.scaled_modules(("head",), 0.1)])
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree

from common.contract import UserError
from common.metrics import Mean
from common.sections import Optim


def learning_rate(config: Optim, steps: int) -> optax.Schedule:
    """The rate as a function of the step, over a run of `steps` steps, or where the
    schedule ends before them."""
    schedule = config.schedule
    peak = config.lr
    start = schedule.warmup if schedule.decay_from_warmup else 0
    span = max((schedule.steps or steps) - start, 1)
    decays = {
        "constant": lambda: optax.constant_schedule(peak),
        "cosine": lambda: optax.cosine_decay_schedule(peak, span, schedule.floor),
        "linear": lambda: optax.linear_schedule(peak, peak * schedule.floor, span),
        "step": lambda: optax.piecewise_constant_schedule(
            peak, {step - start: schedule.factor for step in schedule.boundaries}
        ),
    }
    decay = decays[schedule.decay]()

    def rate(step: Int[Array, ""] | int) -> Float[Array, ""]:
        rise = jnp.minimum(step / max(schedule.warmup, 1), 1.0)
        warm = (schedule.warmup_at or rise) * peak
        return jnp.where(step < schedule.warmup, warm, decay(step - start))

    return rate


Mask = Callable[[PyTree], PyTree]  # parameters -> a tree of bools
Transforms = Sequence[optax.GradientTransformation]


def matrices(params: PyTree) -> PyTree:
    """True for arrays of two or more axes, False for biases and the gains of a norm."""
    return jax.tree.map(lambda p: p.ndim >= 2, params)


def optimiser(
    config: Optim,
    rate: optax.Schedule,
    *,
    decayed: Mask | None = matrices,
    before: Transforms = (),
    after: Transforms = (),
) -> optax.GradientTransformation:
    """A chain: clipping, weight decay, direction, learning rate, and the running
    average of the parameters. For adamw, weight decay follows the direction.

    Args:
      rate: the learning rate by step, of `learning_rate` or a paper's own.
      decayed: which parameters `weight_decay` applies to; None: all.
      before: transforms of the gradient, ahead of all others.
      after: transforms of the finished update, ahead of the running average.
    """
    clip = optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else None
    decay = None
    if config.weight_decay:
        decay = optax.add_decayed_weights(config.weight_decay, decayed)
    decoupled = config.name == "adamw"
    average = parameter_average(config.ema) if config.ema else None
    transforms = [
        *before,
        clip,
        None if decoupled else decay,
        _direction(config),
        decay if decoupled else None,
        optax.scale_by_learning_rate(rate),
        *after,
        average,
    ]
    return optax.chain(*(t for t in transforms if t is not None))


def _direction(config: Optim) -> optax.GradientTransformation | None:
    if config.name == "sgd":
        return optax.trace(config.momentum) if config.momentum else None
    return optax.scale_by_adam(b1=config.b1, b2=config.b2, eps=config.eps)


def scaled_modules(
    modules: Sequence[str], factor: float
) -> optax.GradientTransformation:
    """Multiplies the updates of `modules` by `factor`: a learning rate of their own.

    UserError: there is no parameter in any of them."""

    def chosen(params: PyTree) -> PyTree:
        def inside(path, _):
            return any(getattr(key, "key", None) in modules for key in path)

        mask = jax.tree_util.tree_map_with_path(inside, params)
        if not any(jax.tree.leaves(mask)):
            raise UserError(f"no parameters in modules {', '.join(modules)}")
        return mask

    return optax.masked(optax.scale(factor), chosen)


class ParameterAverage(NamedTuple):
    """The state of `parameter_average`."""

    average: PyTree


def parameter_average(decay: float) -> optax.GradientTransformation:
    """Keeps `decay * average + (1 - decay) * params` in the optimiser's state. It is
    the last of a chain, where the updates are final."""

    def update(updates, state, params):
        moved = optax.apply_updates(params, updates)
        average = optax.incremental_update(moved, state.average, 1.0 - decay)
        return updates, ParameterAverage(average)

    # A copy, because a step donates both: they cannot share one buffer.
    def init(params):
        return ParameterAverage(jax.tree.map(jnp.copy, params))

    return optax.GradientTransformation(init, update)


def ema_params(opt_state: PyTree, params: PyTree) -> PyTree:
    """The running average in `opt_state`, or `params` where none is kept."""
    for part in opt_state:
        if isinstance(part, ParameterAverage):
            return part.average
    return params


def averages(opt_state: PyTree) -> PyTree:
    """`opt_state` with None in place of all arrays but those of running averages:
    `ema_params` finds in it what it finds in the whole."""

    def kept(part):
        return part if isinstance(part, ParameterAverage) else None

    return jax.tree.map(
        kept, opt_state, is_leaf=lambda part: isinstance(part, ParameterAverage)
    )


class Objective(NamedTuple):
    """What a loss function returns."""

    loss: Mean
    rows: PyTree = ()  # leaves [rows, ...], handed back in the batch's order
    aux: PyTree = ()  # floats, averaged over chunks and devices


class Gradients(NamedTuple):
    """What `gradients` returns."""

    grads: PyTree  # of the mean loss, in the structure of the parameters
    loss: Float[Array, ""]  # the mean over all rows
    rows: PyTree
    aux: PyTree


LossFn = Callable[[PyTree, PyTree, Array], Objective]


def gradients(
    loss_fn: LossFn,
    params: PyTree,
    rows: PyTree,
    *,
    chunks: int = 1,
    axis_name: str | None = None,
) -> Gradients:
    """The gradient of the mean loss over all rows of a batch.

    The batch is cut into `chunks` equal chunks, and `loss_fn(params, rows, chunk)` gets
    the rows of each and its number, one after another. Totals and counts are summed
    before they are divided, so that the result is that of one big batch, however ragged
    the masks are. `Objective.aux` may hold metrics as `Mean`s, whose value survives
    averaging, and BatchNorm's new statistics: each chunk normalises by its own, and the
    running ones move once a batch, towards the average over its chunks.

    Args:
      rows: a tree of arrays whose first axis is the batch's.
      axis_name: of a pmap, a vmap, or a shard_map with check_vma=False.
    """

    def total(params, rows, chunk):
        objective = loss_fn(params, rows, chunk)
        return objective.loss.total, objective

    grad_fn = jax.grad(total, has_aux=True)

    def add(sums, chunk):
        number, chunk_rows = chunk
        grads, objective = grad_fn(params, chunk_rows, number)
        sums = jax.tree.map(jnp.add, sums, (grads, objective.loss))
        return sums, (objective.rows, objective.aux)

    if chunks == 1:
        grads, (loss, row_outputs, aux) = grad_fn(params, rows, jnp.int32(0))
    else:
        nothing = Mean(jnp.zeros(()), jnp.zeros(()))
        zeros = (jax.tree.map(jnp.zeros_like, params), nothing)
        xs = (jnp.arange(chunks), jax.tree.map(lambda x: _split(x, chunks), rows))
        (grads, loss), (row_outputs, aux) = jax.lax.scan(add, zeros, xs)
        row_outputs = jax.tree.map(_join, row_outputs)
        aux = jax.tree.map(lambda x: jnp.mean(x, 0), aux)
    if axis_name is not None:
        grads = jax.lax.psum(grads, axis_name)
        aux = jax.lax.pmean(aux, axis_name)
    loss = loss.across(axis_name)
    grads = jax.tree.map(lambda g: g / jnp.maximum(loss.count, 1e-9), grads)
    return Gradients(grads, loss.value, row_outputs, aux)


def _split(x: Array, chunks: int) -> Array:
    """[batch, ...] -> [chunks, batch / chunks, ...]. A chunk takes every chunks-th row,
    so that all devices of a sharded batch have rows in it and none moves."""
    if x.shape[0] % chunks:
        raise UserError(
            f"config.optim.accumulate={chunks} does not divide the {x.shape[0]} rows "
            "of a batch (under pmap, of a device's share)"
        )
    # -1 instead of the first size would fail on an empty array.
    x = x.reshape(x.shape[0] // chunks, chunks, *x.shape[1:])
    return jnp.swapaxes(x, 0, 1)


def _join(x: Array) -> Array:
    """The inverse of `_split`."""
    x = jnp.swapaxes(x, 0, 1)
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])
