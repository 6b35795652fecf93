"""Batches of pictures with boxes: an endless stream to train on, and every picture once
to measure on.

    image     uint8   [batch, height, width, 3]
    boxes     float32 [batch, objects, 4], corners in pixels of the image
    classes   int32   [batch, objects]
    present   bool    [batch, objects]: False on padding
    mask      float32 [batch]: 0 on padding, and where a picture cannot be read

To measure there are, besides,

    index     int32   [batch], the picture's place in its set: `data.truth(index)` has
              crowds, difficult objects and areas, in pixels of the picture
    letterbox float32 [batch, 4]: scale_x, scale_y, left, top, by which boxes go back
    size      int32   [batch, 2]: the picture's height and width
"""

import functools
import warnings
from typing import Protocol

import grain
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from common import boxes as box_forms
from common.contract import UserError
from common.data.annotated import AnnotatedImages
from common.data.pipeline import Item, pipeline
from common.data.workers import PartedBatches
from common.pixels import Picture
from common.truth import Truth, truth

ENDLESS = 2**40  # items of a stream
NOTHING = truth([], [])


class View(Protocol):
    """Makes a training image of a picture: `step` says of which step, because the
    images of another step may be of another size."""

    def __call__(
        self, picture: Picture, truth: Truth, rng: np.random.Generator, step: int
    ) -> tuple[Picture, Truth]: ...


def training(
    data: AnnotatedImages,
    view: View,
    *,
    batch_size: int,
    max_objects: int,
    seed: int = 0,
    process_index: int = 0,
    process_count: int = 1,
) -> grain.DatasetIterator | PartedBatches:
    """Endless batches with `get_state` and `set_state`: epochs, each in a new order.

    `view` gets a generator that depends on the seed and the place in the stream alone.
    It sees no crowd and no difficult object. Of more than `max_objects` objects a
    random choice is taken, and a warning says beforehand how many pictures have more.
    For a picture that cannot be read the next one stands in.

    Args:
      batch_size: rows of a step, over all processes.
    """
    if not len(data):
        raise UserError("the training split has no pictures")
    say_overflow(data, max_objects)
    return pipeline(
        _Stream(data, view, batch_size, max_objects, seed),
        batch_size=batch_size // process_count,
        process_index=process_index,
        process_count=process_count,
        costly=data.decoded_on_access,
    )


def in_order(
    data: AnnotatedImages,
    *,
    batch_size: int,
    size: tuple[int, int],
    max_objects: int,
    process_index: int = 0,
    process_count: int = 1,
) -> grain.DatasetIterator | PartedBatches:
    """Every picture once, in the set's order, letterboxed to this height and width."""
    return pipeline(
        _InOrder(data, size, max_objects),
        batch_size=batch_size // process_count,
        repeat=False,
        process_index=process_index,
        process_count=process_count,
        costly=data.decoded_on_access,
    )


