"""What a video says of itself besides its pictures and sound."""

import warnings

import numpy as np
from jaxtyping import UInt8

# Metadata that describe the bytes of the old file and not what it shows.
_OF_THE_FILE = {
    "major_brand", "minor_version", "compatible_brands", "encoder", "duration", "bps",
    "number_of_bytes", "number_of_frames", "vendor_id",
}  # fmt: skip


def copy(reader, writer, streams: dict) -> None:
    """Copies titles, dates, places, languages and chapters, as far as the container has
    room for them. `streams`: {the input's: the output's}."""
    for old, new in {reader: writer, **streams}.items():
        for name, value in old.metadata.items():
            if name.lower() not in _OF_THE_FILE:
                new.metadata[name] = value
    writer.set_chapters(reader.chapters())
    if reader.streams.subtitles:
        warnings.warn(f"{reader.name}: its subtitles are left out", stacklevel=2)


def upright(
    frame, pixels: UInt8[np.ndarray, "rows columns 3"]
) -> UInt8[np.ndarray, "height width 3"]:
    """The frame's pixels, turned and mirrored as players show them."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return pixels
    x_of_x, y_of_x, _, x_of_y, y_of_y, *_ = np.sign(np.frombuffer(matrix, np.int32))
    if x_of_x == y_of_y == 0:
        pixels = pixels.swapaxes(0, 1)
        x_of_x, y_of_y = x_of_y, y_of_x
    elif x_of_y or y_of_x:
        return pixels  # turned by no right angle
    return np.ascontiguousarray(pixels[::y_of_y, ::x_of_x])


def turn(frame, encoder) -> None:
    """Players turn and mirror the output as they do the input."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is not None:
        encoder.set_display_matrix(np.frombuffer(matrix, np.int32).tolist())
