"""Classifying pictures in files."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from common.contract import UserError
from common.files import storage, texts
from common.files.inputs import given, prepared
from common.pixels import Picture
from common.top_classes import answers, as_images, in_batches, top_classes
from papers.resnet.config import Config
from papers.resnet.data import image_set, prepare
from papers.resnet.train import State, probabilities


def predict(config: Config, state: State, inputs: str) -> Iterator[Any]:
    """The most probable classes of a picture, or of every picture in a folder, as a
    table; with --json as records. Files that cannot be read are named and left out."""
    names = class_names(config)
    fit = partial(prepare, config)
    pictures, skipped = prepared(given(inputs), config.data.channels, fit)
    found = answers(pictures, _probabilities(config, state, pictures))
    yield from top_classes(found, names, config.predict.top_k, skipped)


def classify(
    config: Config, state: State, pictures: Iterable[Any]
) -> Float[np.ndarray, "pictures classes"]:
    """The probability of every class, for each picture.

    pictures: uint8 [height, width] or [height, width, channels], of any sizes, and of
      grey or RGB. They are resized and cropped as for evaluation. UserError: an array
      that is none.
    """
    ready = as_images(pictures, config.data.channels, partial(prepare, config))
    if not ready:
        return np.zeros((0, config.model.num_classes), np.float32)
    return _probabilities(config, state, ready)


def _probabilities(
    config: Config, state: State, pictures: dict[str, Picture]
) -> Float[np.ndarray, "pictures classes"]:
    run = partial(jax.jit(partial(probabilities, config)), state)
    return in_batches(run, np.stack([*pictures.values()]), config.predict.batch_size)


def class_names(config: Config) -> tuple[str, ...]:
    """The name of each class: the lines of the file `predict.class_names`, or the data
    set's names. Classes without a name are numbers; without the data set, all are."""
    numbers = tuple(map(str, range(config.model.num_classes)))
    if not config.predict.class_names:
        try:
            names = image_set(config, "train").class_names
        except UserError:
            return numbers
        return (*names, *numbers[len(names) :])
    path = storage.path(config.predict.class_names)
    try:
        names = texts.lines(path)
    except (OSError, UserError) as error:
        raise UserError(f"config.predict.class_names: {error}") from error
    if len(names) != config.model.num_classes:
        raise UserError(
            f"{path} has {len(names)} names, the network {config.model.num_classes} "
            "classes: write one name a line"
        )
    return names
