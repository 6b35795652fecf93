"""Boxes drawn on pictures, with names and scores; truth beside detection; hits and
misses. uint8 in, uint8 RGB out.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from common.boxes import iou
from common.data.glyphs import font_path
from common.pixels import Picture, with_channels
from common.truth import Found, Truth

Colour = tuple[int, int, int]
Drawn = UInt8[np.ndarray, "height width 3"]

# Okabe and Ito's colours: classes take them in turn.
COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
HIT = (0, 158, 115)
WRONG = (213, 94, 0)
MISSED = (86, 180, 233)
HITS_AND_MISSES = {"found": HIT, "wrong, or twice": WRONG, "missed": MISSED}
SMALL = 256  # a report's pictures are enlarged to this side at least
GAP = 6  # white pixels between pictures
MOST_COVERED = 0.5  # of a picture, by names


def draw(
    picture: Picture,
    boxes: Float[np.ndarray, "n 4"],
    labels: Sequence[str] = (),
    scores: Sequence[float] = (),
    colours: Sequence[Colour] = (),
    *,
    least_side: int = 0,
) -> Drawn:
    """The picture with its boxes, the surest on top.

    labels, scores: of the boxes, written at each; () and "": nothing. In a crowd, of
      which they would hide too much, none is written.
    colours: of the boxes; (): each label has its own, by the order of the names.
    least_side: a picture whose shorter side has fewer pixels is enlarged by a whole
      factor, so that the names can be read.
    """
    factor = max(1, -(-least_side // max(min(picture.shape[:2]), 1)))
    pixels = with_channels(picture, 3).repeat(factor, 0).repeat(factor, 1)
    canvas = Image.fromarray(pixels)
    pen = ImageDraw.Draw(canvas)
    colours = colours or _colours_of(labels, len(boxes))
    order = np.argsort(scores, kind="stable") if len(scores) else range(len(boxes))
    font = written(max(9, round(min(canvas.size) / 22)))
    texts = _texts(labels, scores, len(boxes))
    areas = [np.prod(_text_size(pen, text, font)) for text in texts]
    if sum(areas) > MOST_COVERED * np.prod(canvas.size):
        texts = [""] * len(boxes)
    for i in order:
        box = np.asarray(boxes[i]) * factor
        _box(pen, canvas.size, box, texts[i], font, colours[i])
    return np.asarray(canvas)


def beside_truth(
    picture: Picture,
    truth: Truth,
    found: Found,
    names: Sequence[str],
    *,
    threshold: float = 0.3,
    least_side: int = SMALL,
) -> Drawn:
    """The objects on the left, and the boxes found with a score of at least `threshold`
    on the right, a colour a class."""
    found = found.take(np.asarray(found.scores) >= threshold)
    left = draw(
        picture,
        truth.boxes,
        [names[c] for c in truth.classes],
        colours=[class_colour(c) for c in truth.classes],
        least_side=least_side,
    )
    right = draw(
        picture,
        found.boxes,
        [names[c] for c in found.classes],
        found.scores,
        [class_colour(c) for c in found.classes],
        least_side=least_side,
    )
    return side_by_side([left, right])


def hits_and_misses(
    items: Iterable[tuple[Picture, Truth, Found]],
    names: Sequence[str],
    *,
    threshold: float = 0.3,
    overlap: float = 0.5,
    least_side: int = SMALL,
    legend: bool = True,
) -> Drawn:
    """A strip of pictures, above its legend. Green: found, with an IoU of at least
    `overlap`; orange: found where there is nothing of this class, or found twice; blue:
    objects that nothing has found. Boxes below the score `threshold` are left out."""
    drawn = []
    for picture, truth, found in items:
        found = found.take(np.asarray(found.scores) >= threshold)
        hit, seen = matched(truth, found, overlap)
        missed = truth.take(~seen)
        labels = [names[c] for c in (*found.classes, *missed.classes)]
        colours = [HIT if h else WRONG for h in hit] + [MISSED] * len(missed)
        boxes = np.concatenate([found.boxes, missed.boxes]).reshape(-1, 4)
        drawn.append(
            draw(picture, boxes, labels, colours=colours, least_side=least_side)
        )
    strip = side_by_side(drawn)
    return with_legend(strip, HITS_AND_MISSES) if legend else strip


def matched(
    truth: Truth, found: Found, overlap: float = 0.5
) -> tuple[Bool[np.ndarray, "found"], Bool[np.ndarray, "truths"]]:
    """Which boxes hit an object, and which objects are hit. By falling score, a box
    takes the object of its class that it overlaps most and that is still free."""
    hit = np.zeros(len(found), bool)
    seen = np.zeros(len(truth), bool)
    if not len(found) or not len(truth):
        return hit, seen
    ious = iou(np.asarray(found.boxes), np.asarray(truth.boxes))
    same = np.asarray(found.classes)[:, None] == np.asarray(truth.classes)
    ious = np.where(same, ious, -1)
    for i in np.argsort(-np.asarray(found.scores), kind="stable"):
        free = np.where(seen, -1, ious[i])
        best = int(free.argmax())
        if free[best] >= overlap:
            hit[i] = True
            seen[best] = True
    return hit, seen


def side_by_side(pictures: Sequence[Drawn]) -> Drawn:
    """Pictures in a row with white gaps, aligned at their tops."""
    height = max(picture.shape[0] for picture in pictures)
    width = sum(picture.shape[1] for picture in pictures) + GAP * (len(pictures) - 1)
    row = np.full((height, width, 3), 255, np.uint8)
    left = 0
    for picture in pictures:
        row[: picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + GAP
    return row


def with_legend(picture: Drawn, colours: Mapping[str, Colour]) -> Drawn:
    """The picture above a line of words, each behind a square of its colour."""
    width = picture.shape[1]
    size = max(10, width // 70)
    canvas = Image.new("RGB", (width, 2 * size), (255, 255, 255))
    pen = ImageDraw.Draw(canvas)
    left = 0.0
    for word, colour in colours.items():
        pen.rectangle([left, size // 2, left + size, size // 2 + size], fill=colour)
        place = left + 1.5 * size, size
        pen.text(place, word, fill=(30, 30, 30), font=written(size), anchor="lm")
        left += 3 * size + written(size).getlength(word)
    return np.concatenate([picture, np.asarray(canvas)])


def class_colour(class_index: int) -> Colour:
    """The colour of a class, the same in all pictures."""
    return COLOURS[int(class_index) % len(COLOURS)]


def _colours_of(labels: Sequence[str], n: int) -> list[Colour]:
    places = {label: i for i, label in enumerate(sorted({*labels}))}
    return [class_colour(places[label]) for label in labels] or [COLOURS[0]] * n


@functools.cache
def written(size: int) -> ImageFont.FreeTypeFont:
    """The font of names: Latin, Greek and Cyrillic letters; Pillow's own has ASCII."""
    return ImageFont.truetype(font_path("DejaVuSans"), size)


