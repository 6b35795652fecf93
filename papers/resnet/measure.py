"""Errors on a split, from one crop, ten crops, or whole images at several scales."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int, UInt8

from common.data import augment
from common.data.image_set import ImageSet
from common.data.pipeline import pipeline
from common.host import to_host
from common.metrics import over
from common.pixels import Picture
from papers.resnet.config import Config
from papers.resnet.data import image_set, in_order
from papers.resnet.train import State, eval_step, probabilities
from papers.resnet.variants import CIFAR_ERRORS, ERRORS, PLAIN_ERRORS

Scores = Float[np.ndarray, "images num_classes"]
COARSE = 32  # pixels; the sides of whole images are multiples of it
PLAIN = "plain"
RESIDUAL = "residual"


@dataclasses.dataclass(frozen=True)
class Net:
    """One trained run, measured."""

    name: str
    config: Config
    state: State
    train: dict[str, float]  # loss, error, error_5
    test: float  # top-1 error of the test split, measured as `eval.test` says
    test_5: float  # top-5 error

    @property
    def kind(self) -> str:
        return PLAIN if self.config.model.shortcut == "none" else RESIDUAL

    @property
    def depth(self) -> int:
        return self.config.model.depth

    @property
    def paper(self) -> float | None:
        """The paper's error %: on ImageNet that of ten crops. None if it has no such
        net."""
        plain = PLAIN_ERRORS if self.config.model.family == "imagenet" else {}
        residual = ERRORS if plain else CIFAR_ERRORS
        return (plain if self.kind == PLAIN else residual).get(self.depth)


def errors(config: Config, state: State, split: str) -> dict[str, float]:
    """The means of `eval_step` over a split: "loss", "error" and "error_5". A training
    split is measured without augmentation, on `eval.train_images` of its images."""
    data = image_set(config, split)
    if split == "train" and len(data) > config.eval.train_images:
        data = data.take(np.arange(config.eval.train_images) * len(data)
                         // config.eval.train_images)  # fmt: skip
    step = jax.jit(partial(eval_step, config))
    return over(partial(step, state), in_order(config, data))


def top_errors(config: Config, state: State) -> tuple[float, float]:
    """Top-1 and top-5 error of the test split, measured as `eval.test` says."""
    if config.eval.test == "centre":
        means = errors(config, state, "test")
        return means["error"], means["error_5"]
    way = ten_crop_scores if config.eval.test == "ten_crops" else multi_scale_scores
    scores, labels = way(config, state, image_set(config, "test"))
    right = np.argsort(-scores, axis=-1, kind="stable") == labels[:, None]
    first, fifth = (float(1 - right[:, :k].any(-1).mean()) for k in (1, 5))
    return first, fifth


def ten_crop_scores(
    config: Config, state: State, data: ImageSet
) -> tuple[Scores, Int[np.ndarray, "images"]]:
    """The mean probabilities over ten crops of each image, and the labels."""
    size = config.data.size
    short = config.eval.short or size

    def crops(item):
        image = augment.resize_short(item["image"], short)
        return {**item, "image": augment.ten_crops(image, size)}

    rows = max(config.eval.batch_size // 10, 1)
    run = _probabilities(config, state)
    scores = []
    labels = []
    masked = data.with_mask()
    batches = pipeline(
        masked,
        batch_size=rows,
        repeat=False,
        map_fn=crops,
        costly=data.decoded_on_access,
    )
    for batch in batches:
        flat = batch["image"].reshape(-1, *batch["image"].shape[2:])
        mean = run(flat).reshape(rows, 10, -1).mean(1)
        real = batch["mask"] > 0
        scores.append(mean[real])
        labels.append(batch["label"][real])
    return np.concatenate(scores), np.concatenate(labels)


def multi_scale_scores(
    config: Config, state: State, data: ImageSet
) -> tuple[Scores, Int[np.ndarray, "images"]]:
    """The mean probabilities of each whole image over the sizes of `eval.scales`, and
    the labels. The longer side is rounded to a multiple of COARSE pixels, so that a few
    compiled programs serve pictures of all proportions."""
    run = _probabilities(config, state)
    scores = np.zeros((len(data), config.model.num_classes))
    labels = np.zeros(len(data), np.int32)
    readable = np.zeros(len(data), bool)
    masked = data.with_mask()

    def images(short):
        for i in range(len(data)):
            item = masked[i]
            labels[i] = item["label"]
            readable[i] = item["mask"] > 0
            yield whole(item["image"], short)

    for short in config.eval.scales:
        # A batch has as many pixels as at the training size, whatever the scale.
        rows = max(config.eval.batch_size * config.data.size**2 // short**2, 1)
        for indices, batch in by_shape(images(short), rows):
            scores[indices] += run(batch)[: len(indices)]
    return scores[readable] / len(config.eval.scales), labels[readable]


def whole(image: Picture, short: int) -> Picture:
    """The image with `short` pixels on its short side, almost in proportion."""
    height, width, _ = image.shape
    least = min(height, width)
    sides = [
        short if side == least else COARSE * round(side * short / least / COARSE)
        for side in (height, width)
    ]
    return augment.resize(image, tuple(max(side, short) for side in sides))


def by_shape(
    images: Iterable[Picture], rows: int
) -> Iterator[tuple[list[int], UInt8[np.ndarray, "rows height width channels"]]]:
    """Yields the places of some images in the sequence, and a batch of them. All images
    of a batch have one shape, and zeros fill the last batch of each shape."""
    waiting: dict[tuple, list] = defaultdict(list)

    def batch(shape):
        indices, pictures = zip(*waiting.pop(shape), strict=True)
        padding = np.zeros((rows - len(pictures), *shape), np.uint8)
        return [*indices], np.concatenate([np.stack(pictures), padding])

    for index, image in enumerate(images):
        waiting[image.shape].append((index, image))
        if len(waiting[image.shape]) == rows:
            yield batch(image.shape)
    for shape in [*waiting]:
        yield batch(shape)


def _probabilities(config: Config, state: State) -> Callable[[Any], Scores]:
    run = jax.jit(partial(probabilities, config))
    return lambda images: to_host(run(state, images))
