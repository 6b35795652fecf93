"""Videos, frame by frame: decoded and encoded by PyAV, computed on all devices."""

import dataclasses
import itertools
import time
import warnings
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, UInt8

from common.contract import UserError
from common.files import outputs
from common.timing import median_seconds

ENDINGS = {
    ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".ogv", ".ts", ".webm", ".wmv",
}  # fmt: skip
# H.264's numbers of the matrices that make YCbCr of RGB. FFmpeg takes the second.
BT709, UNSPECIFIED, BT601 = 1, 2, 5
Frames = UInt8[Array, "frames *plane_shape"]
Size = tuple[int, int]  # width, height


@dataclasses.dataclass(frozen=True)
class Speed:
    """What `convert` measured; compilation is not in it."""

    frames: int
    seconds: float  # of them all: decoded, computed, encoded
    alone: float  # a frame, only computed


def is_video(path: Path) -> bool:
    """By its name."""
    return path.is_file() and path.suffix.lower() in ENDINGS


def video_target(source: Path, out: str, mark: str) -> Path:
    """`out`, in which a folder keeps the video's name and `mark`; else beside it."""
    # Matroska holds any kind of sound.
    ending = source.suffix if source.suffix in (".mov", ".mp4") else ".mkv"
    name = f"{source.stem}_{mark}{ending}"
    return outputs.target(out, source, name) if out else source.with_name(name)


def frame_size(source: Path) -> Size:
    """UserError: not a video, or one of sound alone."""
    with _opened(source) as reader:
        context = _stream(reader).codec_context
        return context.width, context.height


def convert(
    source: Path,
    target: Path,
    compute: Callable[[Any, Frames], Frames],
    params: Any,
    *,
    size: Size,
    scale: int = 1,
    layout: str = "rgb24",
    most: int = 0,
    crf: int = 18,
) -> Speed:
    """Writes `compute(params, frames)` of the video as H.264, with its times and sound.

    size: what frames are resized to before, and `scale` times that comes out. layout:
    FFmpeg's name of how an array holds a frame, before and after: rgb24 is
    [height, width, 3]. most: frames; 0: all. crf: quality, 0 (lossless) to 51.
    """
    run, rows = on_all_devices(compute, params)
    try:
        with _opened(source) as reader, _opened(target, "w") as writer:
            stream = _stream(reader)
            stream.thread_type = "AUTO"
            made_size = size[0] * scale, size[1] * scale
            encoder, sound = _streams(reader, writer, made_size, layout, crf)
            frames = _turned(_frames(reader, stream, writer, sound), encoder)
            count, alone, start = _in_batches(
                itertools.islice(frames, most or None),
                partial(_array, size=size, layout=layout),
                run,
                rows,
                partial(_write, writer, encoder, layout),
            )
            writer.mux(encoder.encode(None))
            return Speed(count, time.perf_counter() - start, alone)
    except _av().error.FFmpegError as error:
        target.unlink(missing_ok=True)
        raise UserError(f"{source} to {target}: {error}") from error


def on_all_devices(compute: Callable, params: Any) -> tuple[Callable, int]:
    """`compute(params, frames)`, compiled for one frame on each device, as a function
    of the frames, and how many there are."""
    devices = jax.local_devices()
    mesh = jax.sharding.Mesh(np.array(devices), ("frame",))
    by_frame = jax.sharding.NamedSharding(mesh, jax.P("frame"))
    params = jax.device_put(params, jax.sharding.NamedSharding(mesh, jax.P()))
    run = jax.jit(compute, out_shardings=by_frame)
    return lambda frames: run(params, jax.device_put(frames, by_frame)), len(devices)


def _in_batches(
    frames: Iterator, read: Callable, run: Callable, rows: int, write: Callable
) -> tuple[int, float, float]:
    """The next frames are computed while the last ones are encoded. Returns how many
    there were, the seconds of one alone, and when the clock started: once the program
    was compiled."""
    count, waiting, alone, start = 0, (), 0.0, 0.0
    while batch := list(itertools.islice(frames, rows)):
        arrays = np.stack([read(frame) for frame in batch])
        arrays = arrays[np.minimum(np.arange(rows), len(batch) - 1)]
        if not count:
            alone = median_seconds(partial(run, arrays), 3) / rows
            start = time.perf_counter()
        made = run(arrays)
        if waiting:
            write(*waiting)
        waiting, count = (made, batch), count + len(batch)
    if not count:
        raise UserError("the video has no pictures in it")
    write(*waiting)
    return count, alone, start


