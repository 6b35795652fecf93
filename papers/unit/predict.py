"""Translates what a user has: an image, a folder of them, or a video."""

import time
from collections.abc import Iterator
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
from common.pixels import mirrored_to_multiple, squeeze_grey, with_channels
from papers.unit.adaptation import plays
from papers.unit.config import Config
from papers.unit.data import has_labels, without_margin
from papers.unit.train import generator_params, translate

Images = UInt8[Array, "batch height width channels"]
Values = Iterator[str | tuple[str, Any]]


def predict(config: Config, state: Any, inputs: str) -> Values:
    """Yields each picture beside its translation, or writes the translations to
    `predict.out`, and a table of seconds.

    inputs: an image, a folder of them, or a video, which is always written: to
    `predict.out`, or beside itself.
    """
    if config.model.family == "adaptation" and not plays(config.adaptation):
        raise UserError("this run translates nothing: use --run=adapted, which does")
    path = given(inputs, video=True)
    translations = _video if is_video(path) else _pictures
    yield from translations(config, jax.device_get(generator_params(state)), path)


def _pictures(config: Config, params: Any, root: Path) -> Values:
    direction, out, rows = config.predict.direction, config.predict.out, []
    run, params = jax.jit(partial(translated, config)), jax.device_put(params)
    for name, picture in pictures(root, _channels_in(config)):
        if picture is None:
            rows.append([name, "skipped: not a readable image", None])
            continue
        if has_labels(config):
            picture = without_margin(config, direction[0], picture)
        height, width = _size(config, *picture.shape[:2])
        picture = resize(picture, (height, width))
        start = time.perf_counter()
        made = np.asarray(run(params, picture[None]))[0]
        rows.append([name, f"{width} x {height}", time.perf_counter() - start])
        if out:
            outputs.save(out, root, name, _side_by_side(made))
        else:
            yield f"{name} {direction}", _side_by_side(picture, made)
    note = "the first image of a size also waits for its compilation"
    yield "Translated", Table(("image", "size", "seconds"), rows, note)


def _video(config: Config, params: Any, source: Path) -> Values:
    if has_labels(config) and config.data.margins[_from_b(config)]:
        raise UserError("config.data.margins: videos are not cut; give pictures")
    width, height = frame_size(source)
    height, width = _size(config, height, width)
    asked = config.predict
    target = video_target(source, asked.out, asked.direction)
    speed = convert(
        source,
        target,
        partial(translated_rgb, config),
        params,
        size=(width, height),
        most=asked.frames,
        crf=asked.crf,
    )
    yield f"{target}\n"
    columns = ("frames", "size", "frames/s", "network alone")
    rates = speed.frames / speed.seconds, 1 / speed.alone
    note = "frames/s: with decoding and encoding; network alone: without"
    row = [speed.frames, f"{width} x {height}", *rates]
    yield "Translated", Table(columns, [row], note)


def translated(
    config: Config, params: Any, images: Images
) -> UInt8[Array, "batch height width new_channels"]:
    """Images of any size: mirrored at the end up to sides that the net can halve, and
    cut back."""
    height, width = images.shape[1:3]
    even = mirrored_to_multiple(images, 2**config.model.halvings)
    made = translate(config, params, even, config.predict.direction)
    return made[:, :height, :width]


def translated_rgb(
    config: Config, params: Any, frames: UInt8[Array, "batch height width 3"]
) -> UInt8[Array, "batch height width 3"]:
    """A video's frames, whatever the network's channels are."""
    images = with_channels(frames, _channels_in(config))
    return jnp.broadcast_to(translated(config, params, images), frames.shape)


def _channels_in(config: Config) -> int:
    return config.model.channels[_from_b(config)]


def _from_b(config: Config) -> bool:
    return config.predict.direction == "b2a"


def _size(config: Config, height: int, width: int) -> tuple[int, int]:
    """(height, width) that an image is translated in."""
    if config.model.family == "adaptation":  # whose nets know one size
        return tuple(config.data.size)
    short, least = config.predict.short, min(height, width)
    return tuple(n * short // least if short else n for n in (height, width))


def _side_by_side(
    *pictures: UInt8[np.ndarray, "height width channels"],
) -> UInt8[np.ndarray, "height all_widths *rgb"]:
    """RGB where one of them is; else grey, [height, all widths]."""
    channels = max(picture.shape[-1] for picture in pictures)
    same = [np.broadcast_to(x, (*x.shape[:2], channels)) for x in pictures]
    return squeeze_grey(np.concatenate(same, axis=1))
