"""Going back when the fit breaks, and taking the answer before it becomes noise.

All of it is arrays in the state: a step decides without asking the host.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from papers.deep_image_prior.config import Config, Stop

Images = Float[Array, "rows height width channels"]


def first_snapshot(config: Stop, learned: Any, rows: int) -> dict[str, Any]:
    """Before the first check. `learned`: parameters and optimiser state, as they are to
    be restored together: moments of other parameters would push them back."""
    if not config.backtrack_every:
        return {}
    # Copies: one buffer under two names could not be donated.
    return {
        "learned": jax.tree.map(jnp.copy, learned),
        "fit": jnp.full(rows, -jnp.inf, jnp.float32),
    }


def backtrack(
    config: Stop,
    step: Int[Array, ""],
    snapshot: dict[str, Any],
    before: Any,
    after: Any,
    fit: Float[Array, "rows"],
) -> tuple[dict[str, Any], Any]:
    """(snapshot, learned) after a step.

    Every `backtrack_every` steps, a row whose fit, in dB, is lower than at the last
    check by more than `backtrack_drop`, or NaN, returns to what it was there, this step
    undone; any other becomes the new snapshot. `before`: what made the output of this
    fit.
    """
    if not config.backtrack_every:
        return snapshot, after

    due = step % config.backtrack_every == 0
    fell = ~(fit >= snapshot["fit"] - config.backtrack_drop)  # NaN too
    new, back = due & ~fell, due & fell
    # Selected, not in a lax.cond: on a CPU that costs a step another half.
    kept = {
        "learned": choose(new, before, snapshot["learned"]),
        "fit": jnp.where(new, fit, snapshot["fit"]),
    }
    return kept, choose(back, snapshot["learned"], after)


def choose(rows: Bool[Array, "rows"], yes: Any, no: Any) -> Any:
    """The rows of `yes` where `rows`, else of `no`."""

    def leaf(a, b):
        return jnp.where(rows.reshape(-1, *(1,) * (a.ndim - 1)), a, b)

    return jax.tree.map(leaf, yes, no)


def first_answer(images: Images) -> dict[str, Array]:
    """Before the first step. `image` is the answer, taken after step `at`; `least` is
    the variance there, and `variance` the present one."""
    rows = images.shape[0]
    return {
        "image": images,
        "at": jnp.zeros(rows, jnp.int32),
        "done": jnp.zeros(rows, bool),
        "least": jnp.full(rows, jnp.inf, jnp.float32),
        "variance": jnp.zeros(rows),
    }


def take_answer(
    config: Config,
    step: Int[Array, ""],
    answer: dict[str, Array],
    output: Images,
    average: Images,
    loss: Float[Array, "rows"],
) -> dict[str, Array]:
    """The answer after a step, which is a running average of outputs.

    "noise": the first one at which the energy is no more than the noise's variance
    (Morozov's principle). "variance": where a running variance of the outputs is least;
    it is final when `patience` steps bring no new minimum (ES-EMV of Wang et al. 2021).
    "none": the present average.
    """
    stop, decay = config.stop, config.task.average
    spread = jnp.mean(jnp.square(output - average), (1, 2, 3))
    variance = decay * answer["variance"] + (1 - decay) * spread
    level = variance / (1 - decay ** (step + 1))  # a running mean that began at 0
    asked = step >= stop.after
    better = jnp.ones_like(answer["done"])
    done = jnp.zeros_like(answer["done"])
    if stop.rule == "variance":
        better = ~asked | (level < answer["least"])
        done = asked & (step - answer["at"] >= stop.patience)
    elif stop.rule == "noise":
        done = asked & (loss <= (config.task.sigma / 255) ** 2)
    better &= ~answer["done"]
    return {
        "image": choose(better, average, answer["image"]),
        "at": jnp.where(better, step, answer["at"]),
        "done": answer["done"] | done,
        "least": jnp.where(better & asked, level, answer["least"]),
        "variance": variance,
    }
