"""Pictures of captions: with their words, and the guidance over time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from common.box_figures import written
from common.pixels import Picture, with_channels

LEAST_SIDE = 192  # smaller pictures are enlarged, so that captions can be read
MARGIN = 4  # pixels around a line of text


def guidance(
    g: Float[np.ndarray, "time width"], words: Sequence[str], nearest: Sequence[str]
) -> Any:
    """g_t as a heat map: a row a step, a column a dimension, those that vary most over
    the steps first. Dimensions that are 0 at every step are left out and counted.

    words: what each step has just read, START the first.
    nearest: the word whose own guidance is nearest to g_t; (): not known.
    """
    from common import figures  # it loads matplotlib

    order = np.argsort(-g.std(axis=0), kind="stable")
    seen = order[g[:, order].any(axis=0)] if g.any() else order
    rest = len(order) - len(seen)
    left_out = f"; {rest} more are 0" if rest else ""
    rows = [
        f"{word} ({near})" if near else word
        for word, near in zip(words, nearest or [""] * len(words), strict=True)
    ]
    named = "word read (nearest word to g)" if nearest else "word read"
    return figures.heatmap(
        g[:, seen],
        f"dimensions of g, by how much they change{left_out}",
        named,
        y_ticks=rows,
        colour_label="g",
    )


def nearest_words(
    g: Float[np.ndarray, "time width"],
    own: Float[np.ndarray, "words width"],
    names: Sequence[str],
    count: int = 1,
) -> list[list[str]]:
    """The words whose own guidance, that of the image after them alone, is nearest to
    g_t, for each t. Distances are cosines of what differs from the words' mean: all
    guidances share the image, which says nothing of words."""
    mean = own.mean(axis=0)
    likeness = _unit(g - mean) @ _unit(own - mean).T
    order = np.argsort(-likeness, axis=-1, kind="stable")[:, :count]
    return [[names[i] for i in row] for row in order]


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)


def with_caption(picture: Picture, lines: Sequence[str]) -> Picture:
    """The picture with lines of text below it, on white."""
    factor = max(1, -(-LEAST_SIDE // max(min(picture.shape[:2]), 1)))
    pixels = with_channels(picture, 3).repeat(factor, 0).repeat(factor, 1)
    font = written(11)
    broken = [part for line in lines for part in _broken(line, font, pixels.shape[1])]
    height = 16 * len(broken) + 2 * MARGIN
    canvas = Image.new(
        "RGB", (pixels.shape[1], pixels.shape[0] + height), (255, 255, 255)
    )
    canvas.paste(Image.fromarray(pixels), (0, 0))
    pen = ImageDraw.Draw(canvas)
    for i, line in enumerate(broken):
        place = MARGIN, pixels.shape[0] + MARGIN + 16 * i
        pen.text(place, line, fill=(30, 30, 30), font=font)
    return np.asarray(canvas)


def _broken(line: str, font: Any, width: int) -> list[str]:
    """The line in parts that fit."""
    parts = [""]
    for word in line.split():
        longer = f"{parts[-1]} {word}".strip()
        if parts[-1] and font.getlength(longer) > width - 2 * MARGIN:
            parts.append(word)
        else:
            parts[-1] = longer
    return parts