def _texts(labels: Sequence[str], scores: Sequence[float], n: int) -> list[str]:
    """What is written at each of n boxes."""
    names = labels if len(labels) else [""] * n
    numbers = [f"{score:.2f}" for score in scores] if len(scores) else [""] * n
    return [" ".join(filter(None, both)) for both in zip(names, numbers, strict=True)]


def _text_size(pen: ImageDraw.ImageDraw, text: str, font) -> tuple[int, int]:
    """Width and height of a text with its margins; none of no text."""
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    return (int(right - left) + 4, int(bottom - top) + 4) if text else (0, 0)


def _box(
    pen: ImageDraw.ImageDraw,
    size: tuple[int, int],
    box: Float[np.ndarray, "4"],
    text: str,
    font: ImageFont.FreeTypeFont,
    colour: Colour,
) -> None:
    """One box with its text above it, or in it where there is no room above."""
    if not np.isfinite(box).all():
        return
    width, height = size
    x1, y1, x2, y2 = (int(v) for v in np.round(np.clip(box, -9999, 99999)))
    line = max(1, round(min(size) / 200))
    corners = [x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)]
    pen.rectangle(corners, outline=colour, width=line)
    if not text:
        return
    left, top, *_ = pen.textbbox((0, 0), text, font=font)
    text_width, text_height = _text_size(pen, text, font)
    x = max(0, min(x1, width - text_width))
    y = y1 - text_height if y1 >= text_height else max(0, y1)
    y = min(y, max(height - text_height, 0))
    pen.rectangle([x, y, x + text_width, y + text_height], fill=colour)
    dark = np.dot(colour, (0.299, 0.587, 0.114)) > 128
    ink = (0, 0, 0) if dark else (255, 255, 255)
    pen.text((x + 2 - left, y + 2 - top), text, fill=ink, font=font)
