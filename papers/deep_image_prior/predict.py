"""Restoring a user's picture.

There is no trained model to ask: the picture is what a net is fitted to, by the same
`train_step`, from a new start. `config.predict` says what is wrong with the picture.
"""

import dataclasses
import math
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from common.contract import UserError
from common.data.image_files import picture_paths
from common.resize import enlarge
from papers.deep_image_prior.config import Config, Data, Record, check
from papers.deep_image_prior.data import Problem
from papers.deep_image_prior.photo import (
    Photo,
    open_mask,
    open_photo,
    padded,
    to_bytes,
)
from papers.deep_image_prior.train import State, restored, start, train_step


def predict(config: Config, state: Any, inputs: str) -> Iterator[str | tuple[str, Any]]:
    """Restores the picture at the path `inputs`, or all of a folder, where those that
    cannot be read are named and skipped. Yields lines of progress, and (name, picture)
    on the way and at the end. `state` is not looked at, and may be None."""
    del state
    for path in _paths(inputs):
        try:
            photo = open_photo(path)
        except UserError as error:
            if Path(inputs).expanduser().is_file():
                raise
            warnings.warn(f"skipped: {error}", stacklevel=2)
            continue
        yield from _restore(config, photo)


def _paths(inputs: str) -> list[Path]:
    path = Path(inputs).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"--input={inputs}: no such picture or folder")
    if paths := picture_paths(path):
        return paths
    raise UserError(f"--input={inputs}: no pictures in this folder")


def _restore(config: Config, photo: Photo) -> Iterator[str | tuple[str, Any]]:
    asked = config.predict
    config, problem = fitted(config, photo)
    height, width = photo.image.shape[:2]
    times = asked.factor if asked.task == "sr" else 1
    # A hole is filled, and so no longer seen through.
    alpha = None if asked.task in ("inpaint", "restore") else photo.alpha

    def picture(image):
        cut = np.asarray(image)[0, : height * times, : width * times]
        return to_bytes(cut, alpha)

    for at, state, energy in fit(config, problem):
        yield f"{photo.name}: step {at} of {config.loop.steps}, energy {energy:.5f}\n"
        if asked.preview and at % asked.preview == 0 and at < config.loop.steps:
            yield f"{photo.name} after {at} steps", picture(state.average)
    if config.stop.rule != "none":
        yield f"{photo.name}: the output of step {int(state.answer['at'][0]) + 1}\n"
    yield (
        f"{photo.name} {asked.task}",
        picture(jax.jit(partial(restored, config))(state)),
    )


def fitted(config: Config, photo: Photo) -> tuple[Config, Problem]:
    """The config for this picture, and the problem as of `data.problem`."""
    asked, m = config.predict, config.model
    levels = 2 ** len(m.down)
    times = asked.factor if asked.task == "sr" else 1
    image = padded(photo.image, levels // math.gcd(levels, times))
    problem = {"observed": image, "truth": image}
    if times > 1:
        problem["truth"] = np.clip(enlarge(image, times), 0, 1)
    if asked.task in ("inpaint", "restore"):
        mask = padded(_mask(config, photo), levels)
        problem |= {"mask": mask, "observed": image * mask}
    if m.input == "image":
        problem["guide"] = problem["truth"]
    filled = "clean" if "mask" in problem else "average"
    made = dataclasses.replace(
        config,
        model=dataclasses.replace(m, channels=image.shape[-1]),
        data=Data(size=problem["truth"].shape[:2]),
        task=dataclasses.replace(
            config.task, name=asked.task, factor=times, result=filled, degrade=False
        ),
        loop=dataclasses.replace(config.loop, steps=asked.steps or config.loop.steps),
        stop=dataclasses.replace(config.stop, rule=asked.rule),
        record=Record(frames=()),
    )
    check(made)
    return made, {name: x[None].astype(np.float32) for name, x in problem.items()}


def _mask(config: Config, photo: Photo) -> np.ndarray:
    if config.predict.mask:
        return open_mask(Path(config.predict.mask).expanduser(), photo)
    if not photo.missing.any():
        raise UserError(
            f"{photo.name!r} has no transparent or black pixels to fill in: give "
            "--config.predict.mask=FILE, white where the picture is known"
        )
    return 1.0 - photo.missing[..., None].astype(np.float32)


def fit(config: Config, problem: Problem) -> Iterator[tuple[int, State, float]]:
    """(steps so far, state, energy) every `predict.progress` steps and at the end, that
    of a stop rule if it comes first."""
    asked, batch = config.predict, {"row": np.zeros(1, np.int32)}
    state = jax.jit(partial(start, config))(jax.random.key(config.seed), problem)
    step = jax.jit(partial(train_step, config), donate_argnums=0)
    every = [n for n in (asked.progress, asked.preview) if n]
    for at in range(1, config.loop.steps + 1):
        state, metrics = step(state, batch)
        if at == config.loop.steps or any(at % n == 0 for n in every):
            yield at, state, float(metrics["loss"])
            if bool(state.answer["done"].all()):
                return
