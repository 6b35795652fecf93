"""What trained models make of a picture, or of a folder of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common.contract import Table, UserError
from common.data.augment import resize
from common.data.image_files import decode, picture_paths
from common.losses import ensemble_logits
from papers.distillation import data, model, train
from papers.distillation.config import Config


def predict(
    config: Config, state: Any, inputs: str
) -> Iterator[str | tuple[str, Table]]:
    """The most probable classes of each picture: the run's, its members' probabilities
    averaged, and its teacher's where the state holds one. A table, then JSON."""
    if state.special:
        raise UserError(
            "specialists answer with their generalist alone: --run=baseline predicts"
        )
    names = data.load(config.data, "train").class_names
    files, pictures = _pictures(inputs, data.shape(config))
    images = jnp.asarray(pictures)[:, None]
    answers = {config.role: train.forward(config, state, images)}
    if variables := state.teacher.get("variables"):
        outputs = data.classes(config)
        answers["teacher"] = model.apply(config.teacher, outputs, variables, images)
    rows, found = [], []
    for name, logits in answers.items():
        mixed = ensemble_logits(logits[..., : len(names)], config.distill.average)
        probabilities = np.asarray(jax.nn.softmax(mixed / config.predict.temperature))
        for file, p in zip(files, probabilities, strict=True):
            best = np.argsort(-p, kind="stable")[: config.predict.top_k]
            top = [[names[i], float(p[i])] for i in best]
            found.append({"file": file, "model": name, "top": top})
            cells = [f"{label} {share:.4f}" for label, share in top]
            rows.append([file, name, *cells])
    columns = ("file", "model", *(f"{i + 1}." for i in range(len(rows[0]) - 2)))
    yield "Most probable classes", Table(columns, rows)
    yield json.dumps(found, indent=1, ensure_ascii=False)


def _pictures(inputs: str, shape: tuple[int, ...]) -> tuple[list[str], np.ndarray]:
    """Names of the files that can be read, and their pictures [n, *shape]."""
    path = Path(inputs).expanduser()
    paths = [path] if path.is_file() else picture_paths(path)
    pictures = {str(p): decode(p, shape[2]) for p in paths}
    pictures = {name: x for name, x in pictures.items() if x is not None}
    if not pictures:
        raise UserError(f"no picture in {inputs!r}: give one, or a folder of them")
    return [*pictures], np.stack([resize(x, shape[:2]) for x in pictures.values()])
