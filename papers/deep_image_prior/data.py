"""The rows of a batch, and what each is restored from.

A row is one picture with a net of its own. Rows go through the pictures first, then
through the targets of each, then begin again with other random weights: restarts.
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
    """Batches of `batch_spec`: which rows this process has, the same at every step. The
    pictures are in the state."""
    names_of(config.data)  # the pictures are there
    each = config.data.batch_size // process_count
    rows = np.arange(process_index * each, (process_index + 1) * each, dtype=np.int32)
    if split == "train":
        return pipeline(_Constant(rows))
    return iter([{"row": rows, "mask": np.ones(each, np.float32)}])


@dataclasses.dataclass(frozen=True)
class _Constant:
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
    """How many rows before each one have the same picture and target."""
    return np.arange(data.batch_size) // _items(data)


def _items(data: Data) -> int:
    """Different rows: pictures times targets."""
    pictures = 1 if _nowhere(data) else len(names_of(data))
    return pictures * len(data.targets)


def _nowhere(data: Data) -> bool:
    return data.source == "files" and not data.root


def row_name(config: Config, row: int) -> str:
    """What a row is: its picture, its target if there are several, its restart."""
    names, targets = names_of(config.data), config.data.targets
    name = Path(names[row // len(targets) % len(names)]).stem
    if len(targets) > 1:
        name = targets[row % len(targets)].replace("_", " + ")
    again = row // (len(names) * len(targets))
    return f"{name} {again + 1}" if again else name


def problems(config: Config) -> dict[str, Float[Array, "rows height width channels"]]:
    """What each row is restored from: "truth" and "observed" and, where the task has
    them, "mask" and "guide". Blank where no root is given to read from: a state is then
    good for its shapes, and `batches` says what is missing."""
    d = config.data
    if _nowhere(d):
        d = dataclasses.replace(d, source="generated", pictures=("blank",), guide="")
        task = dataclasses.replace(config.task, mask="text")
        config = dataclasses.replace(config, data=d, task=task)
    made = [problem(config, row) for row in range(d.batch_size)]
    return {
        name: jnp.asarray(np.stack([one[name] for one in made]), jnp.float32)
        for name in made[0]
    }


def problem(config: Config, row: int) -> Problem:
    """One row's part of `problems`."""
    d, task = config.data, config.task
    names = names_of(d)
    name = names[row // len(d.targets) % len(names)]
    rng = np.random.default_rng([config.seed, row % (len(names) * len(d.targets))])
    small = task.factor if task.name == "sr" and not task.degrade else 1
    size = d.size[0] // small, d.size[1] // small
    picture = read_named(d, name, size, config.model.channels)
    picture = target_of(d.targets[row % len(d.targets)], picture, rng)
    if not task.degrade:
        truth = enlarge(picture, small) if small > 1 else picture
        made = {"truth": np.clip(truth, 0, 1), "observed": picture}
    else:
        made = {"truth": picture, "observed": degraded(task, picture, rng)}
    if len(d.targets) > 1:
        made["observed"] = picture  # impedance: fitted as it is
    if task.name in ("inpaint", "restore"):
        made["mask"] = mask_of(config, name, rng)
        made["observed"] = made["observed"] * made["mask"]
    if config.model.input == "image":
        made["guide"] = guide_of(config, name, made["truth"], small)
    return made
