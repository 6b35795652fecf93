"""Translates a user's image, folder of images, or video."""

import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt8

from common.contract import Table, UserError
from common.data.augment import resize
from common.files import outputs
from common.files.inputs import given, pictures
from common.files.video import convert, frame_size, is_video, video_target
from common.host import to_host
from common.pixels import (
    Picture,
    as_channels,
    mirrored_to_multiple,
    squeeze_grey,
    with_channels,
)
from papers.unit import train
from papers.unit.config import Config
from papers.unit.data import margin_of, without_margin
from papers.unit.directions import Direction, by_domain
from papers.unit.game import game_of
from papers.unit.train import State, generator_params

Images = UInt8[Array, "batch height width channels"]
Values = Iterator[str | tuple[str, Any]]


def predict(config: Config, state: State, inputs: str) -> Values:
    """Yields the translation of each picture, or its file in `predict.out`; then a
    table of seconds.

    inputs: an image, a folder of images, or a video. The translation of a video is
    always written: to `predict.out`, or beside the video.
    """
    _refuse_other_runs(config)
    path = given(inputs, video=True)
    params = to_host(generator_params(state))
    if jax.process_index() == 0:  # it needs the others no more, and alone writes
        translations = _video if is_video(path) else _pictures
        yield from translations(config, params, path)


def translate(config: Config, state: State, pictures: Iterable[Any]) -> list[Picture]:
    """Each picture of the source domain of `predict.direction` as one of the target
    domain, [height, width, channels].

    pictures: uint8 [height, width] or [height, width, channels], of any sizes, grey or
      RGB; resized as `predict.short` says, in the digit experiment to its images' size.
      UserError: an array that is none, or a run that translates nothing.
    """
    _refuse_other_runs(config)
    params = generator_params(state)
    run = jax.jit(partial(translated, config))
    channels = _channels_in(config)
    found = []
    for array in pictures:
        fitted = _fitted(config, as_channels(array, channels))
        found.append(np.asarray(run(params, fitted[None]))[0])
    return found


def _refuse_other_runs(config: Config) -> None:
    if not game_of(config).translates(config):
        raise UserError("this run translates nothing: use --run=adapted, which does")


def _fitted(config: Config, picture: Picture) -> Picture:
    """Without its margin, in the size in which it is translated."""
    picture = without_margin(config, _direction(config).source, picture)
    return resize(picture, _size(config, *picture.shape[:2]))


def _pictures(config: Config, params: Any, root: Path) -> Values:
    direction = _direction(config)
    out = config.predict.out
    run = jax.jit(partial(translated, config))
    params = jax.device_put(params)
    rows = []
    for name, picture in pictures(root, _channels_in(config)):
        if picture is None:
            rows.append([name, "skipped: not a readable image", None])
            continue
        picture = _fitted(config, picture)
        height, width = picture.shape[:2]
        start = time.perf_counter()
        translation = np.asarray(run(params, picture[None]))[0]
        rows.append([name, f"{width} x {height}", time.perf_counter() - start])
        kept = outputs.kept(out, root, name, squeeze_grey(translation))
        yield f"{name} {direction}", kept
    note = "the first image of a size also waits for its compilation"
    yield "Translated", Table(("image", "size", "seconds"), rows, note)


def _video(config: Config, params: Any, source: Path) -> Values:
    if margin_of(config, _direction(config).source):
        raise UserError("config.data.margins: videos are not cut; give pictures")
    width, height = frame_size(source)
    height, width = _size(config, height, width)
    c = config.predict
    target = video_target(source, c.out, c.direction)
    speed = convert(
        source,
        target,
        partial(translated_rgb, config),
        params,
        size=(width, height),
        most=c.frames,
        crf=c.crf,
    )
    yield f"{source.name} {c.direction}", target
    yield "Translated", speed.table((width, height), "network")


def translated(
    config: Config, params: Any, images: Images
) -> UInt8[Array, "batch height width new_channels"]:
    """Translations of images of any size.

    Images are mirrored at their lower and right borders, until the networks can halve
    their sides; what was added is cut off the translations.
    """
    height, width = images.shape[1:3]
    even = mirrored_to_multiple(images, 2**config.model.halvings)
    translations = train.translate(config, params, even, _direction(config))
    return translations[:, :height, :width]


def translated_rgb(
    config: Config, params: Any, frames: UInt8[Array, "batch height width 3"]
) -> UInt8[Array, "batch height width 3"]:
    """Translations of a video's frames, in RGB also where the networks' are grey."""
    images = with_channels(frames, _channels_in(config))
    return jnp.broadcast_to(translated(config, params, images), frames.shape)


def _channels_in(config: Config) -> int:
    return by_domain(config.model.channels)[_direction(config).source]


def _direction(config: Config) -> Direction:
    return Direction.parse(config.predict.direction)


def _size(config: Config, height: int, width: int) -> tuple[int, int]:
    """(height, width) in which an image of this height and width is translated."""
    if not game_of(config).any_size:
        return tuple(config.data.size)
    short = config.predict.short
    least = min(height, width)
    return tuple(n * short // least if short else n for n in (height, width))