def _av() -> ModuleType:
    try:
        import av
    except ImportError:
        raise UserError(
            "videos need PyAV: pip install 'papers-in-jax[video]'"
        ) from None
    return av


def _opened(path: Path, mode: str = "r"):
    av = _av()
    try:
        return av.open(str(path), mode)
    except (av.error.FFmpegError, ValueError) as error:
        wanted = "is not a video that can be read" if mode == "r" else "not written"
        raise UserError(f"{path} {wanted}: {error}") from error


def _stream(reader):
    if not reader.streams.video:
        raise UserError(f"{reader.name} has no pictures in it")
    return reader.streams.video[0]


def _streams(reader, writer, size: Size, layout: str, crf: int) -> tuple[Any, dict]:
    """The output's pictures, and a stream for each of the input's sounds."""
    try:
        encoder = _encoder(writer, _stream(reader), size, layout, crf)
        sound = {s: writer.add_stream_from_template(s) for s in reader.streams.audio}
    except ValueError as error:  # a container that has no place for them
        raise UserError(f"{writer.name}: {error}; .mkv holds any sound") from error
    return encoder, sound


def _encoder(writer, stream, size: Size, layout: str, crf: int):
    """An H.264 stream like the input's."""
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    options = {"crf": str(crf), "preset": "veryfast"}
    encoder = writer.add_stream("libx264", rate=rate, options=options)
    context, old = encoder.codec_context, stream.codec_context
    context.width, context.height = size
    odd = context.width % 2 or context.height % 2
    context.pix_fmt = layout if layout != "rgb24" else "yuv444p" if odd else "yuv420p"
    context.time_base = stream.time_base
    context.sample_aspect_ratio = old.sample_aspect_ratio or Fraction(1)
    # A player guesses by the size what is not said, and the size is another one.
    guessed = BT601 if old.height < 720 else BT709
    said = guessed if old.colorspace in (0, UNSPECIFIED) else old.colorspace
    context.colorspace = BT601 if layout == "rgb24" else said
    context.color_primaries, context.color_trc = old.color_primaries, old.color_trc
    return encoder


def _frames(reader, stream, writer, sound: dict) -> Iterator:
    """The video's frames, in rising times; packets of sound are copied as they pass.
    What is damaged is left out with a warning."""
    last = None
    for packet in reader.demux(stream, *sound):
        if packet.stream is stream:
            for frame in _decoded(packet, reader.name):
                if last is not None and (frame.pts is None or frame.pts <= last):
                    frame.pts = last + 1  # as some .avi have it
                last = frame.pts
                yield frame
        elif packet.dts is not None:  # the last one only flushes
            packet.stream = sound[packet.stream]
            writer.mux(packet)


def _decoded(packet, name: str) -> list:
    try:
        return packet.decode()
    except _av().error.InvalidDataError as error:
        warnings.warn(f"{name}: left out what is damaged: {error}", stacklevel=2)
        return []


def _turned(frames: Iterator, encoder) -> Iterator:
    """The frames, once players are told to turn the output as they do the input."""
    for first in frames:
        if first.rotation:
            encoder.set_display_rotation(first.rotation)
        yield first
        yield from frames


def _array(frame, size: Size, layout: str) -> UInt8[np.ndarray, "*plane_shape"]:
    """In the limited range and one size, whatever it came in."""
    return frame.reformat(*size, layout, dst_color_range="MPEG").to_ndarray()


def _write(writer, encoder, layout: str, made: Frames, originals: list) -> None:
    for array, original in zip(np.asarray(made), originals, strict=False):
        frame = _av().VideoFrame.from_ndarray(array, format=layout)
        frame.pts, frame.time_base = original.pts, original.time_base
        writer.mux(encoder.encode(frame))
