"""Fitting nets to pictures: the state, one step, and the quality of the pictures.

Every row has its own parameters, optimiser state and picture. Rows share nothing but
the program.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key, UInt8

from common import optim, rng
from common.brief import Brief
from common.image_metrics import luma, psnr, without_border
from common.metrics import Mean
from common.rows import each_row
from papers.deep_image_prior import data, energies, stopping
from papers.deep_image_prior.config import Config
from papers.deep_image_prior.history import (
    first_frames,
    first_history,
    recorded,
    with_frame,
)
from papers.deep_image_prior.model import network, output

Images = Float[Array, "rows height width channels"]


def _of_rows(**more: bool) -> Any:
    """A field of State whose first axis is the rows."""
    return struct.field(metadata={"batch_axis": 0, **more})


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any = _of_rows()
    opt_state: Any = _of_rows()
    z: Float[Array, "rows height width inputs"] = _of_rows()  # fixed, without jitter
    problem: dict[str, Images] = _of_rows()  # as of data.problems
    output: Images = _of_rows()  # of the last step, with its jitter
    average: Images = _of_rows()  # the running average of the outputs
    # What backtracking goes back to.
    snapshot: dict[str, Any] = _of_rows(training_only=True)
    answer: dict[str, Array] = _of_rows()  # the stop rule's
    history: dict[str, Float[Array, "rows samples"]] = _of_rows()  # of the qualities
    frames: UInt8[Array, "rows frames height width channels"] = _of_rows()


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step. `after` is unused: no run builds on another."""
    del after
    return start(config, key, data.problems(config))


def start(config: Config, key: Key[Array, ""], problem: dict[str, Images]) -> State:
    """The state before the first step on these pictures, which are as of
    `data.problems`. Restarts of a picture differ in z and in weights; rows of different
    pictures have the same."""
    restart = data.restart(config.data)
    keys = jax.vmap(partial(jax.random.fold_in, rng.stream(key, 0, "init")))(restart)
    z = _inputs(config, rng.stream(key, 0, "z"), restart, problem)
    draw = jax.jit(jax.vmap(lambda key, z: network(config).init(key, z[None])))
    params = draw(keys, z)["params"]
    opt_state = jax.vmap(_tx(config).init)(params)
    blank = jnp.zeros_like(problem["truth"])
    rows = len(restart)
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=params,
        opt_state=opt_state,
        z=z,
        problem=problem,
        output=blank,
        average=jnp.copy(blank),
        snapshot=stopping.first_snapshot(config.stop, (params, opt_state), rows),
        answer=stopping.first_answer(jnp.copy(blank)),
        history=first_history(config, rows),
        frames=first_frames(config, blank),
    )


def _inputs(
    config: Config,
    key: Key[Array, ""],
    restart: Int[np.ndarray, "rows"],
    problem: dict[str, Images],
) -> Float[Array, "rows height width inputs"]:
    """z: uniform noise, the coordinates (x, y) in [0, 1], or a picture."""
    m = config.model
    rows, height, width, _ = problem["truth"].shape
    if m.input == "image":
        return jnp.copy(problem["guide"])
    if m.input == "meshgrid":
        x, y = jnp.meshgrid(jnp.linspace(0, 1, width), jnp.linspace(0, 1, height))
        return jnp.broadcast_to(jnp.stack([x, y], -1), (rows, height, width, 2))
    keys = jax.vmap(partial(jax.random.fold_in, key))(restart)
    shape = height, width, m.input_channels
    return m.input_scale * jax.vmap(lambda key: jax.random.uniform(key, shape))(keys)


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """One iteration of every row.

    "loss" is the energy, the mean over rows. "psnr" of the output and "psnr_average" of
    the running average are in dB to the truth, or to the degraded picture where the
    truth is not known.
    """
    jitter = rng.stream(state.key, state.step, "jitter")
    keys = jax.vmap(partial(jax.random.fold_in, jitter))(batch["row"])
    before = state.params, state.opt_state
    with jax.default_matmul_precision(config.model.precision):
        loss, x, after = each_row(
            partial(_iterate, config), *before, state.z, state.problem, keys
        )
    decay = jnp.where(state.step > 0, config.task.average, 0.0)
    average = decay * state.average + (1 - decay) * x
    fit = -10 * jnp.log10(loss)
    snapshot, (params, opt_state) = stopping.backtrack(
        config.stop, state.step, state.snapshot, before, after, fit
    )
    answer = stopping.take_answer(config, state.step, state.answer, x, average, loss)
    truth = state.problem["truth"]
    qualities = {
        "fit": fit,
        "last": quality(config, x, truth),
        "average": quality(config, average, truth),
    }
    state = state.replace(
        step=state.step + 1,
        params=params,
        opt_state=opt_state,
        output=x,
        average=average,
        snapshot=snapshot,
        answer=answer,
        history=recorded(config, state.step, state.history, qualities),
        frames=with_frame(config, state.step, state.frames, x),
    )
    values = {
        "loss": loss,
        "psnr": qualities["last"],
        "psnr_average": qualities["average"],
    }
    return state, {
        name: Mean.of(value).across(axis_name).value for name, value in values.items()
    }


