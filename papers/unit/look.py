"""Pictures of finished runs: translations both ways, over time, side by side."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import UInt8

from papers.unit.config import Config
from papers.unit.data import batches, has_pairs
from papers.unit.record import WAYS
from papers.unit.train import State, generator_params, translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

Pictures = UInt8[np.ndarray, "rows height width channels"]


def translations(config: Config, state: State, direction: str) -> "Figure":
    """A row a test image: itself, itself through z, in the other domain, and back."""
    from common import figures

    own, other = direction[0], direction[-1]
    shown, run = _shown(config), _translator(config, state)
    image = shown[own]
    there = run(image, direction)
    columns = {
        f"x_{own}": image,
        "reconstruction": run(image, f"{own}2{own}"),
        f"{own} to {other}": there,
        f"{own} to {other} to {own}": run(there, f"{other}2{own}"),
    }
    if has_pairs(config):
        columns["true pair"] = shown[other]
    return figures.image_grid(
        [[x[i] for x in columns.values()] for i in range(len(image))],
        column_labels=[*columns],
    )


def over_time(config: Config, state: State) -> "Figure":
    """Images of the first training batch, and their translations as training went."""
    from common import figures

    samples, frames = jax.device_get((state.samples, state.frames))
    steps, grid, labels = past(config, state), [], []
    for domain, way in WAYS.items():
        for row, image in enumerate(samples[domain]):
            made = [frames[way][i, row] for i in range(len(steps))]
            grid.append([image, *made])
            labels.append(f"{domain} to {way[-1]}")
    columns = ["", *(f"step {n}" for n in steps)]
    return figures.image_grid(grid, row_labels=labels, column_labels=columns)


def past(config: Config, state: State) -> list[int]:
    """The steps after which `state` has frames; none before the first."""
    return [n for n in config.history.frames if 0 < n <= int(state.step)]


def side_by_side(
    trained: Mapping[str, tuple[Config, State]], direction: str
) -> "Figure":
    """A row a test image: itself, the true pair where it is known, and every run's."""
    from common import figures

    config, _ = next(iter(trained.values()))
    shown = _shown(config)
    image = shown[direction[0]]
    columns = {f"x_{direction[0]}": image}
    if has_pairs(config):
        columns["true pair"] = shown[direction[-1]]
    for name, run in trained.items():
        columns[name] = _translator(*run)(image, direction)
    return figures.image_grid(
        [[x[i] for x in columns.values()] for i in range(len(image))],
        column_labels=[*columns],
    )


def _shown(config: Config) -> dict[str, Pictures]:
    """`eval.shown` test images of each domain, or all, spread over the first
    batches."""
    found: dict[str, list] = {"a": [], "b": []}
    for batch in batches(config, "test"):
        both = (batch["mask_a"] * batch["mask_b"]) > 0
        for domain, images in found.items():
            images.extend(batch[domain][both])
        if len(found["a"]) >= 8 * config.eval.shown:
            break
    count = min(config.eval.shown, len(found["a"]))
    chosen = np.linspace(0, len(found["a"]) - 1, count).round().astype(int)
    return {domain: np.stack(images)[chosen] for domain, images in found.items()}


def _translator(config: Config, state: State) -> Any:
    run = jax.jit(partial(translate, config), static_argnums=2)
    params = jax.device_get(generator_params(state))
    return lambda images, direction: np.asarray(run(params, images, direction))
