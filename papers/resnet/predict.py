"""Classifying pictures in files."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from common.contract import Table, UserError
from common.data.image_files import decode, picture_paths
from papers.resnet.config import Config
from papers.resnet.data import image_set, prepare
from papers.resnet.train import State, forward

Named = tuple[Path, np.ndarray]


def predict(config: Config, state: State, inputs: str) -> Iterator[tuple[str, Any]]:
    """The most probable classes of a picture, or of every picture in a folder, as a
    table and as JSON. Files that cannot be read are named and left out."""
    names, paths = class_names(config), _paths(inputs)
    pictures, skipped = _pictures(config, paths)
    if not pictures:
        raise UserError(f"{inputs}: none of {len(paths)} pictures can be read")
    found = []
    for path, probabilities in _probabilities(config, state, pictures):
        best = np.argsort(-probabilities, kind="stable")[: config.predict.top]
        classes = [{"class": names[i], "probability": float(probabilities[i])}
                   for i in best]  # fmt: skip
        found.append({"image": str(path), "classes": classes})
    rows = [
        [Path(image["image"]).name, rank, c["class"], c["probability"]]
        for image in found
        for rank, c in enumerate(image["classes"], 1)
    ]
    note = f"skipped, unreadable: {', '.join(p.name for p in skipped)}"
    columns = ("image", "rank", "class", "probability")
    yield "Classes", Table(columns, rows, note if skipped else "")
    yield "JSON", json.dumps(found, indent=1)


def class_names(config: Config) -> tuple[str, ...]:
    """By class: the lines of `predict.class_names`, or the data set's names; numbers
    for classes that have none, and where the data set is not here."""
    numbers = tuple(map(str, range(config.model.num_classes)))
    if not config.predict.class_names:
        try:
            names = image_set(config, "train").class_names
        except UserError:
            return numbers
        return (*names, *numbers[len(names) :])
    path = Path(config.predict.class_names).expanduser()
    try:
        names = tuple(path.read_text("utf-8").split("\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"config.predict.class_names: {error}") from error
    names = tuple(name.strip() for name in names if name.strip())
    if len(names) != config.model.num_classes:
        raise UserError(
            f"{path} has {len(names)} names, the network {config.model.num_classes} "
            "classes: write one name a line"
        )
    return names


def _paths(inputs: str) -> list[Path]:
    path = Path(inputs or "").expanduser()
    if path.is_file():
        return [path]
    paths = picture_paths(path) if inputs and path.is_dir() else []
    if not paths:
        raise UserError(f"--input={inputs}: no such picture, or folder of pictures")
    return paths


def _pictures(config: Config, paths: list[Path]) -> tuple[list[Named], list[Path]]:
    """What could be read, ready for the network, and the paths of the rest."""
    pictures, skipped = [], []
    for path in paths:
        with warnings.catch_warnings():  # they are named in our own answer
            warnings.simplefilter("ignore")
            picture = decode(path, config.data.channels)
        if picture is None:
            skipped.append(path)
        else:
            pictures.append((path, prepare(config, picture)))
    return pictures, skipped


def _probabilities(
    config: Config, state: State, pictures: list[Named]
) -> Iterator[tuple[Path, np.ndarray]]:
    """Batches of one shape, so that one program serves all."""
    step = jax.jit(lambda images: jax.nn.softmax(forward(config, state, images)))
    size = min(config.predict.batch_size, len(pictures))
    for start in range(0, len(pictures), size):
        part = pictures[start : start + size]
        batch = np.zeros((size, *part[0][1].shape), np.uint8)
        batch[: len(part)] = np.stack([image for _, image in part])
        yield from zip(
            [path for path, _ in part],
            np.asarray(step(batch))[: len(part)],
            strict=True,
        )
