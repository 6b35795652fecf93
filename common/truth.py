"""What is in a picture, and what a detector found in it: arrays on the host.

Boxes are corners x1, y1, x2, y2 in pixels; a box is x2 - x1 wide.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclasses.dataclass(frozen=True)
class Truth:
    """The objects of one picture.

    Attributes:
      boxes: float32 [n, 4].
      classes: int32 [n], which index the set's names.
      crowd: the box holds many objects (COCO's iscrowd).
      difficult: no detector is blamed for missing it (VOC).
      area: square pixels by which COCO's S, M and L are told: that of the object's mask
        where the set has one, else the box's.
      image_id: the picture's name in its set.
    """

    boxes: Float[np.ndarray, "n 4"]
    classes: Int[np.ndarray, "n"]
    crowd: Bool[np.ndarray, "n"]
    difficult: Bool[np.ndarray, "n"]
    area: Float[np.ndarray, "n"]
    image_id: int | str = 0

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, rows: np.ndarray) -> "Truth":
        """Some of the objects: those of a mask, or of indices."""
        return Truth(
            self.boxes[rows],
            self.classes[rows],
            self.crowd[rows],
            self.difficult[rows],
            self.area[rows],
            self.image_id,
        )

    def moved(self, boxes: Float[np.ndarray, "n 4"]) -> "Truth":
        """The same objects, with other boxes."""
        return dataclasses.replace(self, boxes=boxes)


def truth(
    boxes, classes, *, crowd=None, difficult=None, area=None, image_id: int | str = 0
) -> Truth:
    """A `Truth` of arrays or lists, `[]` among them. By default nothing is a crowd or
    difficult, and the area is the box's."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    n = len(boxes)
    if area is None:
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return Truth(
        boxes,
        np.asarray(classes, np.int32).reshape(n),
        np.zeros(n, bool) if crowd is None else np.asarray(crowd, bool).reshape(n),
        np.zeros(n, bool)
        if difficult is None
        else np.asarray(difficult, bool).reshape(n),
        np.asarray(area, np.float32).reshape(n),
        image_id,
    )


class Truths(Sequence):
    """The objects of many pictures, in a few arrays: 100,000 pictures are sent to a
    worker process at once, and not object by object."""

    def __init__(self, truths: Sequence[Truth]) -> None:
        none = truth([], [])
        fields = ("boxes", "classes", "crowd", "difficult", "area")
        every = [none, *truths]
        self._arrays = [
            np.concatenate([x.__dict__[name] for x in every]) for name in fields
        ]
        self._ends = np.cumsum([len(x) for x in every])
        self._image_ids = [x.image_id for x in truths]

    def __len__(self) -> int:
        return len(self._image_ids)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        place = int(index) % len(self)
        rows = slice(self._ends[place], self._ends[place + 1])
        return Truth(*(x[rows] for x in self._arrays), self._image_ids[place])


@dataclasses.dataclass(frozen=True)
class Found:
    """A detector's findings in one picture, in any order.

    Attributes:
      boxes: float [n, 4], in pixels of the picture.
      scores: float [n]; the surer, the higher.
      classes: int [n].
    """

    boxes: Float[np.ndarray, "n 4"]
    scores: Float[np.ndarray, "n"]
    classes: Int[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: np.ndarray) -> "Found":
        """Some of the findings: those of a mask, or of indices."""
        return Found(self.boxes[rows], self.scores[rows], self.classes[rows])


def found(boxes, scores, classes=None) -> Found:
    """A `Found` of arrays or lists, `[]` among them; all of class 0 by default."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    n = len(boxes)
    if classes is None:
        classes = np.zeros(n, np.int32)
    return Found(
        boxes,
        np.asarray(scores, np.float32).reshape(n),
        np.asarray(classes, np.int32).reshape(n),
    )
