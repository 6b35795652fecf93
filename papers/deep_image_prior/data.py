"""The rows of a batch, and what each row is restored from.

A row is one picture with a net of its own. The rows are the targets of the first
picture, then those of the next, and so on. Further rows are restarts: the same pictures
again, with other random weights.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from common.data.pipeline import pipeline
from common.resize import enlarge
from papers.deep_image_prior.config import Config, Data
from papers.deep_image_prior.degrade import degraded, guide_of, mask_of, target_of
from papers.deep_image_prior.pictures import names_of, read_named

Problem = dict[str, Float[np.ndarray, "height width channels"]]


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`: the numbers of this process's rows, the same at every
    step. The pictures themselves are in the state. UserError: there are no pictures."""
    names_of(config.data)  # raises the error
    count = config.data.batch_size // process_count
    first = process_index * count
    rows = np.arange(first, first + count, dtype=np.int32)
    if split == "train":
        return pipeline(_Constant(rows))
    return iter([{"row": rows, "mask": np.ones(count, np.float32)}])


@dataclasses.dataclass(frozen=True)
class _Constant:
    """A data set of one item."""

    rows: Int[np.ndarray, "rows"]

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {"row": self.rows}


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch."""
    rows = (config.data.batch_size,)
    spec = {"row": jax.ShapeDtypeStruct(rows, jnp.int32)}
    if split != "train":
        spec["mask"] = jax.ShapeDtypeStruct(rows, jnp.float32)
    return spec


def restart(data: Data) -> Int[np.ndarray, "rows"]:
    """For each row, how many rows before it have the same picture and target."""
    return np.arange(data.batch_size) // _items(data)


def _items(data: Data) -> int:
    """How many rows differ in more than their weights: pictures times targets."""
    pictures = 1 if _nowhere(data) else len(names_of(data))
    return pictures * len(data.targets)


def _nowhere(data: Data) -> bool:
    """Whether the config does not say yet where its pictures are."""
    return data.source == "files" and not data.root


def row_name(config: Config, row: int) -> str:
    """A row's label: its picture, or its target if there are several, and the number of
    the restart."""
    names = names_of(config.data)
    targets = config.data.targets
    name = Path(names[row // len(targets) % len(names)]).stem
    if len(targets) > 1:
        name = targets[row % len(targets)].replace("_", " + ")
    number = row // (len(names) * len(targets))
    return f"{name} {number + 1}" if number else name


def problems(config: Config) -> dict[str, Float[Array, "rows height width channels"]]:
    """What each row is restored from: "truth", "observed" and, where the task has them,
    "mask" and "guide".

    Where `data.root` is missing, the pictures are made up, so that a state can be built
    for its shapes. `batches` reports what is missing.
    """
    d = config.data
    if _nowhere(d):
        d = dataclasses.replace(d, source="generated", pictures=("blank",), guide="")
        task = dataclasses.replace(config.task, mask="text")
        config = dataclasses.replace(config, data=d, task=task)
    rows = [problem(config, row) for row in range(d.batch_size)]
    return {
        name: jnp.asarray(np.stack([row[name] for row in rows]), jnp.float32)
        for name in rows[0]
    }


def problem(config: Config, row: int) -> Problem:
    """One row of `problems`."""
    d = config.data
    task = config.task
    names = names_of(d)
    name = names[row // len(d.targets) % len(names)]
    rng = np.random.default_rng([config.seed, row % (len(names) * len(d.targets))])
    small = task.factor if task.name == "sr" and not task.degrade else 1
    size = d.size[0] // small, d.size[1] // small
    picture = read_named(d, name, size, config.model.channels)
    picture = target_of(d.targets[row % len(d.targets)], picture, rng)
    if not task.degrade:
        truth = enlarge(picture, small) if small > 1 else picture
        images = {"truth": np.clip(truth, 0, 1), "observed": picture}
    else:
        images = {"truth": picture, "observed": degraded(task, picture, rng)}
    if len(d.targets) > 1:
        images["observed"] = picture  # the impedance experiment degrades nothing
    if task.name in ("inpaint", "restore"):
        images["mask"] = mask_of(config, name, rng)
        images["observed"] = images["observed"] * images["mask"]
    if config.model.input == "image":
        images["guide"] = guide_of(config, name, images["truth"], small)
    return images
