"""Upscaling a video, frame by frame.

A video stores Y, Cb and Cr, of BT.601 or BT.709 in the limited range, and a network for
Y was trained on such Y. So frames are not converted to RGB: the network upscales Y, and
bicubic interpolation enlarges Cb and Cr, which have half of Y's resolution.
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
from papers.espcn.upscaling import inference_params

Values = Iterator[str | tuple[str, Any]]


def upscale_video(config: Config, state: Any, source: Path) -> Values:
    """Writes the video at `scale` times its size, with the sound copied. Yields the new
    file's path, and a table of how fast that was."""
    scale = config.model.scale
    c = config.predict
    size = frame_size(source)
    layout = _layout(config.model.channels, *size)
    target = video_target(source, c.out, f"x{scale}")
    speed = convert(
        source,
        target,
        partial(LAYOUTS[layout], config),
        inference_params(state),
        size=size,
        scale=scale,
        layout=layout,
        most=c.frames,
        crf=c.crf,
    )
    yield f"{source.name} x{config.model.scale}", target
    yield "Video", _facts(config, size, speed)


def _facts(config: Config, size: Size, speed: Speed) -> Table:
    """Frames per second, in all and of the network alone, beside what the device could
    reach."""
    width, height = size
    r = config.model.scale
    peak = matmul_flops()
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
    """How a frame's pixels lie in an array, a key of LAYOUTS. Chroma has half the size
    where both sides are even."""
    if channels == 3:
        return "rgb24"
    return "yuv444p" if width % 2 or height % 2 else "yuv420p"


def upscale_yuv420p(config: Config, params: Any, frames: Frames) -> Frames:
    """Frames are [frames, 3/2 height, width]: the rows of Y; then the rows of Cb and of
    Cr, which are half as wide, two in a row of the array."""
    n, rows, width = frames.shape
    height = 2 * rows // 3
    r = config.model.scale
    y = _y(config, params, frames[:, :height])
    chroma = frames[:, height:].reshape(n, 2, height // 2, width // 2)
    chroma = _chroma(chroma, r).reshape(n, height * r // 2, width * r)
    return jnp.concatenate([y, chroma], axis=1)


def upscale_yuv444p(config: Config, params: Any, frames: Frames) -> Frames:
    """Frames are [frames, 3, height, width]: the planes Y, Cb and Cr."""
    y = _y(config, params, frames[:, 0])[:, None]
    return jnp.concatenate([y, _chroma(frames[:, 1:], config.model.scale)], axis=1)


def upscale_rgb24(config: Config, params: Any, frames: Frames) -> Frames:
    """Frames are [frames, height, width, 3], for a network of RGB."""
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
