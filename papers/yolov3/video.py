"""Boxes in a video, frame by frame."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from common import box_figures
from common.boxes import GREY, Letterbox, letterbox
from common.files.video import convert, frame_size, video_target
from papers.yolov3.config import Config
from papers.yolov3.detector import best, predicted

Frames = UInt8[Array, "frames height width 3"]


def annotate_video(
    config: Config,
    variables: Any,
    anchors: Float[Array, "anchors 2"],
    names: Sequence[str],
    source: Path,
) -> Iterator[str | tuple[str, Any]]:
    """Writes the video with its boxes, and its sound. Yields the new file's path, and a
    table of how fast that was."""
    c = config.predict
    size = frame_size(source)
    target = video_target(source, c.out, "boxes")
    speed = convert(
        source,
        target,
        partial(with_boxes, config, names),
        (variables, anchors),
        size=size,
        most=c.frames,
        crf=c.crf,
    )
    yield f"{source.name} boxes", target
    yield "Video", speed.table(size, "network and drawing")


def with_boxes(
    config: Config, names: Sequence[str], weights: tuple, frames: Frames
) -> Frames:
    """The frames with what is found in each drawn on it."""
    variables, anchors = weights
    side = config.data.size
    box = letterbox(*frames.shape[1:3], side, side)
    found = best(
        config, predicted(config, variables, anchors, letterboxed(box, frames))
    )
    return jax.pure_callback(
        partial(_drawn, names, box),
        jax.ShapeDtypeStruct(frames.shape, frames.dtype),
        frames,
        found,
    )


def letterboxed(box: Letterbox, frames: Frames) -> Frames:
    """`Letterbox.picture_in` on the device: bilinear, on grey."""
    height, width = box.inner
    shape = (len(frames), height, width, 3)
    small = jax.image.resize(frames.astype(jnp.float32), shape, "bilinear")
    below = box.net[0] - height - box.top
    right = box.net[1] - width - box.left
    borders = ((0, 0), (box.top, below), (box.left, right), (0, 0))
    pixels = jnp.pad(small, borders, constant_values=GREY)
    return jnp.clip(jnp.round(pixels), 0, 255).astype(jnp.uint8)


def _drawn(names: Sequence[str], box: Letterbox, frames, found) -> np.ndarray:
    """On the host: boxes and names drawn on every frame."""
    frames, found = jax.tree.map(np.asarray, (frames, found))
    drawn = [
        box_figures.draw(
            frame,
            box.boxes_back(boxes[there]),
            [names[c] for c in classes[there]],
            scores[there],
            [box_figures.class_colour(c) for c in classes[there]],
        )
        for frame, boxes, scores, classes, there in zip(
            frames,
            found["boxes"],
            found["scores"],
            found["classes"],
            found["present"],
            strict=True,
        )
    ]
    return np.stack(drawn)
