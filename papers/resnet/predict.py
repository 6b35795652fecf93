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
from common.host import to_host
from common.pixels import Picture, as_picture, on_white, with_channels
from common.top_classes import Answer, top_classes
from papers.resnet.config import Config
from papers.resnet.data import image_set, prepare
from papers.resnet.train import State, probabilities


def predict(config: Config, state: State, inputs: str) -> Iterator[tuple[str, Any]]:
    """The most probable classes of a picture, or of every picture in a folder, as a
    table and as JSON. Files that cannot be read are named and left out."""
    names = class_names(config)
    fit = partial(prepare, config)
    pictures, skipped = prepared(given(inputs), config.data.channels, fit)
    answers = _answers(config, state, pictures)
    yield from top_classes(answers, names, config.predict.top, skipped)


def classify(
    config: Config, state: State, pictures: Iterable[Any]
) -> Float[np.ndarray, "pictures classes"]:
    """The probability of every class, for each picture.

    pictures: uint8 [height, width] or [height, width, channels], of any sizes, and of
      grey or RGB. They are resized and cropped as for evaluation. UserError: an array
      that is none.
    """
    channels = config.data.channels
    ready = {
        str(i): prepare(config, with_channels(on_white(as_picture(x)), channels))
        for i, x in enumerate(pictures)
    }
    if not ready:
        return np.zeros((0, config.model.num_classes), np.float32)
    return np.stack([p for _, p in _answers(config, state, ready)])


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


def _answers(
    config: Config, state: State, pictures: dict[str, Picture]
) -> Iterator[Answer]:
    """Each picture's probabilities. All batches have one shape, so that one program
    serves them."""
    run = jax.jit(partial(probabilities, config))
    names = [*pictures]
    images = np.stack([*pictures.values()])
    size = min(config.predict.batch_size, len(images))
    for start in range(0, len(images), size):
        part = images[start : start + size]
        batch = np.zeros((size, *part.shape[1:]), np.uint8)
        batch[: len(part)] = part
        for name, p in zip(names[start:], to_host(run(state, batch)), strict=False):
            yield {"image": name}, p
