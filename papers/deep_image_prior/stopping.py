"""Going back when a fit breaks down, and taking the answer before the net fits noise.

Both live in arrays of the state, so that a step decides without waiting for the host.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from papers.deep_image_prior.config import Config, Stop

Images = Float[Array, "rows height width channels"]


def first_snapshot(config: Stop, learned: Any, rows: int) -> dict[str, Any]:
    """The snapshot before the first check.

    learned: parameters and optimiser state. They are restored together, as Adam's
    moments would push restored parameters back to where they were.
    """
    if not config.backtrack_every:
        return {}
    # Copies, as a buffer that the state holds twice cannot be donated.
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

    Every `backtrack_every` steps there is a check. A row breaks down if its fit is NaN,
    or lower than at the last check by more than `backtrack_drop`. It goes back to its
    snapshot, and this step is undone. The other rows are the new snapshot.

    Args:
      before: what was learned before the step, which made the output of this fit.
      after: what the step made of it.
      fit: in dB.
    """
    if not config.backtrack_every:
        return snapshot, after

    due = step % config.backtrack_every == 0
    fell = ~(fit >= snapshot["fit"] - config.backtrack_drop)  # NaN too
    fine = due & ~fell
    # Selected, as a lax.cond makes a step half as long again on a CPU.
    new_snapshot = {
        "learned": choose(fine, before, snapshot["learned"]),
        "fit": jnp.where(fine, fit, snapshot["fit"]),
    }
    return new_snapshot, choose(due & fell, snapshot["learned"], after)


def choose(rows: Bool[Array, "rows"], yes: Any, no: Any) -> Any:
    """Row by row: that of `yes` where `rows` is true, else that of `no`."""

    def leaf(a, b):
        return jnp.where(rows.reshape(-1, *(1,) * (a.ndim - 1)), a, b)

    return jax.tree.map(leaf, yes, no)


def first_answer(images: Images) -> dict[str, Array]:
    """The answer before the first step.

    "image" is the answer, "at" the step that it was taken after, and "least" the
    variance there. "variance" is the variance now, and "done" whether the answer is
    final.
    """
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
    """The answer after a step: the running average of the outputs at one of the steps.

    Rule "noise" takes the first step whose energy is at most the noise's variance
    (Morozov's principle). Rule "variance" takes the step at which the running variance
    of the outputs is least, and is final when `patience` steps bring no new minimum
    (ES-EMV of Wang et al. 2021). Without a rule the answer is the present average.
    """
    stop = config.stop
    decay = config.task.average
    spread = jnp.mean(jnp.square(output - average), (1, 2, 3))
    variance = decay * answer["variance"] + (1 - decay) * spread
    level = variance / (1 - decay ** (step + 1))  # a running mean that began at 0
    applies = step >= stop.after
    better = jnp.ones_like(answer["done"])
    done = jnp.zeros_like(answer["done"])
    if stop.rule == "variance":
        better = ~applies | (level < answer["least"])
        done = applies & (step - answer["at"] >= stop.patience)
    elif stop.rule == "noise":
        done = applies & (loss <= (config.task.sigma / 255) ** 2)
    better &= ~answer["done"]
    return {
        "image": choose(better, average, answer["image"]),
        "at": jnp.where(better, step, answer["at"]),
        "done": answer["done"] | done,
        "least": jnp.where(better & applies, level, answer["least"]),
        "variance": variance,
    }
