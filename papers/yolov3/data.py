"""Batches of pictures with boxes, and of pictures with one label, as uint8."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from common.contract import UserError
from common.data.annotated_batches import in_order, spec, training
from common.data.pipeline import pipeline
from papers.yolov3 import annotations, items, priors
from papers.yolov3.cfg import yolo_layers
from papers.yolov3.config import Config, network

Item = dict[str, np.ndarray]


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[Item]:
    """Batches of `batch_spec`. "train" is shuffled, augmented and endless; "valid" and
    "test" have every picture once. The mask is 0 on padding and on pictures that cannot
    be read."""
    share = {"process_index": process_index, "process_count": process_count}
    train = split == "train"
    rows = config.data.batch_size if train else config.eval.batch_size
    if config.task == "classify":
        images = items.images(config, split)
        return pipeline(
            images,
            batch_size=rows // process_count,
            repeat=train,
            costly=images.costly,
            **share,
        )
    pictures = items.pictures(config, split)
    most = {"batch_size": rows, "max_objects": config.data.max_objects}
    if train:
        view = items.TrainingView(config)
        return training(pictures, view, seed=config.seed, **most, **share)
    return in_order(pictures, size=_square(config.data.size), **most, **share)


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch, of the size `data.size`."""
    train = split == "train"
    rows = config.data.batch_size if train else config.eval.batch_size
    if config.task != "classify":
        return spec(rows, _square(config.data.size), config.data.max_objects, train)
    side = config.classifier.size
    return {
        "image": jax.ShapeDtypeStruct((rows, side, side, 3), jnp.uint8),
        "mask": jax.ShapeDtypeStruct((rows,), jnp.float32),
        "label": jax.ShapeDtypeStruct((rows,), jnp.int32),
    }


def _square(side: int) -> tuple[int, int]:
    return side, side


def found_priors(config: Config) -> Float[np.ndarray, "anchors 2"]:
    """Priors of the training set, from the smallest to the largest: width and height in
    pixels of an input of `data.size`, by k-means with the distance 1 - IoU."""
    count = len(yolo_layers(network(config))[0].anchors)
    d = config.data
    key = d.source, d.root, d.name, d.size, d.scenes, d.digits, d.ink, count
    if key not in _PRIORS:
        sides = annotations.sides(d)
        if len(sides) < count:
            raise UserError(
                f"{len(sides)} boxes in the training split are too few for {count} "
                "priors: use --config.model.priors=cfg"
            )
        _PRIORS[key] = priors.k_means(sides, count).astype(np.float32)
    return _PRIORS[key]


_PRIORS: dict[tuple, np.ndarray] = {}
