"""Classifying pictures in files."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from common.contract import UserError
from common.data.augment import resize
from common.files.inputs import given, prepared
from common.losses import ensemble_logits
from common.pixels import Picture
from common.top_classes import Answer, as_images, in_batches, top_classes
from papers.distillation import data, model
from papers.distillation.config import Config
from papers.distillation.inference import inference


def predict(config: Config, state: Any, inputs: str) -> Iterator[Any]:
    """The most probable classes of each picture, as a table; with --json as records:
    those of the run, whose members' probabilities are averaged, and those of its
    teacher where the state holds one."""
    _refuse_specialists(state)
    names = data.load(config.data, "train").class_names
    *size, channels = data.shape(config)
    fit = partial(resize, size=tuple(size))
    pictures, skipped = prepared(given(inputs), channels, fit)
    answers = _answers(config, state, pictures, len(names))
    yield from top_classes(answers, names, config.predict.top_k, skipped)


def classify(
    config: Config, state: Any, pictures: Iterable[Any]
) -> Float[np.ndarray, "pictures classes"]:
    """The probability of every class, for each picture, by the run's members.

    pictures: uint8 [height, width] or [height, width, channels], of any sizes, and of
      grey or RGB; they are resized to the network's. UserError: an array that is none,
      or a run of specialists.
    """
    _refuse_specialists(state)
    *size, channels = data.shape(config)
    ready = as_images(pictures, channels, partial(resize, size=tuple(size)))
    if not ready:
        return np.zeros((0, config.data.classes), np.float32)
    return _of_run(config, state, ready)


def _refuse_specialists(state: Any) -> None:
    if state.special:
        raise UserError(
            "specialists answer with their generalist alone: --run=baseline predicts"
        )


def _answers(
    config: Config, state: Any, pictures: dict[str, Picture], classes: int
) -> Iterator[Answer]:
    found = {config.role: _of_run(config, state, pictures)}
    if variables := state.teacher.get("variables"):
        found["teacher"] = _of_teacher(config, variables, pictures)
    for name, probabilities in found.items():
        for picture, p in zip(pictures, probabilities, strict=True):
            yield {"input": picture, "model": name}, p[:classes]


def _of_run(
    config: Config, state: Any, pictures: dict[str, Picture]
) -> Float[np.ndarray, "pictures classes"]:
    @jax.jit
    def run(state, images):
        return inference(config, state, {"image": images})["probabilities"]

    rows = config.eval.batch_size
    return in_batches(partial(run, state), np.stack([*pictures.values()]), rows)


def _of_teacher(
    config: Config, variables: Any, pictures: dict[str, Picture]
) -> Float[np.ndarray, "pictures classes"]:
    @jax.jit
    def run(variables, images):
        images = images[:, None]
        logits = model.apply(config.teacher, config.data.classes, variables, images)
        mixed = ensemble_logits(logits, config.distill.average)
        return jax.nn.softmax(mixed / config.predict.temperature)

    rows = config.eval.batch_size
    return in_batches(partial(run, variables), np.stack([*pictures.values()]), rows)
