"""The sets with boxes that a config names: composed scenes, a folder, TFDS, or
generated rectangles for tests."""

import functools

import numpy as np

from common.config import changed, check
from common.contract import Run, UserError
from common.data import annotated_choice
from common.data.annotated import AnnotatedImages
from common.data.annotated_choice import (
    PLANNED_CLASSES,
    is_named,
    is_read,
    read,
    source_of,
)
from common.data.composed_scenes import CLASS_NAMES, scenes
from common.truth import truth
from papers.cornernet.config import Config
from papers.cornernet.config import runs as planned_runs

COLOURS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (50, 70, 230)}


def class_names(config: Config) -> tuple[str, ...]:
    """The classes that the network knows: `data.names`, or those of the training
    set."""
    data = config.data
    if data.names:
        return tuple(data.names)
    source = source_of(data)
    if not is_named(data):
        return tuple(map(str, range(PLANNED_CLASSES)))
    if source == "scenes":
        return CLASS_NAMES[data.labels]
    return tuple(COLOURS) if source == "generated" else read(data, "train").names


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table. The names of classes that the training set has
    are kept in each run's config.json, so that predict does not need the set."""
    check(config)
    if is_read(config.data) and is_named(config.data):
        config = changed(config, {"data.names": class_names(config)})
    return planned_runs(config)


def category_ids(config: Config) -> tuple[int, ...]:
    """The classes' numbers in COCO's json."""
    return annotated_choice.category_ids(config.data, len(class_names(config)))


def annotated(config: Config, split: str) -> AnnotatedImages:
    """A split, its classes numbered as `class_names`. UserError: it cannot be read, or
    has a class that `data.names` does not list."""
    data = config.data
    source = source_of(data)
    count = data.scenes if split == "train" else data.held_out
    if source == "generated":
        found = rectangles(split, count, tuple(data.size))
    elif source == "scenes":
        if data.size[0] != data.size[1]:
            raise UserError("config.data.size: scenes are square, as 64,64")
        one, parity = data.labels == "one", data.labels == "parity"
        size = data.size[0]
        found = scenes(split, count, size=size, one_class=one, parity=parity)
    else:
        found = read(data, split)
    return found.with_names(class_names(config))


@functools.lru_cache(maxsize=6)
def rectangles(split: str, count: int, size: tuple[int, int]) -> AnnotatedImages:
    """One to three rectangles of three colours, the classes, on grey noise."""
    height, width = size
    rng = np.random.default_rng(("train", "valid", "test").index(split))
    images = rng.integers(60, 120, (count, height, width, 1), np.uint8)
    images = images.repeat(3, -1)
    truths = []
    for i in range(count):
        n = rng.integers(1, 4)
        sides = rng.integers(
            [width // 5, height // 5], [width // 2, height // 2], (n, 2)
        )
        corners = rng.integers(0, [width, height] - sides + 1)
        boxes = np.concatenate([corners, corners + sides], 1)
        classes = rng.integers(0, len(COLOURS), n)
        for (x1, y1, x2, y2), label in zip(boxes, classes, strict=True):
            images[i, y1:y2, x1:x2] = [*COLOURS.values()][label]
        truths.append(truth(boxes, classes, image_id=i))
    return AnnotatedImages(tuple(COLOURS), images, truths)
