"""The classifier of a user's pictures: the net that becomes the detector's trunk."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from common.contract import UserError
from common.files.inputs import given, prepared
from common.pixels import Picture
from common.top_classes import answers, as_images, in_batches, top_classes
from papers.yolov3 import annotations
from papers.yolov3.classifier import centre_square
from papers.yolov3.config import Config
from papers.yolov3.inference import inference
from papers.yolov3.train import State


def predict(config: Config, state: State, inputs: str) -> Iterator[Any]:
    """The most probable classes of a picture, or of every picture in a folder."""
    fit = partial(centre_square, side=config.classifier.size)
    pictures, skipped = prepared(given(inputs), 3, fit)
    found = answers(pictures, _probabilities(config, state, pictures))
    yield from top_classes(found, _names(config), config.predict.top_k, skipped)


def classify(
    config: Config, state: State, pictures: Iterable[Any]
) -> Float[np.ndarray, "pictures classes"]:
    """The probability of every class, for the middle square of each picture.

    pictures: uint8 [height, width] or [height, width, channels], of any sizes, grey or
      RGB. UserError: an array that is none, or the run is a detector.
    """
    if config.task != "classify":
        raise UserError("the run finds boxes: use the run classifier, which classifies")
    fit = partial(centre_square, side=config.classifier.size)
    ready = as_images(pictures, 3, fit)
    if not ready:
        return np.zeros((0, config.classifier.classes), np.float32)
    return _probabilities(config, state, ready)


def _names(config: Config) -> tuple[str, ...]:
    """The set's names; numbers for classes without one."""
    numbers = map(str, range(config.classifier.classes))
    try:
        names = annotations.image_set(config.classifier, "train").class_names
    except UserError:  # the set is not here
        names = ()
    return (*names, *[*numbers][len(names) :])


def _probabilities(
    config: Config, state: State, pictures: dict[str, Picture]
) -> Float[np.ndarray, "pictures classes"]:
    @jax.jit
    def run(state, images):
        return inference(config, state, {"image": images})["probabilities"]

    images = np.stack([*pictures.values()])
    return in_batches(partial(run, state), images, config.predict.batch_size)