def spec(
    rows: int, size: tuple[int, int], max_objects: int, train: bool
) -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch of `training` or of `in_order`."""
    shapes = {
        "image": ((*size, 3), jnp.uint8),
        "boxes": ((max_objects, 4), jnp.float32),
        "classes": ((max_objects,), jnp.int32),
        "present": ((max_objects,), jnp.bool_),
        "mask": ((), jnp.float32),
    }
    if not train:
        shapes["index"] = ((), jnp.int32)
        shapes["letterbox"] = ((4,), jnp.float32)
        shapes["size"] = ((2,), jnp.int32)
    return {
        name: jax.ShapeDtypeStruct((rows, *shape), dtype)
        for name, (shape, dtype) in shapes.items()
    }


class _Stream:
    """Item i of the endless stream of training images."""

    def __init__(
        self,
        data: AnnotatedImages,
        view: View,
        batch_size: int,
        max_objects: int,
        seed: int,
    ) -> None:
        self._data = data
        self._view = view
        self._batch_size = batch_size
        self._max_objects = max_objects
        self._seed = seed

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, place: int) -> Item:
        epoch, position = divmod(place, len(self._data))
        chosen = int(_order(self._seed, epoch, len(self._data))[position])
        rng = np.random.default_rng((self._seed, 1, place))
        picture, own = self._readable(chosen)
        own = own.take(~(own.crowd | own.difficult))
        image, own = self._view(picture, own, rng, place // self._batch_size)
        own = own.take(rng.permutation(len(own)))
        return {"image": image, **padded(own, self._max_objects), "mask": np.float32(1)}

    def _readable(self, chosen: int) -> tuple[Picture, Truth]:
        count = len(self._data)
        for i in range(chosen, chosen + count):
            picture = self._data.picture(i % count)
            if picture is not None:
                return picture, self._data.truth(i % count)
        raise UserError("none of the training pictures can be read")


class _InOrder:
    """Item i is picture i, letterboxed."""

    def __init__(
        self, data: AnnotatedImages, size: tuple[int, int], max_objects: int
    ) -> None:
        self._data = data
        self._size = tuple(size)
        self._max_objects = max_objects

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> Item:
        picture = self._data.picture(index)
        own = NOTHING if picture is None else self._data.truth(index)
        readable = np.float32(picture is not None)
        if picture is None:
            picture = np.zeros((*self._size, 3), np.uint8)
        image, own, frame = fitted(picture, own, self._size)
        numbers = [frame.scale_x, frame.scale_y, frame.left, frame.top]
        return {
            "image": image,
            **padded(own.take(~(own.crowd | own.difficult)), self._max_objects),
            "mask": readable,
            "index": np.int32(index),
            "letterbox": np.array(numbers, np.float32),
            "size": np.array(frame.picture, np.int32),
        }


@functools.lru_cache(maxsize=8)
def _order(seed: int, epoch: int, count: int) -> Int[np.ndarray, "count"]:
    return np.random.default_rng((seed, 0, epoch)).permutation(count)


def fitted(
    picture: Picture, own: Truth, size: tuple[int, int]
) -> tuple[Picture, Truth, box_forms.Letterbox]:
    """The picture letterboxed to this height and width, its objects there, and the way
    back."""
    frame = box_forms.letterbox(*picture.shape[:2], *size)
    same = picture.shape[:2] == tuple(size)
    image = picture if same else frame.picture_in(picture)
    return image, own.moved(frame.boxes_in(own.boxes)), frame


def padded(own: Truth, most: int) -> dict[str, np.ndarray]:
    """ "boxes", "classes" and "present" of the first `most` objects."""
    count = min(len(own), most)
    boxes = np.zeros((most, 4), np.float32)
    classes = np.zeros(most, np.int32)
    boxes[:count] = own.boxes[:count]
    classes[:count] = own.classes[:count]
    return {"boxes": boxes, "classes": classes, "present": np.arange(most) < count}


def boxes_back(
    boxes: Float[np.ndarray, "n 4"],
    letterbox: Float[np.ndarray, "4"],
    size: Int[np.ndarray, "2"],
) -> Float[np.ndarray, "n 4"]:
    """Boxes of an image of `in_order`, in pixels of its picture of this height and
    width, cut to it."""
    scale_x, scale_y, left, top = (float(number) for number in letterbox)
    moved = (boxes - np.array([left, top] * 2)) / np.array([scale_x, scale_y] * 2)
    return box_forms.clip(moved, *size)


def say_overflow(data: AnnotatedImages, most: int) -> None:
    """Warns of what training will not see."""
    counts = np.array([int((~(x.crowd | x.difficult)).sum()) for x in data.truths])
    if (counts > most).any():
        warnings.warn(
            f"{int((counts > most).sum())} pictures have more than {most} objects, up "
            f"to {counts.max()}: {most} of them are trained on at a time; set "
            f"--config.data.max_objects={counts.max()} for all",
            stacklevel=3,
        )
    if not counts.any():
        warnings.warn("no training picture has an object in it", stacklevel=3)
