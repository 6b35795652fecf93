"""What was found in a picture as darknet's labels, which other programs train on."""

from pathlib import Path

from common.boxes import to_centres
from common.files import storage
from common.truth import Found


def write(path: Path, found: Found, height: int, width: int) -> Path:
    """Writes `text` and returns the path."""
    with storage.replacing(path) as file:
        file.write_text(text(found, height, width), "utf-8")
    return path


def text(found: Found, height: int, width: int) -> str:
    """A line for each box: `class x y width height`, the centre and the sides as parts
    of the picture's."""
    relative = to_centres(found.boxes) / [width, height, width, height]
    return "".join(
        f"{label} {' '.join(f'{value:.6f}' for value in box)}\n"
        for label, box in zip(found.classes.tolist(), relative.tolist(), strict=True)
    )
