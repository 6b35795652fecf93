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

from common.contract import Table, UserError
from common.files import outputs, video_tags
from common.timing import median_seconds

ENDINGS = {
    ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".ogv", ".ts", ".webm", ".wmv",
}  # fmt: skip
# H.264's codes for the matrix from RGB to YCbCr. FFmpeg's default is the second.
BT709 = 1
UNSPECIFIED = 2
BT601 = 5
Frames = UInt8[Array, "frames *plane_shape"]
Size = tuple[int, int]  # width, height


@dataclasses.dataclass(frozen=True)
class Speed:
    """What `convert` measured, without compilation."""

    frames: int
    seconds: float  # to decode, compute and encode all frames
    compute_seconds: float  # to compute one frame

    def table(self, size: Size, alone: str) -> Table:
        """Frames a second of a video of this size, in all and of what `alone` names."""
        width, height = size
        columns = ("frames", "size", "frames/s", f"{alone} alone")
        rates = self.frames / self.seconds, 1 / self.compute_seconds
        note = "frames/s: with decoding and encoding; alone: without"
        return Table(columns, [[self.frames, f"{width} x {height}", *rates]], note)


def is_video(path: Path) -> bool:
    """Whether the ending of its name is a video's."""
    return path.is_file() and path.suffix.lower() in ENDINGS


def video_target(source: Path, out: str, mark: str) -> Path:
    """The file `out`; else the video's name with `mark`, in the folder `out` or,
    without one, beside the video."""
    # Matroska holds any kind of sound.
    ending = source.suffix.lower()
    ending = ending if ending in (".mov", ".mp4") else ".mkv"
    name = f"{source.stem}_{mark}{ending}"
    return outputs.target(out, source, name) if out else source.with_name(name)


def frame_size(source: Path) -> Size:
    """Width and height of a video's frames as they are stored. UserError: not a video,
    or one without pictures."""
    with _opened(source) as reader:
        context = _stream(reader).codec_context
        return context.width, context.height


def shown_size(source: Path) -> Size:
    """As `frame_size`, of the frames as players turn them."""
    for _, frame in sampled(source, 1, most=1):
        height, width = frame.shape[:2]
    return width, height


def sampled(
    source: Path, every: int, most: int = 0
) -> Iterator[tuple[float, UInt8[np.ndarray, "height width 3"]]]:
    """Every `every`-th frame as (seconds since the first, RGB, turned as players show
    it), the first one too; at most `most` of them, 0: all. UserError: not a video, or
    one without pictures."""
    with _opened(source) as reader:
        stream = _stream(reader)
        decoded = (
            f for packet in reader.demux(stream) for f in _decoded(packet, source.name)
        )
        start = None
        for count, frame in enumerate(itertools.islice(decoded, 0, None, every)):
            if most and count == most:
                return
            seconds = float((frame.pts or 0) * stream.time_base)
            start = seconds if start is None else start
            pixels = frame.to_ndarray(format="rgb24")
            yield seconds - start, video_tags.upright(frame, pixels)
        if start is None:
            raise UserError(f"{source.name} has no pictures in it")


def convert(
    source: Path,
    target: Path,
    compute: Callable[[Any, Frames], Any],
    params: Any,
    *,
    size: Size,
    prepare: Callable[[Any], Any] | None = None,
    draw: Callable[[Any, Any], Any] | None = None,
    scale: int = 1,
    layout: str = "rgb24",
    most: int = 0,
    crf: int = 18,
) -> Speed:
    """Writes `compute(params, frames)` of the video as H.264, with its times and sound.

    size: width and height that frames are resized to before they are computed.
    prepare: makes what `compute` is given of a frame, on the host. None: the frame.
    draw: makes the frame that is written of the frame that was read and of what
      `compute` gave of it: on the host, once for each frame, in their order. Frames are
      read and written as players turn them, then. None: `compute` gives the frame.
    scale: how many times larger `compute` makes them.
    layout: FFmpeg's name for the arrays of frames, given and returned: rgb24 is
      [height, width, 3].
    most: the number of frames to convert; 0: all.
    crf: quality, from 0 (lossless) to 51.

    Where it is interrupted, the target is a video of the frames so far.
    """
    search, rows = on_all_devices(compute, params)
    try:
        with _opened(source) as reader, _opened(target, "w") as writer:
            stream = _stream(reader)
            stream.thread_type = "AUTO"
            new_size = (size[0] * scale, size[1] * scale)
            encoder, sound = _streams(reader, writer, new_size, layout, crf)
            read = partial(_array, size=size, layout=layout)
            if draw:
                stored = stream.codec_context.width, stream.codec_context.height
                read = partial(_shown, size=stored)
            turn = None if draw else video_tags.turn
            frames = _frames(reader, stream, writer, encoder, sound, turn)
            try:
                count, compute_seconds, start = _in_batches(
                    itertools.islice(frames, most or None),
                    read,
                    lambda x: search(np.stack([*map(prepare, x)]) if prepare else x),
                    rows,
                    partial(_write, writer, encoder, layout, draw),
                )
            except KeyboardInterrupt:
                writer.mux(encoder.encode(None))
                raise KeyboardInterrupt(f"{target} has the frames so far") from None
            writer.mux(encoder.encode(None))
            return Speed(count, time.perf_counter() - start, compute_seconds)
    except _av().error.FFmpegError as error:
        target.unlink(missing_ok=True)
        raise UserError(f"{source} to {target}: {error}") from error


