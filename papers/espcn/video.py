"""Videos, frame by frame: decoded and encoded by PyAV, upscaled on all devices.

A video's Y is what the network was trained on, BT.601 or BT.709 in the limited range,
so the planes are never converted to RGB: Y goes through the network, and Cb and Cr, of
half the resolution as they are, through bicubic interpolation.
"""

import itertools
import time
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from common.contract import Table, UserError
from common.resize import enlarge
from common.timing import matmul_flops, median_seconds
from papers.espcn.config import Config
from papers.espcn.speed import frame_flops
from papers.espcn.train import forward
from papers.espcn.upscale import inference_params, on_all_devices

ENDINGS = {
    ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv",
}  # fmt: skip
Frames = UInt8[Array, "frames *plane_shape"]
Values = Iterator[str | tuple[str, Any]]


def upscale_video(config: Config, state: Any, source: Path) -> Values:
    """Writes the video at `scale` times the size, its sound copied, and yields where
    it is and how fast that was."""
    av, target = _av(), _target(config, source)
    try:
        reader = av.open(str(source))
    except av.error.FFmpegError as error:
        raise UserError(f"{source} is not a video that can be read: {error}") from error
    try:
        with reader, av.open(str(target), "w") as writer:
            facts = _transcode(av, config, inference_params(state), reader, writer)
    except av.error.FFmpegError as error:
        raise UserError(f"{source} to {target}: {error}") from error
    yield f"{target}\n"
    yield "Video", facts


def _av() -> ModuleType:
    try:
        import av
    except ImportError:
        raise UserError(
            "videos need PyAV: pip install 'papers-in-jax[video]'"
        ) from None
    return av


def _target(config: Config, source: Path) -> Path:
    """`predict.out`, in which a folder keeps the video's name; else beside it."""
    # Matroska holds any kind of sound.
    ending = source.suffix if source.suffix in (".mov", ".mp4") else ".mkv"
    name = f"{source.stem}_x{config.model.scale}{ending}"
    if not config.predict.out:
        return source.with_name(name)
    out = Path(config.predict.out).expanduser()
    target = out if out.suffix else out / name
    if target.exists() and target.samefile(source):
        raise UserError("config.predict.out is the input itself")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _transcode(av: ModuleType, config: Config, params: Any, reader, writer) -> Table:
    """Decodes, upscales and encodes; the next frames are computed while the last ones
    are encoded."""
    if not reader.streams.video:
        raise UserError(f"{reader.name} has no pictures in it")
    stream = reader.streams.video[0]
    stream.thread_type = "AUTO"
    size = stream.codec_context.width, stream.codec_context.height
    layout = _layout(config.model.channels, *size)
    encoded = _encoder(config, writer, stream, layout)
    run, rows = on_all_devices(partial(LAYOUTS[layout], config), params)

    def write(made: Frames, originals: list) -> None:
        for array, original in zip(np.asarray(made), originals, strict=False):
            frame = av.VideoFrame.from_ndarray(array, format=layout)
            frame.pts, frame.time_base = original.pts, original.time_base
            writer.mux(encoded.encode(frame))

    frames = _frames(reader, stream, writer, _sound(reader, writer))
    frames = itertools.islice(frames, config.predict.frames or None)
    count, waiting, alone, start = 0, (), 0.0, 0.0
    while batch := list(itertools.islice(frames, rows)):
        arrays = np.stack([_array(frame, layout, size) for frame in batch])
        arrays = arrays[np.minimum(np.arange(rows), len(batch) - 1)]
        if not count:  # the clock starts when the program is compiled
            alone = median_seconds(partial(run, arrays), 3) / rows
            start = time.perf_counter()
        made = run(arrays)
        if waiting:
            write(*waiting)
        waiting, count = (made, batch), count + len(batch)
    if not count:
        raise UserError(f"{reader.name} has no pictures in it")
    write(*waiting)
    writer.mux(encoded.encode(None))
    return _facts(config, size, count, time.perf_counter() - start, alone)


def _facts(
    config: Config, size: tuple[int, int], count: int, seconds: float, alone: float
) -> Table:
    """Frames a second, with all and of the network alone, and what could be reached."""
    (width, height), r, peak = size, config.model.scale, matmul_flops()
    flops = frame_flops(config.model, height, width)
    columns = (
        "frames", "from", "to", "frames/s", "network alone", "share of a matmul",
        "bound frames/s",
    )  # fmt: skip
    row = [
        count, f"{width} x {height}", f"{width * r} x {height * r}", count / seconds,
        1 / alone, flops / alone / peak, peak / flops,
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


def _encoder(config: Config, writer, stream, layout: str):
    """An H.264 stream like the input's."""
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    options = {"crf": str(config.predict.crf), "preset": "veryfast"}
    encoded = writer.add_stream("libx264", rate=rate, options=options)
    context, old = encoded.codec_context, stream.codec_context
    context.width = old.width * config.model.scale
    context.height = old.height * config.model.scale
    odd = context.width % 2 or context.height % 2
    context.pix_fmt = layout if layout != "rgb24" else "yuv444p" if odd else "yuv420p"
    context.time_base = stream.time_base
    context.sample_aspect_ratio = old.sample_aspect_ratio or Fraction(1)
    return encoded


def _sound(reader, writer) -> dict:
    """A stream of the output for each of the input's sounds."""
    return {s: writer.add_stream_from_template(s) for s in reader.streams.audio}


def _frames(reader, stream, writer, sound: dict) -> Iterator:
    """The video's frames; packets of sound are copied as they pass."""
    for packet in reader.demux(stream, *sound):
        if packet.stream is stream:
            yield from packet.decode()
        elif packet.dts is not None:  # the last one only flushes
            packet.stream = sound[packet.stream]
            writer.mux(packet)


def _array(
    frame, layout: str, size: tuple[int, int]
) -> UInt8[np.ndarray, "*plane_shape"]:
    """In the limited range and the first frame's size, whatever it came in."""
    width, height = size
    same = frame.reformat(width, height, layout, dst_color_range="MPEG")
    return same.to_ndarray()


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
    return _levels(forward(config, params, frames.astype(jnp.float32) / 255))


def _y(config: Config, params: Any, y: UInt8[Array, "frames height width"]):
    low = y[..., None].astype(jnp.float32) / 255
    return _levels(forward(config, params, low))[..., 0]


def _chroma(planes: UInt8[Array, "frames 2 height width"], r: int):
    planes = planes[..., None].astype(jnp.float32) / 255
    return _levels(enlarge(planes, r))[..., 0]


def _levels(x: Float[Array, "*shape"]) -> UInt8[Array, "*shape"]:
    return jnp.round(255 * jnp.clip(x, 0, 1)).astype(jnp.uint8)


LAYOUTS = {
    "yuv420p": upscale_yuv420p,
    "yuv444p": upscale_yuv444p,
    "rgb24": upscale_rgb24,
}