def _iterate(config: Config, params, opt_state, z, problem, key):
    """(energy, output, (params, opt_state)) of one row. The output is that of the old
    parameters at a jittered z, the energy is the output's, and the last pair is new."""
    if config.task.jitter:
        z += config.task.jitter * jax.random.normal(key, z.shape)

    def loss_fn(params):
        x = output(config, params, z)
        return energy(config, x, problem), x

    (loss, x), grads = jax.value_and_grad(loss_fn, has_aux=True)(params)
    updates, opt_state = _tx(config).update(grads, opt_state, params)
    return loss, x, (optax.apply_updates(params, updates), opt_state)


def energy(config: Config, x: Images, problem: dict[str, Images]):
    """The task's energy of each picture: eq. 3, 4 or 5."""
    observed = problem["observed"]
    match config.task.name:
        case "sr":
            return energies.super_resolution(x, observed, config.task.factor)
        case "inpaint" | "restore":
            return energies.inpainting(x, observed, problem["mask"])
    return energies.denoising(x, observed)


def quality(config: Config, x: Images, truth: Images) -> Float[Array, "rows"]:
    """PSNR in dB. Of super-resolved pictures it is that of Y, without a border as many
    pixels wide as the factor."""
    if config.task.name == "sr":
        if x.shape[-1] == 3:
            x = luma(x)
            truth = luma(truth)
        x, truth = (without_border(y, config.task.factor) for y in (x, truth))
    return psnr(x, truth)


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Mean]:
    """Means over rows: "loss", the energy of the output without jitter, "psnr_clean",
    its quality, and "psnr", the quality of the result."""
    clean = outputs(config, state)
    truth = state.problem["truth"]
    values = {
        "loss": energy(config, clean, state.problem),
        "psnr_clean": quality(config, clean, truth),
        "psnr": quality(config, restored(config, state, clean), truth),
    }
    means = {name: Mean.of(value, batch["mask"]) for name, value in values.items()}
    return {name: mean.across(axis_name) for name, mean in means.items()}


def outputs(config: Config, state: State) -> Images:
    """The outputs of all rows' nets at z, without jitter."""
    with jax.default_matmul_precision(config.model.precision):
        return each_row(partial(output, config), state.params, state.z)


def restored(config: Config, state: State, clean: Images | None = None) -> Images:
    """The restored pictures: the stop rule's answer if there is a rule, else what
    `task.result` says. `clean`: as of `outputs`, where they are known already."""
    if config.stop.rule != "none":
        return state.answer["image"]
    match config.task.result:
        case "average":
            return state.average
        case "last":
            return state.output
    return outputs(config, state) if clean is None else clean


def _tx(config: Config) -> optax.GradientTransformation:
    rate = optim.learning_rate(config.optim, config.loop.steps)
    return optim.optimiser(config.optim, rate)
