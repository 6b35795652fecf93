"""Training ESPCN and SRCNN: the state, one step, and the error on whole images."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key

from common import optim, rng
from common.brief import Brief
from common.image_metrics import luma, psnr
from common.metrics import Mean
from papers.espcn import weights
from papers.espcn.config import Config
from papers.espcn.model import High, Low, Sizes, Upscaler, centred, inside


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any
    opt_state: Any


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step. `after` is unused: no run builds on another."""
    del after
    params = _params(config, rng.stream(key, 0, "init"))
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=params,
        opt_state=_tx(config).init(params),
    )


def _params(config: Config, key: Key[Array, ""]) -> Any:
    """Random parameters; ESPCN's are those of `config.weights` where that is given."""
    c = config.model

    def random(key):
        low = jnp.zeros((1, config.data.patch, config.data.patch, c.channels))
        return centred(Upscaler(c).init(key, low)["params"])

    if config.weights and c.upscaling == "last":
        return weights.load(config.weights, c, jax.eval_shape(random, key))
    return jax.jit(random)(key)


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """One step on a batch of patches (`data.batch_spec`). "loss" is the mean squared
    error (eq. 5), "psnr" its decibels."""

    def loss_fn(params, rows, chunk):
        high = forward(config, params, rows["low"])
        return optim.Objective(Mean.of(squared_error(high, rows["high"])))

    found = optim.gradients(
        loss_fn,
        state.params,
        batch,
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )
    updates, opt_state = _tx(config).update(found.grads, state.opt_state, state.params)
    metrics = {
        "loss": found.loss,
        "psnr": -10 * jnp.log10(found.loss),
        "lr": _rate(config)(state.step),
    }
    state = state.replace(
        step=state.step + 1,
        params=optax.apply_updates(state.params, updates),
        opt_state=opt_state,
    )
    return state, metrics


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Mean]:
    """Means over whole images: "loss", the squared error, and "psnr" in dB, that of Y,
    clipped, without a border of `scale` pixels."""
    params = optim.ema_params(state.opt_state, state.params)
    r = config.model.scale
    high = batch["high"]
    sizes = batch["sizes"]
    upscaled = forward(config, params, batch["low"], sizes)
    counted = inside(high, sizes * r)
    error = squared_error(upscaled, high, jnp.broadcast_to(counted, high.shape))
    y = upscaled
    reference = high
    if config.model.channels == 3:
        y = luma(jnp.clip(y, 0, 1))
        reference = luma(reference)
    decibels = psnr(y, reference, where=inside(high, sizes * r, border=r))
    values = {"loss": error, "psnr": decibels}
    means = {name: Mean.of(value, batch["mask"]) for name, value in values.items()}
    return {name: mean.across(axis_name) for name, mean in means.items()}


def forward(config: Config, params: Any, low: Low, sizes: Sizes | None = None) -> High:
    """The images at `scale` times the resolution, not clipped."""
    return Upscaler(config.model).apply({"params": params}, low, sizes)


def squared_error(
    high: High, target: High, where: Array | None = None
) -> Float[Array, "batch"]:
    """Eq. 5 of Shi et al. 2016, for each image: the mean over its pixels, or over those
    in `where`. Outputs are not clipped, as a clipped one would get no gradient."""
    return jnp.mean(jnp.square(high - target), axis=(1, 2, 3), where=where)


def _tx(config: Config) -> optax.GradientTransformation:
    """The last layer learns at `config.last_layer_rate` times the others' rate."""
    last = f"layer{len(config.model.kernels)}"
    slower = optim.scaled_modules((last,), config.last_layer_rate)
    after = [slower] if config.last_layer_rate != 1 else []
    return optim.optimiser(config.optim, _rate(config), after=after)


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)