def on_all_devices(compute: Callable, params: Any) -> tuple[Callable, int]:
    """(run, frames at a time). `run(frames)` is `compute(params, frames)`, compiled for
    one frame on each device."""
    devices = jax.local_devices()
    mesh = jax.sharding.Mesh(np.array(devices), ("frame",))
    by_frame = jax.sharding.NamedSharding(mesh, jax.P("frame"))
    params = jax.device_put(params, jax.sharding.NamedSharding(mesh, jax.P()))
    run = jax.jit(compute, out_shardings=by_frame)
    return lambda frames: run(params, jax.device_put(frames, by_frame)), len(devices)


def _in_batches(
    frames: Iterator, read: Callable, run: Callable, rows: int, write: Callable
) -> tuple[int, float, float]:
    """Computes the next frames while the last ones are encoded. Returns the number of
    frames, the seconds to compute one, and the time at which the clock started, when
    the program was compiled."""
    count = 0
    waiting = ()
    compute_seconds = 0.0
    start = 0.0
    while batch := list(itertools.islice(frames, rows)):
        arrays = np.stack([read(frame) for frame in batch])
        arrays = arrays[np.minimum(np.arange(rows), len(batch) - 1)]
        if not count:
            compute_seconds = median_seconds(partial(run, arrays), 3) / rows
            start = time.perf_counter()
        computed = run(arrays)
        if waiting:
            write(*waiting)
        waiting = (computed, arrays, batch)
        count += len(batch)
    if not count:
        raise UserError("the video has no pictures in it")
    write(*waiting)
    return count, compute_seconds, start


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
        known = isinstance(error, av.error.FFmpegError)
        reason = error.strerror if known else error  # without a number and the path
        wanted = "is not a video that can be read" if mode == "r" else "not written"
        raise UserError(f"{path} {wanted}: {reason}") from error


def _stream(reader):
    if not reader.streams.video:
        raise UserError(f"{reader.name} has no pictures in it")
    return reader.streams.video[0]


def _streams(reader, writer, size: Size, layout: str, crf: int) -> tuple[Any, dict]:
    """The output's stream of pictures, and {stream of sound in the input: its copy}."""
    try:
        encoder = _encoder(writer, _stream(reader), size, layout, crf)
        sound = {s: writer.add_stream_from_template(s) for s in reader.streams.audio}
        video_tags.copy(reader, writer, {_stream(reader): encoder, **sound})
    except ValueError as error:  # the container cannot hold them
        raise UserError(f"{writer.name}: {error}; .mkv holds any sound") from error
    return encoder, sound


def _encoder(writer, stream, size: Size, layout: str, crf: int):
    """An H.264 stream like the input's."""
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    options = {"crf": str(crf), "preset": "veryfast"}
    encoder = writer.add_stream("libx264", rate=rate, options=options)
    context = encoder.codec_context
    old = stream.codec_context
    context.width, context.height = size
    odd = context.width % 2 or context.height % 2
    context.pix_fmt = layout if layout != "rgb24" else "yuv444p" if odd else "yuv420p"
    context.time_base = stream.time_base
    context.sample_aspect_ratio = stream.sample_aspect_ratio or Fraction(1)
    # Players guess an unspecified matrix from the size, which may be another one now.
    guessed = BT601 if old.height < 720 else BT709
    matrix = guessed if old.colorspace in (0, UNSPECIFIED) else old.colorspace
    context.colorspace = BT601 if layout == "rgb24" else matrix
    context.color_primaries = old.color_primaries
    context.color_trc = old.color_trc
    return encoder


def _frames(reader, stream, writer, encoder, sound: dict, turn) -> Iterator:
    """The video's frames, whose times rise. Packets of sound are copied as they pass.
    Damaged packets are left out with a warning. The output's header is written with its
    first packet; packets of sound wait for the first frame, which says how players turn
    the video."""
    first = True
    waiting = []
    last = None
    for packet in reader.demux(stream, *sound):
        if packet.stream is stream:
            for frame in _decoded(packet, reader.name):
                if first:
                    first = False
                    if turn:
                        turn(frame, encoder)
                    writer.mux(waiting)
                if last is not None and (frame.pts is None or frame.pts <= last):
                    frame.pts = last + 1  # some .avi files need it
                last = frame.pts
                yield frame
        elif packet.dts is not None:  # the last one only flushes
            packet.stream = sound[packet.stream]
            if first:
                waiting.append(packet)
            else:
                writer.mux(packet)


def _decoded(packet, name: str) -> list:
    try:
        return packet.decode()
    except _av().error.InvalidDataError as error:
        warnings.warn(f"{name}: left out what is damaged: {error}", stacklevel=2)
        return []


def _array(frame, size: Size, layout: str) -> UInt8[np.ndarray, "*plane_shape"]:
    """The frame as an array, in the limited range (16 to 235) and resized to `size`."""
    return frame.reformat(*size, layout, dst_color_range="MPEG").to_ndarray()


def _shown(frame, size: Size) -> UInt8[np.ndarray, "height width 3"]:
    """The frame, whose stored size this is, as players turn it."""
    return video_tags.upright(frame, _array(frame, size, "rgb24"))


def _write(
    writer, encoder, layout: str, draw, computed: Any, arrays: Frames, originals: list
) -> None:
    computed = jax.tree.map(np.asarray, computed)
    for i, original in enumerate(originals):
        array = jax.tree.map(lambda leaf, i=i: leaf[i], computed)
        if draw:
            array = draw(arrays[i], array)
        frame = _av().VideoFrame.from_ndarray(array, format=layout)
        frame.pts = original.pts
        frame.time_base = original.time_base
        writer.mux(encoder.encode(frame))
