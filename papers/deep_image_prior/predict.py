"""Restoring a user's picture.

There is no trained model. A new net is fitted to the picture, by the same `train_step`.
`config.predict` says what is wrong with the picture.
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
from jaxtyping import Array, Float, UInt8

from common.config import check
from common.contract import UserError
from common.files import outputs
from common.files.inputs import files, given
from common.pixels import Picture, mirrored_to_multiple
from common.resize import enlarge
from papers.deep_image_prior.config import Config, Data, History, check_more
from papers.deep_image_prior.data import Problem
from papers.deep_image_prior.pictures import (
    Photo,
    as_mask,
    as_photo,
    open_guide,
    open_mask,
    open_photo,
    to_bytes,
)
from papers.deep_image_prior.train import State, restored, start, train_step

Images = Float[Array, "rows height width channels"]
LOOK = 50  # steps between looks at the stop rule: a look waits for the device


def predict(config: Config, state: Any, inputs: str) -> Iterator[str | tuple[str, Any]]:
    """Restores the picture at the path `inputs`, or all pictures in that folder and
    below.

    Yields lines of progress, and (name, picture) on the way and at the end. The result
    is also written to `predict.out`. A picture of a folder that cannot be restored is
    skipped, with a warning. `state` is unused, and may be None. UserError: nothing can
    be restored.
    """
    del state
    check(config)
    check_more(config)
    root = given(inputs)
    done = 0
    for name, path in files(root).items():
        try:
            photo = open_photo(path, name)
            own_config, problem = fitted(config, photo)
        except UserError as error:
            if root.is_file():
                raise
            warnings.warn(f"skipped: {error}", stacklevel=2)
            continue
        done += 1
        yield from _restore(own_config, problem, root, photo)
    if not done:
        raise UserError(f"--input={inputs!r} has no pictures that can be restored")


def restore(
    config: Config, picture: Any, mask: Any = None
) -> UInt8[np.ndarray, "height width channels"]:
    """A picture restored by `config.predict.task`, fitted from a new start.

    picture: uint8 [height, width] or [height, width, channels], grey or RGB, an alpha
      behind them.
    mask: [height, width], true where the picture is known; None: transparent or black
      pixels are not. For the tasks inpaint and restore.

    Raises:
      UserError: another kind of array, or a mask of another size.
    """
    check(config)
    check_more(config)
    photo = as_photo(picture)
    own_config, problem = fitted(config, photo, mask)
    *_, (_, state, _) = fit(own_config, problem)
    return _result(own_config, problem, photo, state)


def _result(config: Config, problem: Problem, photo: Photo, state: State) -> Picture:
    answer = jax.jit(partial(restored, config))(state)
    if config.predict.keep_known:
        answer = with_known(problem, answer)
    return _picture(config, photo, answer)


def _picture(config: Config, photo: Photo, image: Images) -> Picture:
    """The net's image as bytes of the picture's own size."""
    times = config.task.factor
    height, width = photo.image.shape[:2]
    # Inpainting fills the transparent pixels, so that its result is opaque.
    alpha = None if config.predict.task in ("inpaint", "restore") else photo.alpha
    return to_bytes(np.asarray(image)[0, : height * times, : width * times], alpha)


def _restore(
    config: Config, problem: Problem, root: Path, photo: Photo
) -> Iterator[str | tuple[str, Any]]:
    p = config.predict
    if p.out:  # raises before the fit, if the result could not be written after it
        outputs.picture_target(p.out, root, photo.name)

    at = 0
    latest = None
    try:
        for at, state, energy in fit(config, problem):
            latest = _picture(config, photo, state.average)
            if p.progress:
                of = f"step {at} of {config.loop.steps}"
                yield f"{photo.name}: {of}, energy {energy:.5f}\n"
            if p.preview and at % p.preview == 0 and at < config.loop.steps:
                yield f"{photo.name} after {at} steps", latest
    except KeyboardInterrupt:  # an hour's fit is worth keeping
        if latest is not None:
            yield f"{photo.name} stopped after {at} steps", latest
        raise
    if p.progress and config.stop.rule != "none":
        yield f"{photo.name}: the output of step {int(state.answer['at'][0]) + 1}\n"
    result = _result(config, problem, photo, state)
    yield f"{photo.name} {p.task}", result
    if p.out:
        outputs.save(p.out, root, photo.name, result)


def with_known(problem: Problem, image: Images) -> Images:
    """The net's output where pixels are missing, and elsewhere what is known."""
    if "mask" not in problem:
        return image
    return problem["observed"] + (1 - problem["mask"]) * image


def fitted(config: Config, photo: Photo, known: Any = None) -> tuple[Config, Problem]:
    """The config that restores this picture, and its problem, as of `data.problem`.

    known: a mask of what is; None: the mask of `_mask`.
    """
    p = config.predict
    m = config.model
    levels = 2 ** len(m.down)
    times = p.factor if p.task == "sr" else 1
    multiple = levels // math.gcd(levels, times)
    image = mirrored_to_multiple(photo.image, multiple)
    problem = {"observed": image, "truth": image}
    if times > 1:
        problem["truth"] = np.clip(enlarge(image, times), 0, 1)
    if p.task in ("inpaint", "restore"):
        mask = _mask(config, photo) if known is None else as_mask(known, photo)
        mask = mirrored_to_multiple(mask, levels)
        problem |= {"mask": mask, "observed": image * mask}
    if m.input == "image":
        guide = mirrored_to_multiple(_guide(config, photo), multiple)
        problem["guide"] = enlarge(guide, times)
    result = "clean" if "mask" in problem else "average"
    own_config = dataclasses.replace(
        config,
        model=dataclasses.replace(m, channels=image.shape[-1]),
        data=Data(size=problem["truth"].shape[:2]),
        task=dataclasses.replace(
            config.task, name=p.task, factor=times, result=result, degrade=False
        ),
        loop=dataclasses.replace(config.loop, steps=p.steps or config.loop.steps),
        stop=dataclasses.replace(config.stop, rule=p.rule),
        history=History(frames=()),
    )
    return own_config, {name: x[None].astype(np.float32) for name, x in problem.items()}


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
        return open_guide(config.data.guide, photo)
    raise UserError(
        "config.model.input is image: give --config.data.guide=FILE, the flash picture "
        "of the photo's size"
    )


def fit(config: Config, problem: Problem) -> Iterator[tuple[int, State, float]]:
    """Yields (steps so far, state, energy) every `predict.progress` and
    `predict.preview` steps, and at the end: after `loop.steps`, or when the stop rule
    has its answer."""
    p = config.predict
    batch = {"row": np.zeros(1, np.int32)}
    state = jax.jit(partial(start, config))(jax.random.key(config.seed), problem)
    step = jax.jit(partial(train_step, config), donate_argnums=0)
    every = [n for n in (p.progress, p.preview) if n]
    for at in range(1, config.loop.steps + 1):
        state, metrics = step(state, batch)
        stopped = at % LOOK == 0 and bool(state.answer["done"].all())
        last = stopped or at == config.loop.steps
        if last or any(at % n == 0 for n in every):
            yield at, state, float(metrics["loss"])
        if last:
            return
