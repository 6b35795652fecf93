"""Batches: uint8 images of one size and their boxes, padded to `data.max_objects`."""

import dataclasses
from collections.abc import Iterator
from functools import partial

import jax
import numpy as np

from common import boxes as box_forms
from common.data import annotated_batches
from common.data.annotated import AnnotatedImages
from common.data.annotated_batches import fitted, padded, say_overflow, training
from common.data.pipeline import Rows, pipeline
from common.data.shuffled import ShuffledBatches
from common.pixels import Picture
from common.truth import Truth
from papers.cornernet import crop
from papers.cornernet.config import Config, Data
from papers.cornernet.sets import annotated

IN_MEMORY = 2**30  # bytes; larger training sets are read picture by picture


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
    if _kept_in_memory(d, data):
        say_overflow(data, d.max_objects)
        stream = ShuffledBatches(
            _arrays(d, data),
            batch_size=d.batch_size,
            seed=config.seed,
            map_fn=partial(_flipped, d),
            draws=1,
            **share,
        )
        return pipeline(stream)
    return training(
        data,
        _View(d),
        batch_size=d.batch_size,
        max_objects=d.max_objects,
        seed=config.seed,
        **share,
    )


def split_of(config: Config, split: str) -> AnnotatedImages:
    """The pictures of a split that are measured, `eval.images` of them at most."""
    data = annotated(config, split)
    if len(data) <= config.eval.images:
        return data
    return data.take(np.arange(config.eval.images) * len(data) // config.eval.images)


def in_order(
    config: Config, data: AnnotatedImages, **share: int
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of all pictures of `data`, in their order, scaled to fit the input, as of
    `annotated_batches.in_order`."""
    return annotated_batches.in_order(
        data,
        batch_size=config.eval.batch_size,
        size=tuple(config.data.size),
        max_objects=config.data.max_objects,
        **share,
    )


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch. Boxes are corners in pixels of the image."""
    d = config.data
    train = split == "train"
    rows = d.batch_size if train else config.eval.batch_size
    return annotated_batches.spec(rows, tuple(d.size), d.max_objects, train)


@dataclasses.dataclass(frozen=True)
class _View:
    """A view of `annotated_batches.training`: a picture, perhaps mirrored."""

    data: Data

    def __call__(
        self, picture: Picture, of: Truth, rng: np.random.Generator, step: int
    ) -> tuple[Picture, Truth]:
        del step
        d = self.data
        size = tuple(d.size)
        if d.view == "whole":
            pixels, of, _ = fitted(picture, of, size)
            if d.flip and rng.random() < 0.5:
                pixels = pixels[:, ::-1]
                of = of.moved(box_forms.flip(of.boxes, size[1]))
            return np.ascontiguousarray(pixels), of
        scales = tuple(d.scales)
        pixels, of = crop.cropped(
            picture, of, rng, size=size, scales=scales, border=d.border
        )
        if d.flip and rng.random() < 0.5:
            pixels, boxes = crop.mirrored(pixels, of.boxes)
            of = crop.clipped(of.moved(boxes), size)
        return np.ascontiguousarray(pixels), of


def _flipped(data: Data, batch: dict, draws: np.ndarray) -> dict[str, np.ndarray]:
    """The batch, mirrored in the rows whose draw is below a half."""
    if not data.flip:
        return batch
    chosen = draws[:, 0] < 0.5
    image = batch["image"]
    boxes = batch["boxes"]
    turned = box_forms.flip(boxes, image.shape[2])
    image = np.where(chosen[:, None, None, None], image[:, :, ::-1], image)
    boxes = np.where(chosen[:, None, None], turned, boxes)
    return {**batch, "image": image, "boxes": boxes * batch["present"][..., None]}


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
        of = of.take(~(of.crowd | of.difficult))
        pixels, of, _ = fitted(found.picture(i), of, tuple(data.size))
        objects = padded(of, data.max_objects)
        rows.append({"image": pixels, **objects, "mask": np.float32(1)})
    return Rows({name: np.stack([row[name] for row in rows]) for name in rows[0]})
