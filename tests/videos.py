"""Photographs and videos for tests: drawn, written to files, and read from them."""

from fractions import Fraction

import numpy as np
import pytest

from common.resize import enlarge

av = pytest.importorskip("av")


def photograph(height=20, width=26, seed=0):
    """Smooth random colours, uint8 [height, width, 3]."""
    coarse = np.random.default_rng(seed).random((4, 5, 3))
    factor = -(-max(height, width) // 4)
    smooth = np.clip(enlarge(coarse, factor)[:height, :width], 0, 1)
    return np.round(255 * smooth).astype(np.uint8)


def write_video(
    path, images, times=None, pix_fmt="yuv420p", matrix=5, sound=False, rotation=0
):
    """A lossless video of `images` [height, width, 3], and of a tone.

    times: in tenths of a second. matrix: H.264's code of BT.709 (1) or BT.601 (5).
    """
    with av.open(str(path), "w") as writer:
        stream = writer.add_stream("libx264", rate=Fraction(10), options={"crf": "0"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.codec_context.colorspace = matrix
        stream.codec_context.time_base = Fraction(1, 10)
        if rotation:
            stream.set_display_rotation(rotation)
        tone = writer.add_stream("aac", rate=44_100) if sound else None
        for image, time in zip(images, times or range(len(images)), strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame = frame.reformat(format=pix_fmt, dst_colorspace=matrix)
            frame.pts = time
            frame.time_base = Fraction(1, 10)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
        for i in range(20 if sound else 0):
            wave = np.sin(np.arange(1024 * i, 1024 * (i + 1)) / 16)
            packet = av.AudioFrame.from_ndarray(
                0.1 * wave[None].astype(np.float32), format="fltp", layout="mono"
            )
            packet.rate = 44_100
            packet.pts = 1024 * i
            packet.time_base = Fraction(1, 44_100)
            writer.mux(tone.encode(packet))
        if sound:
            writer.mux(tone.encode(None))


def read_video(path, layout="rgb24"):
    """The frames, and their times in seconds."""
    with av.open(str(path)) as reader:
        frames = [*reader.decode(reader.streams.video[0])]
    arrays = [frame.to_ndarray(format=layout) for frame in frames]
    return np.stack(arrays), [float(frame.pts * frame.time_base) for frame in frames]


def read_sound(path):
    """The packets of sound, encoded."""
    with av.open(str(path)) as reader:
        packets = [*reader.demux(reader.streams.audio[0])]
    return [bytes(packet) for packet in packets if packet.dts is not None]
