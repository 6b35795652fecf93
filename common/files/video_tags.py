"""What a video says of itself besides its pictures and sound."""

import warnings

import numpy as np

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


def turn(frame, encoder) -> None:
    """Players turn and mirror the output as they do the input."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is not None:
        encoder.set_display_matrix(np.frombuffer(matrix, np.int32).tolist())
