"""The teacher's logits of the training images. They are logits, not probabilities, so
that the temperature stays free. A trained run computes them, once or at every step, or
a file holds them."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from common.contract import UserError
from common.files import weights
from common.losses import ensemble_logits
from papers.distillation import model
from papers.distillation.config import Net

CHUNK = 500  # images


def logits(
    net: Net,
    classes: int,
    average: str,
    variables: dict[str, Any],
    images: UInt8[Array, "*batch height width channels"],
) -> Float[Array, "*batch classes"]:
    """The ensemble's logits, without dropout; no gradient passes."""
    flat = images.reshape(-1, 1, *images.shape[-3:])
    members = model.apply(net, classes, variables, flat)
    mixed = jax.lax.stop_gradient(ensemble_logits(members, average))
    return mixed.reshape(*images.shape[:-3], classes)


def cached(
    net: Net,
    classes: int,
    average: str,
    variables: dict[str, Any],
    images: UInt8[np.ndarray, "n *shape"],
) -> Float[Array, "n classes"]:
    """As `logits`, computed for CHUNK images at a time."""
    n = len(images)
    size = min(CHUNK, n)
    padded = np.pad(images, [(0, -n % size), *[(0, 0)] * (images.ndim - 1)])
    chunks = jnp.asarray(padded.reshape(-1, size, *images.shape[1:]))
    found = jax.lax.map(lambda x: logits(net, classes, average, variables, x), chunks)
    return found.reshape(-1, classes)[:n]


def write(path: str | Path, table: Float[np.ndarray, "n classes"]) -> None:
    """Writes logits of the training split, in its order, as .npz or .safetensors."""
    weights.write(path, {"logits": np.asarray(table, np.float32)})


def read(path: str | Path, n: int, classes: int) -> Float[np.ndarray, "n classes"]:
    """The logits in a file of `write`. UserError: they are not those of `n` images and
    `classes` classes."""
    table = weights.read(path).get("logits")
    if table is None or table.shape != (n, classes):
        found = "no logits" if table is None else f"logits {[*table.shape]}"
        raise UserError(
            f"{str(path)!r} has {found}, and the training split needs {[n, classes]}: "
            "it is of another set"
        )
    if not np.isfinite(table).all():
        raise UserError(f"{str(path)!r} has logits that are no numbers")
    return table
