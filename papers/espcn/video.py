"""Videos, upscaled frame by frame.

A video's Y is what the network was trained on, BT.601 or BT.709 in the limited range,
so the planes are never converted to RGB: Y goes through the network, and Cb and Cr, of
half the resolution as they are, through bicubic interpolation.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, UInt8

from common.contract import Table
from common.files.video import Frames, Size, Speed, convert, frame_size, video_target
from common.pixels import to_uint8
from common.resize import enlarge
from common.timing import matmul_flops
from papers.espcn.config import Config
from papers.espcn.cost import frame_flops
from papers.espcn.train import forward
from papers.espcn.upscale import inference_params

Values = Iterator[str | tuple[str, Any]]


def upscale_video(config: Config, state: Any, source: Path) -> Values:
    """Writes the video at `scale` times the size, its sound copied, and yields where
    it is and how fast that was."""
    scale, asked = config.model.scale, config.predict
    size = frame_size(source)
    layout = _layout(config.model.channels, *size)
    target = video_target(source, asked.out, f"x{scale}")
    speed = convert(
        source,
        target,
        partial(LAYOUTS[layout], config),
        inference_params(state),
        size=size,
        scale=scale,
        layout=layout,
        most=asked.frames,
        crf=asked.crf,
    )
    yield f"{target}\n"
    yield "Video", _facts(config, size, speed)


def _facts(config: Config, size: Size, speed: Speed) -> Table:
    """Frames a second, with all and of the network alone, and what could be reached."""
    (width, height), r, peak = size, config.model.scale, matmul_flops()
    flops = frame_flops(config.model, height, width)
    columns = (
        "frames", "from", "to", "frames/s", "network alone", "share of a matmul",
        "bound frames/s",
    )  # fmt: skip
    row = [
        speed.frames, f"{width} x {height}", f"{width * r} x {height * r}",
        speed.frames / speed.seconds, 1 / speed.compute_seconds,
        flops / speed.compute_seconds / peak,
        peak / flops,
    ]  # fmt: skip
    note = (
        "frames/s: with decoding and encoding; network alone: without; bound: if every "
        f"operation ran as in a matrix product, {peak / 1e9:.0f} GFLOP/s here"
    )
    return Table(columns, [row], note)


def _layout(channels: int, width: int, height: int) -> str:
    """How pixels lie in an array: planes with chroma of half the size where that is
    whole."""
    if channels == 3:
        return "rgb24"
    return "yuv444p" if width % 2 or height % 2 else "yuv420p"


def upscale_yuv420p(config: Config, params: Any, frames: Frames) -> Frames:
    """[frames, 3/2 height, width]: the rows of Y, then those of Cb and Cr, two of which
    share a row."""
    n, rows, width = frames.shape
    height, r = 2 * rows // 3, config.model.scale
    y = _y(config, params, frames[:, :height])
    chroma = frames[:, height:].reshape(n, 2, height // 2, width // 2)
    chroma = _chroma(chroma, r).reshape(n, height * r // 2, width * r)
    return jnp.concatenate([y, chroma], axis=1)


def upscale_yuv444p(config: Config, params: Any, frames: Frames) -> Frames:
    """[frames, 3, height, width]."""
    y = _y(config, params, frames[:, 0])[:, None]
    return jnp.concatenate([y, _chroma(frames[:, 1:], config.model.scale)], axis=1)


def upscale_rgb24(config: Config, params: Any, frames: Frames) -> Frames:
    """[frames, height, width, 3], by a network of RGB."""
    return to_uint8(forward(config, params, frames.astype(jnp.float32) / 255))


def _y(config: Config, params: Any, y: UInt8[Array, "frames height width"]):
    low = y[..., None].astype(jnp.float32) / 255
    return to_uint8(forward(config, params, low))[..., 0]


def _chroma(planes: UInt8[Array, "frames 2 height width"], r: int):
    planes = planes[..., None].astype(jnp.float32) / 255
    return to_uint8(enlarge(planes, r))[..., 0]


LAYOUTS = {
    "yuv420p": upscale_yuv420p,
    "yuv444p": upscale_yuv444p,
    "rgb24": upscale_rgb24,
}
