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

from common.config import check
from common.contract import UserError
from common.files import outputs
from common.files.inputs import files, given
from common.pixels import mirrored_to_multiple
from common.resize import enlarge
from papers.deep_image_prior.config import Config, Data, History, check_more
from papers.deep_image_prior.data import Problem
from papers.deep_image_prior.pictures import (
    Photo,
    open_beside,
    open_mask,
    open_photo,
    to_bytes,
)
from papers.deep_image_prior.train import State, restored, start, train_step

LOOK = 50  # steps between looks at the stop rule, each of which waits for the device


def predict(config: Config, state: Any, inputs: str) -> Iterator[str | tuple[str, Any]]:
    """Restores the picture at the path `inputs`, or all of a folder and below, where
    those that cannot be restored are named and skipped. Yields lines of progress, and
    (name, picture) on the way and at the end, which is written to `predict.out` too.
    `state` is not looked at, and may be None. UserError: nothing can be restored."""
    del state
    check(config)
    check_more(config)
    root, done = given(inputs), 0
    for name, path in files(root).items():
        try:
            photo = open_photo(path, name)
            made, problem = fitted(config, photo)
        except UserError as error:
            if root.is_file():
                raise
            warnings.warn(f"skipped: {error}", stacklevel=2)
            continue
        done += 1
        yield from _restore(made, problem, root, photo)
    if not done:
        raise UserError(f"--input={inputs!r} has no pictures that can be restored")


def _restore(
    config: Config, problem: Problem, root: Path, photo: Photo
) -> Iterator[str | tuple[str, Any]]:
    asked, times = config.predict, config.task.factor
    height, width = photo.image.shape[:2]
    # A hole is filled, and so no longer seen through.
    alpha = None if asked.task in ("inpaint", "restore") else photo.alpha
    if asked.out:  # cannot be written to: said before the fit
        outputs.target(asked.out, root, str(Path(photo.name).with_suffix(".png")))

    def picture(image):
        cut = np.asarray(image)[0, : height * times, : width * times]
        return to_bytes(cut, alpha)

    for at, state, energy in fit(config, problem):
        if asked.progress:
            of = f"step {at} of {config.loop.steps}"
            yield f"{photo.name}: {of}, energy {energy:.5f}\n"
        if asked.preview and at % asked.preview == 0 and at < config.loop.steps:
            yield f"{photo.name} after {at} steps", picture(state.average)
    if asked.progress and config.stop.rule != "none":
        yield f"{photo.name}: the output of step {int(state.answer['at'][0]) + 1}\n"
    result = picture(jax.jit(partial(restored, config))(state))
    yield f"{photo.name} {asked.task}", result
    if asked.out:
        outputs.save(asked.out, root, photo.name, result)


def fitted(config: Config, photo: Photo) -> tuple[Config, Problem]:
    """The config for this picture, and the problem as of `data.problem`."""
    asked, m = config.predict, config.model
    levels = 2 ** len(m.down)
    times = asked.factor if asked.task == "sr" else 1
    multiple = levels // math.gcd(levels, times)
    image = mirrored_to_multiple(photo.image, multiple)
    problem = {"observed": image, "truth": image}
    if times > 1:
        problem["truth"] = np.clip(enlarge(image, times), 0, 1)
    if asked.task in ("inpaint", "restore"):
        mask = mirrored_to_multiple(_mask(config, photo), levels)
        problem |= {"mask": mask, "observed": image * mask}
    if m.input == "image":
        guide = mirrored_to_multiple(_guide(config, photo), multiple)
        problem["guide"] = enlarge(guide, times)
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
        history=History(frames=()),
    )
    return made, {name: x[None].astype(np.float32) for name, x in problem.items()}


def _mask(config: Config, photo: Photo) -> np.ndarray:
    if config.predict.mask:
        return open_mask(config.predict.mask, photo)
    if photo.missing.all() or not photo.missing.any():
        which = "only" if photo.missing.any() else "no"
        raise UserError(
            f"{photo.name!r} has {which} transparent or black pixels to fill in: give "
            "--config.predict.mask=FILE, white where the picture is known"
        )
    return 1.0 - photo.missing[..., None].astype(np.float32)


def _guide(config: Config, photo: Photo) -> np.ndarray:
    if config.data.guide:
        return open_beside(config.data.guide, photo)
    raise UserError(
        "config.model.input is image: give --config.data.guide=FILE, the flash picture "
        "of the photo's size"
    )


def fit(config: Config, problem: Problem) -> Iterator[tuple[int, State, float]]:
    """(steps so far, state, energy) every `predict.progress` and `predict.preview`
    steps and at the end, that of a stop rule, looked at every LOOK, if it comes first.
    """
    asked, batch = config.predict, {"row": np.zeros(1, np.int32)}
    state = jax.jit(partial(start, config))(jax.random.key(config.seed), problem)
    step = jax.jit(partial(train_step, config), donate_argnums=0)
    every = [n for n in (asked.progress, asked.preview) if n]
    for at in range(1, config.loop.steps + 1):
        state, metrics = step(state, batch)
        stopped = at % LOOK == 0 and bool(state.answer["done"].all())
        last = stopped or at == config.loop.steps
        if last or any(at % n == 0 for n in every):
            yield at, state, float(metrics["loss"])
        if last:
            return
