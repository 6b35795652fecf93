"""Classifying pictures in files."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common.contract import Table, UserError
from common.data.augment import resize
from common.files.inputs import given, prepared
from common.host import to_host
from common.losses import ensemble_logits
from common.top_classes import Answer, top_classes
from papers.distillation import data, model, train
from papers.distillation.config import Config


def predict(
    config: Config, state: Any, inputs: str
) -> Iterator[tuple[str, Table | str]]:
    """The most probable classes of each picture, as a table and as JSON: those of the
    run, whose members' probabilities are averaged, and those of its teacher where the
    state holds one."""
    if state.special:
        raise UserError(
            "specialists answer with their generalist alone: --run=baseline predicts"
        )
    names = data.load(config.data, "train").class_names
    *size, channels = data.shape(config)
    fit = partial(resize, size=tuple(size))
    pictures, skipped = prepared(given(inputs), channels, fit)
    answers = _answers(config, state, pictures, len(names))
    yield from top_classes(answers, names, config.predict.top_k, skipped)


def _answers(
    config: Config, state: Any, pictures: dict[str, np.ndarray], classes: int
) -> Iterator[Answer]:
    images = jnp.asarray(np.stack([*pictures.values()]))[:, None]
    models = {config.role: train.forward(config, state, images)}
    if variables := state.teacher.get("variables"):
        outputs = config.data.classes
        models["teacher"] = model.apply(config.teacher, outputs, variables, images)
    for name, logits in models.items():
        mixed = ensemble_logits(logits[..., :classes], config.distill.average)
        probabilities = to_host(jax.nn.softmax(mixed / config.predict.temperature))
        for picture, p in zip(pictures, probabilities, strict=True):
            yield {"image": picture, "model": name}, p
