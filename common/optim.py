"""Optimisers and schedules from a config, and gradients in chunks."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PyTree

from common.contract import UserError
from common.metrics import Mean


@dataclasses.dataclass
class Optim:
    """`config.optim`. Fields that the chosen optimiser does not know are ignored."""

    name: str = "adam"  # adam, adamw, sgd
    lr: float = 1e-3  # the peak
    schedule: str = "cosine"  # constant, cosine, linear, step
    warmup: int = 0  # steps from 0 to lr
    warmup_at: float = 0.0  # not 0: no rise, but this fraction of lr until then
    decay_from_warmup: bool = True  # False: the decay's clock starts at step 0
    floor: float = 0.0  # the decay ends here, as a fraction of lr
    boundaries: tuple[int, ...] = ()  # schedule "step": where lr is multiplied ...
    factor: float = 0.1  # ... by this
    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0  # decoupled for adamw, an L2 gradient for adam and sgd
    decay_biases: bool = False  # False: only arrays of two or more axes decay
    clip_norm: float = 0.0  # global norm; 0 never clips
    slower: tuple[str, ...] = ()  # modules whose parameters move less, by ...
    slower_by: float = 0.1  # ... this factor
    accumulate: int = 1  # chunks a batch is computed in
    ema: float = 0.0  # decay of the running average of the parameters; 0 keeps none


def schedule(config: Optim, steps: int) -> optax.Schedule:
    """Learning rate as a function of the step, over a run of `steps` steps."""
    start = config.warmup if config.decay_from_warmup else 0
    span = max(steps - start, 1)
    decays = {
        "constant": lambda: optax.constant_schedule(config.lr),
        "cosine": lambda: optax.cosine_decay_schedule(config.lr, span, config.floor),
        "linear": lambda: optax.linear_schedule(
            config.lr, config.lr * config.floor, span
        ),
        "step": lambda: optax.piecewise_constant_schedule(
            config.lr, {b - start: config.factor for b in config.boundaries}
        ),
    }
    decay = _choose("optim.schedule", config.schedule, decays)()

    def rate(step):
        rise = jnp.minimum(step / max(config.warmup, 1), 1.0)
        warm = (config.warmup_at or rise) * config.lr
        return jnp.where(step < config.warmup, warm, decay(step - start))

    return rate


def optimiser(config: Optim, steps: int) -> optax.GradientTransformation:
    """Clip, decay, direction, learning rates and parameter average, in that order."""
    moments = {"b1": config.b1, "b2": config.b2, "eps": config.eps}
    momentum = config.momentum or None
    directions = {
        "adam": lambda: optax.scale_by_adam(**moments),
        "adamw": lambda: optax.scale_by_adam(**moments),
        "sgd": lambda: optax.trace(momentum, config.nesterov) if momentum else None,
    }
    direction = _choose("optim.name", config.name, directions)()
    decay = None
    if config.weight_decay:
        mask = None if config.decay_biases else _matrices
        decay = optax.add_decayed_weights(config.weight_decay, mask)
    decoupled = config.name == "adamw"
    transforms = [
        optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else None,
        None if decoupled else decay,
        direction,
        decay if decoupled else None,
        optax.scale_by_learning_rate(schedule(config, steps)),
        _slowed(config) if config.slower else None,
        parameter_average(config.ema) if config.ema else None,
    ]
    return optax.chain(*(t for t in transforms if t is not None))


def _slowed(config: Optim) -> optax.GradientTransformation:
    """A lower learning rate for the modules in `slower`, by their names."""

    def chosen(params: PyTree) -> PyTree:
        def inside(path, _):
            return any(getattr(k, "key", None) in config.slower for k in path)

        mask = jax.tree_util.tree_map_with_path(inside, params)
        if not any(jax.tree.leaves(mask)):
            names = ", ".join(config.slower)
            raise UserError(f"config.optim.slower: no parameters in modules {names}")
        return mask

    return optax.masked(optax.scale(config.slower_by), chosen)


def _matrices(params: PyTree) -> PyTree:
    return jax.tree.map(lambda p: p.ndim >= 2, params)


def _choose(field: str, name: str, choices: dict[str, Any]) -> Any:
    if name not in choices:
        raise UserError(f"config.{field}={name!r}: choose one of {', '.join(choices)}")
    return choices[name]


class ParameterAverage(NamedTuple):
    average: PyTree


def parameter_average(decay: float) -> optax.GradientTransformation:
    """Keeps `decay * average + (1 - decay) * params` in the optimiser's state. Goes
    last in a chain, where the updates are what the parameters will move by."""

    def update(updates, state, params):
        moved = optax.apply_updates(params, updates)
        average = optax.incremental_update(moved, state.average, 1.0 - decay)
        return updates, ParameterAverage(average)

    # A copy: were it the parameters' own buffer, it could not be donated with them.
    def init(params):
        return ParameterAverage(jax.tree.map(jnp.copy, params))

    return optax.GradientTransformation(init, update)


def averaged(opt_state: PyTree, params: PyTree) -> PyTree:
    """The running average in `opt_state`, or `params` where none is kept."""
    for part in opt_state:
        if isinstance(part, ParameterAverage):
            return part.average
    return params


LossFn = Callable[[PyTree, PyTree, Array], tuple[Mean, PyTree, PyTree]]


def gradients(
    loss_fn: LossFn,
    params: PyTree,
    rows: PyTree,
    *,
    chunks: int = 1,
    axis_name: str | None = None,
) -> tuple[PyTree, Float[Array, ""], PyTree, PyTree]:
    """Gradient of the mean loss over all rows, computed `chunks` rows-groups at a time.

    `loss_fn(params, rows, chunk) -> (Mean, carried, averaged)`; every leaf of `rows`
    and of `carried` has the batch axis first. Totals and counts are summed before the
    division, so the result is that of one big batch however ragged the masks are.
    `averaged`, any tree of floats, is averaged over chunks and devices. Metrics go
    there as `Mean`s, whose value that leaves right, and so do BatchNorm's new
    statistics: each chunk normalises by its own, and the running ones move once a
    batch, towards the average over its chunks.
    `axis_name` is pmap's, vmap's, or that of a shard_map with check_vma=False.
    Returns (gradient, mean loss, carried rows in their old order, averaged).
    """

    def total(params, rows, chunk):
        loss, carried, averaged = loss_fn(params, rows, chunk)
        return loss.total, (loss, carried, averaged)

    grad_fn = jax.grad(total, has_aux=True)

    def add(sums, chunk_rows):
        grads, (loss, *kept) = grad_fn(params, chunk_rows[1], chunk_rows[0])
        return jax.tree.map(jnp.add, sums, (grads, loss)), kept

    if chunks == 1:
        grads, (loss, carried, averaged) = grad_fn(params, rows, jnp.int32(0))
    else:
        nothing = Mean(jnp.zeros(()), jnp.zeros(()))
        zeros = (jax.tree.map(jnp.zeros_like, params), nothing)
        xs = (jnp.arange(chunks), jax.tree.map(lambda x: _split(x, chunks), rows))
        (grads, loss), (carried, averaged) = jax.lax.scan(add, zeros, xs)
        carried = jax.tree.map(_join, carried)
        averaged = jax.tree.map(lambda x: jnp.mean(x, 0), averaged)
    if axis_name is not None:
        grads = jax.lax.psum(grads, axis_name)
        averaged = jax.lax.pmean(averaged, axis_name)
    loss = loss.across(axis_name)
    grads = jax.tree.map(lambda g: g / jnp.maximum(loss.count, 1e-9), grads)
    return grads, loss.value, carried, averaged


def _split(x: Array, chunks: int) -> Array:
    """[batch, ...] -> [chunks, batch / chunks, ...], every chunks-th row together: with
    the batch axis sharded, each device then keeps the rows it has."""
    if x.shape[0] % chunks:
        raise UserError(
            f"config.optim.accumulate={chunks} does not divide the {x.shape[0]} rows "
            "of a batch (under pmap, of a device's share)"
        )
    # Not -1 for the first: the array may be empty.
    x = x.reshape(x.shape[0] // chunks, chunks, *x.shape[1:])
    return jnp.swapaxes(x, 0, 1)


def _join(x: Array) -> Array:
    """The inverse of `_split`."""
    x = jnp.swapaxes(x, 0, 1)
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])
