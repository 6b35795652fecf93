"""Upscales a user's image, folder of images, or video."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from common.contract import Table
from common.files import outputs
from common.files.inputs import given, pictures
from common.files.video import is_video
from common.pixels import Picture
from papers.espcn.config import Config
from papers.espcn.upscaling import inference_params, upscaled_picture, upscaler
from papers.espcn.video import upscale_video

Values = Iterator[str | tuple[str, Any]]


def predict(config: Config, state: Any, inputs: str) -> Values:
    """Yields the upscaled pictures, or the files in `predict.out`; then a table of
    seconds.

    inputs: an image, a folder of images, or a video. An upscaled video is always
    written: to `predict.out`, or beside the video.
    """
    path = given(inputs, video=True)
    state = state.replace(params=inference_params(state), opt_state=())
    if jax.process_index() == 0:  # it needs the others no more, and alone writes
        upscaled = upscale_video if is_video(path) else _pictures
        yield from upscaled(config, state, path)


def _pictures(config: Config, state: Any, root: Path) -> Values:
    model = config.model
    upscale = upscaler(config, state)
    rows = []
    for name, low in pictures(root, channels=None):
        if low is None:
            rows.append([name, "skipped: not a readable image", None, None, None])
            continue
        start = time.perf_counter()
        high = upscaled_picture(model, upscale, low)
        seconds = time.perf_counter() - start
        rows.append([name, _size(low), _size(high), seconds, 1 / seconds])
        kept = outputs.kept(config.predict.out, root, name, high)
        yield f"{name} x{model.scale}", kept
    columns = ("image", "from", "to", "seconds", "images/s")
    note = "the first image of a size also waits for its compilation"
    yield "Upscaled", Table(columns, rows, note)


def _size(picture: Picture) -> str:
    height, width = picture.shape[:2]
    return f"{width} x {height}"
