"""Boxes: their forms, areas, overlaps, and their places in a picture that has changed.

A box is `x1, y1, x2, y2`, its corners, in pixels of its picture; float32, continuous:
its width is x2 - x1, and a whole picture is 0, 0, width, height. numpy in, numpy out,
and JAX likewise.
"""

import dataclasses

import numpy as np
from jaxtyping import Array, Bool, Float

from common.pixels import Picture, namespace
from common.resize import bilinear

Boxes = Float[Array, "*batch n 4"]

GREY = 128  # the border of a letterbox: darknet's .5


def area(boxes: Boxes, offset: float = 0.0) -> Float[Array, "*batch n"]:
    """Square pixels; 0 where a box is inside out. offset: as of `iou`."""
    xp = namespace(boxes)
    width = xp.maximum(boxes[..., 2] - boxes[..., 0] + offset, 0)
    height = xp.maximum(boxes[..., 3] - boxes[..., 1] + offset, 0)
    return width * height


def has_area(boxes: Boxes) -> Bool[Array, "*batch n"]:
    """False where a box has no width or no height, or is inside out."""
    return (boxes[..., 2:] > boxes[..., :2]).all(-1)


def iou(
    a: Float[Array, "*batch n 4"], b: Float[Array, "*batch m 4"], offset: float = 0.0
) -> Float[Array, "*batch n m"]:
    """Intersection over union of each box of `a` with each of `b`; 0 where both are
    empty.

    offset: 1 where corners are inclusive pixels, so that a box is x2 - x1 + 1 wide (the
      VOC kit, Faster R-CNN, Soft-NMS); 0 for continuous corners (COCO).
    """
    xp = namespace(a)
    ax1, ay1, ax2, ay2 = (a[..., :, None, i] for i in range(4))
    bx1, by1, bx2, by2 = (b[..., None, :, i] for i in range(4))
    width = xp.maximum(xp.minimum(ax2, bx2) - xp.maximum(ax1, bx1) + offset, 0)
    height = xp.maximum(xp.minimum(ay2, by2) - xp.maximum(ay1, by1) + offset, 0)
    common = width * height
    union = area(a, offset)[..., :, None] + area(b, offset)[..., None, :] - common
    return common / xp.maximum(union, 1e-12)


def clip(boxes: Boxes, height: float, width: float) -> Boxes:
    """The boxes cut to a picture of this size. A box outside has no area then
    (`has_area`)."""
    xp = namespace(boxes)
    most = np.array([width, height, width, height], boxes.dtype)
    return xp.clip(boxes, 0, most)


def flip(boxes: Boxes, width: float) -> Boxes:
    """The boxes of the picture's mirror image, left for right."""
    xp = namespace(boxes)
    x1, y1, x2, y2 = (boxes[..., i] for i in range(4))
    return xp.stack([width - x2, y1, width - x1, y2], -1)


def from_centres(boxes: Boxes) -> Boxes:
    """Corners of boxes `centre x, centre y, width, height` (YOLO, darknet)."""
    xp = namespace(boxes)
    half = boxes[..., 2:] / 2
    return xp.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], -1)


def to_centres(boxes: Boxes) -> Boxes:
    """`centre x, centre y, width, height` of corners."""
    xp = namespace(boxes)
    low, high = boxes[..., :2], boxes[..., 2:]
    return xp.concatenate([(low + high) / 2, high - low], -1)


def from_corner_size(boxes: Boxes) -> Boxes:
    """Corners of boxes `x1, y1, width, height` (COCO)."""
    xp = namespace(boxes)
    return xp.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], -1)


def to_corner_size(boxes: Boxes) -> Boxes:
    """`x1, y1, width, height` of corners."""
    xp = namespace(boxes)
    return xp.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], -1)


@dataclasses.dataclass(frozen=True)
class Letterbox:
    """Where a picture lies in a network's input: shrunk or enlarged as a whole, in the
    middle, between grey borders."""

    scale_x: float  # input pixels a picture pixel
    scale_y: float  # differs from scale_x by rounding to whole pixels
    left: int  # border, in input pixels
    top: int
    net: tuple[int, int]  # height and width of the input
    picture: tuple[int, int]  # and of the picture

    @property
    def inner(self) -> tuple[int, int]:
        """Height and width of the picture inside the input."""
        height, width = self.picture
        return round(height * self.scale_y), round(width * self.scale_x)

    def boxes_in(self, boxes: Boxes) -> Boxes:
        """Boxes of the picture, in pixels of the input."""
        return boxes * self._scale(boxes) + self._border(boxes)

    def boxes_back(self, boxes: Boxes) -> Boxes:
        """Boxes of the input, in pixels of the picture: the inverse of `boxes_in`. They
        are not clipped to the picture (`clip`)."""
        return (boxes - self._border(boxes)) / self._scale(boxes)

    def picture_in(self, pixels: Picture) -> Picture:
        """The picture resized bilinearly, with its grey borders."""
        height, width = self.inner
        grey = np.full((*self.net, pixels.shape[-1]), GREY, np.uint8)
        rows = slice(self.top, self.top + height)
        columns = slice(self.left, self.left + width)
        grey[rows, columns] = bilinear(pixels, (height, width))
        return grey

    def _scale(self, boxes: Boxes) -> np.ndarray:
        return np.array([self.scale_x, self.scale_y] * 2, boxes.dtype)

    def _border(self, boxes: Boxes) -> np.ndarray:
        return np.array([self.left, self.top] * 2, boxes.dtype)


def letterbox(height: int, width: int, net_height: int, net_width: int) -> Letterbox:
    """The letterbox of a picture, with darknet's whole numbers: one side fills the
    input, the other is rounded down, and so is the border before it."""
    if net_width * height < net_height * width:
        inner_width = net_width
        inner_height = max(height * net_width // width, 1)
    else:
        inner_height = net_height
        inner_width = max(width * net_height // height, 1)
    return Letterbox(
        scale_x=inner_width / width,
        scale_y=inner_height / height,
        left=(net_width - inner_width) // 2,
        top=(net_height - inner_height) // 2,
        net=(net_height, net_width),
        picture=(height, width),
    )
