"""Figures of trained runs: translations both ways, over time, side by side."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import jax
import numpy as np
from jaxtyping import UInt8

from common.contract import BeforeAfter, Trained
from common.host import to_host
from common.pixels import with_channels
from papers.unit.config import Config
from papers.unit.data import batches, has_pairs
from papers.unit.directions import DIRECTIONS, DOMAINS, Direction
from papers.unit.train import State, generator_params, translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

Pictures = UInt8[np.ndarray, "rows height width channels"]
Translator = Callable[[Pictures, Direction], Pictures]


def of_run(
    name: str, config: Config, state: State
) -> Iterator[tuple[str, "Figure | BeforeAfter"]]:
    """Yields (title, figure): translations both ways, the first one laid over its input
    too, and over time where the state has frames."""
    shown = _shown(config)
    run = _translator(config, state)
    for direction in DIRECTIONS:
        title = f"{name}: {direction.source} to {direction.target}"
        image = shown[direction.source]
        translation = run(image, direction)
        yield title, _translations(config, shown, translation, run, direction)
        yield f"{title}, laid over", laid_over(image, translation, direction)
    if past_steps(config, state):
        yield f"{name}: over time", over_time(config, state)


def translations(config: Config, state: State, direction: Direction) -> "Figure":
    """A row a test image: itself, itself through z, in the other domain, and back."""
    run = _translator(config, state)
    shown = _shown(config)
    translation = run(shown[direction.source], direction)
    return _translations(config, shown, translation, run, direction)


def _translations(
    config: Config,
    shown: dict[str, Pictures],
    translation: Pictures,
    run: Translator,
    direction: Direction,
) -> "Figure":
    own, other = direction
    image = shown[own]
    columns = {
        f"x_{own}": image,
        "reconstruction": run(image, Direction(own, own)),
        f"{own} to {other}": translation,
        f"{own} to {other} to {own}": run(translation, direction.back),
    }
    if has_pairs(config):
        columns["true pair"] = shown[other]
    return _columns(columns)


def laid_over(
    image: Pictures, translation: Pictures, direction: Direction
) -> BeforeAfter:
    """The first image, and its translation."""
    own, other = direction
    pictures = image[0], translation[0]
    channels = max(picture.shape[-1] for picture in pictures)
    alike = [with_channels(picture, channels) for picture in pictures]
    return BeforeAfter(*alike, (f"x_{own}", f"{own} to {other}"))


def over_time(config: Config, state: State) -> "Figure":
    """A row an image of the first training batch: itself, and its translations after
    each of the steps that the state has frames of."""
    from common import figures

    samples, frames = to_host((state.samples, state.frames))
    steps = past_steps(config, state)
    grid = []
    labels = []
    for direction in DIRECTIONS:
        for row, image in enumerate(samples[direction.source]):
            past = frames[str(direction)][: len(steps), row]
            grid.append([image, *past])
            labels.append(f"{direction.source} to {direction.target}")
    columns = ["", *(f"step {n}" for n in steps)]
    return figures.image_grid(grid, row_labels=labels, column_labels=columns)


def past_steps(config: Config, state: State) -> list[int]:
    """The steps after which `state` has frames; none before the first."""
    return [n for n in config.history.frames if 0 < n <= int(state.step)]


def side_by_side(trained: Trained, direction: Direction) -> "Figure":
    """A row a test image: itself, the true pair where it is known, and its translation
    by every run."""
    config, _ = next(iter(trained.values()))
    shown = _shown(config)
    image = shown[direction.source]
    columns = {f"x_{direction.source}": image}
    if has_pairs(config):
        columns["true pair"] = shown[direction.target]
    for name, run in trained.items():
        columns[name] = _translator(*run)(image, direction)
    return _columns(columns)


def _columns(columns: dict[str, Pictures]) -> "Figure":
    """A grid of pictures: row i has picture i of each column."""
    from common import figures

    rows = zip(*columns.values(), strict=True)
    return figures.image_grid([*rows], column_labels=[*columns])


def _shown(config: Config) -> dict[str, Pictures]:
    """`eval.shown` test images of each domain, or all if there are fewer, spread evenly
    over the first batches."""
    images: dict[str, list] = {domain: [] for domain in DOMAINS}
    for batch in batches(config, "test"):
        both = (batch["mask_a"] * batch["mask_b"]) > 0
        for domain in DOMAINS:
            images[domain].extend(batch[domain][both])
        if len(images["a"]) >= 8 * config.eval.shown:
            break
    count = min(config.eval.shown, len(images["a"]))
    chosen = np.linspace(0, len(images["a"]) - 1, count).round().astype(int)
    return {domain: np.stack(images[domain])[chosen] for domain in DOMAINS}


def _translator(config: Config, state: State) -> Translator:
    run = jax.jit(partial(translate, config), static_argnums=2)
    params = generator_params(state)
    return lambda images, direction: to_host(run(params, images, direction))
