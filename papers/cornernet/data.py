"""Batches: uint8 images of one size and their boxes, padded to `data.max_objects`."""

import dataclasses
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common.boxes import Letterbox, letterbox
from common.data.annotated import AnnotatedImages
from common.data.pipeline import Rows, pipeline
from common.data.shuffled import ShuffledBatches
from common.truth import Truth, truth
from papers.cornernet import crop
from papers.cornernet.config import Config, Data
from papers.cornernet.sets import annotated

IN_MEMORY = 2**30  # bytes; larger training sets are read picture by picture
NOTHING = truth([], [])


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`. "train" is shuffled, augmented and endless, and has
    `get_state` and `set_state`; "valid" and "test" have a mask."""
    share = {"process_index": process_index, "process_count": process_count}
    data = annotated(config, split)
    d = config.data
    if split != "train":
        return in_order(config, split_of(config, split), **share)
    _say_overflow(data, d.max_objects)
    if _kept_in_memory(d, data):
        stream = ShuffledBatches(
            _arrays(d, data),
            batch_size=d.batch_size,
            seed=config.seed,
            map_fn=partial(_flipped, d),
            draws=1,
            **share,
        )
        return pipeline(stream)
    return pipeline(
        _Items(data),
        batch_size=d.batch_size // process_count,
        seed=config.seed,
        shuffle=True,
        random_map_fn=partial(_viewed, d),
        costly=data.decoded_on_access,
        **share,
    )


def split_of(config: Config, split: str) -> AnnotatedImages:
    """The pictures of a split that are measured, `eval.images` of them at most."""
    data = annotated(config, split)
    if len(data) <= config.eval.images:
        return data
    return data.take(np.arange(config.eval.images) * len(data) // config.eval.images)


def in_order(
    config: Config,
    data: AnnotatedImages,
    *,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of all pictures of `data`, in their order, scaled to fit the input. The
    mask is 0 where one cannot be read; "index" is its place, "letterbox" the scales
    and borders by which boxes go back, "picture_size" its rows and columns."""
    return pipeline(
        _Items(data),
        batch_size=config.eval.batch_size // process_count,
        repeat=False,
        map_fn=partial(_fitted_item, config.data),
        process_index=process_index,
        process_count=process_count,
        costly=data.decoded_on_access,
    )


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch. Boxes are corners in pixels of the image."""
    d = config.data
    train = split == "train"
    rows = d.batch_size if train else config.eval.batch_size
    of = partial(jax.ShapeDtypeStruct)
    spec = {
        "image": of((rows, *d.size, 3), jnp.uint8),
        "boxes": of((rows, d.max_objects, 4), jnp.float32),
        "classes": of((rows, d.max_objects), jnp.int32),
        "present": of((rows, d.max_objects), jnp.bool),
    }
    if train:
        return spec
    return {
        **spec,
        "index": of((rows,), jnp.int32),
        "letterbox": of((rows, 4), jnp.float32),
        "picture_size": of((rows, 2), jnp.int32),
        "mask": of((rows,), jnp.float32),
    }


@dataclasses.dataclass(frozen=True)
class _Items:
    """A set as the pipeline reads it."""

    data: AnnotatedImages

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**self.data[index], "index": np.int32(index)}


def _viewed(data: Data, item: dict, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A training item: one view of the picture, perhaps mirrored."""
    picture, of = item["image"], item["truth"]
    if picture is None:  # it was named in a warning
        picture, of = np.zeros((*data.size, 3), np.uint8), NOTHING
    of = of.take(~of.crowd)
    size = tuple(data.size)
    if data.view == "crop":
        pixels, of = crop.cropped(
            picture, of, rng, size=size, scales=tuple(data.scales), border=data.border
        )
        if data.flip and rng.random() < 0.5:
            pixels, boxes = crop.mirrored(pixels, of.boxes)
            of = crop.clipped(of.moved(boxes), size)
        return {"image": np.ascontiguousarray(pixels), **padded(of, data.max_objects)}
    pixels, of, _ = fitted(picture, of, size)
    row = {"image": pixels, **padded(of, data.max_objects)}
    return _flipped(data, row, rng.random(1))


def _flipped(data: Data, batch: dict, draws: np.ndarray) -> dict[str, np.ndarray]:
    """The rows whose draw is below a half, mirrored; of an item or of a batch."""
    if not data.flip:
        return batch
    chosen = draws[..., 0] < 0.5
    image = batch["image"]
    boxes = batch["boxes"]
    width = image.shape[-2]
    turned = np.stack(
        [width - boxes[..., 2], boxes[..., 1], width - boxes[..., 0], boxes[..., 3]], -1
    )
    image = np.where(chosen[..., None, None, None], image[..., ::-1, :], image)
    boxes = np.where(chosen[..., None, None], turned, boxes)
    return {**batch, "image": image, "boxes": boxes * batch["present"][..., None]}


def fitted(
    picture: np.ndarray, of: Truth, size: tuple[int, int]
) -> tuple[np.ndarray, Truth, Letterbox]:
    """The picture scaled as a whole into the input, its boxes there, and how to come
    back."""
    frame = letterbox(*picture.shape[:2], *size)
    pixels = picture if picture.shape[:2] == size else frame.picture_in(picture)
    return pixels, of.moved(frame.boxes_in(of.boxes)), frame


def _fitted_item(data: Data, item: dict) -> dict[str, np.ndarray]:
    """A row of evaluation."""
    picture = item["image"]
    of = item["truth"] if picture is not None else NOTHING
    readable = np.float32(picture is not None)
    if picture is None:
        picture = np.zeros((*data.size, 3), np.uint8)
    pixels, of, frame = fitted(picture, of, tuple(data.size))
    numbers = [frame.scale_x, frame.scale_y, frame.left, frame.top]
    return {
        "image": pixels,
        **padded(of.take(~of.crowd), data.max_objects),
        "index": item["index"],
        "letterbox": np.array(numbers, np.float32),
        "picture_size": np.array(frame.picture, np.int32),
        "mask": readable,
    }


def padded(of: Truth, most: int) -> dict[str, np.ndarray]:
    """ "boxes", "classes" and "present" of the first `most` objects."""
    count = min(len(of), most)
    boxes = np.zeros((most, 4), np.float32)
    classes = np.zeros(most, np.int32)
    boxes[:count] = of.boxes[:count]
    classes[:count] = of.classes[:count]
    return {"boxes": boxes, "classes": classes, "present": np.arange(most) < count}


def _kept_in_memory(data: Data, found: AnnotatedImages) -> bool:
    """Whether the training pictures are scaled once, into one array."""
    size = len(found) * data.size[0] * data.size[1] * 3
    small = size <= IN_MEMORY and not found.decoded_on_access
    return small and data.view == "whole"


def _arrays(data: Data, found: AnnotatedImages) -> Rows:
    """All training pictures, scaled to the input, and their objects."""
    rows = []
    for i in range(len(found)):
        of = found.truth(i)
        pixels, of, _ = fitted(found.picture(i), of.take(~of.crowd), tuple(data.size))
        rows.append({"image": pixels, **padded(of, data.max_objects)})
    return Rows({name: np.stack([row[name] for row in rows]) for name in rows[0]})


def _say_overflow(data: AnnotatedImages, most: int) -> None:
    """Names what training will not see: objects beyond the most, and empty pictures."""
    counts = np.array([len(of) for of in data.truths])
    if beyond := int(np.maximum(counts - most, 0).sum()):
        warnings.warn(
            f"{beyond} objects in {int((counts > most).sum())} pictures are beyond the "
            f"first {most} of their picture and are not trained on: set "
            f"--config.data.max_objects={counts.max()}",
            stacklevel=2,
        )
    if not counts.any():
        warnings.warn("no training picture has an object in it", stacklevel=2)
