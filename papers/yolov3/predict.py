"""Finds objects in a user's picture, folder of pictures, or video."""

import itertools
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from common import box_figures
from common.boxes import clip, has_area, letterbox
from common.config import changed
from common.contract import Table, UserError
from common.data import annotated_choice
from common.data.annotated_coco import COCO_NAMES
from common.files import coco_results, darknet_labels, outputs, storage, texts
from common.files.inputs import given, pictures
from common.files.video import is_video
from common.host import to_host
from common.pixels import Picture, as_channels
from common.truth import Found, found
from papers.yolov3 import annotations, classes
from papers.yolov3.config import Config
from papers.yolov3.detector import best, predicted, refuse_nan
from papers.yolov3.train import State, ema_variables
from papers.yolov3.video import search_video

Values = Iterator[str | tuple[str, Any]]


class Seen(NamedTuple):
    """A picture, and what was found in it."""

    name: str
    picture: Picture
    found: Found  # in pixels of the picture


def predict(config: Config, state: State, inputs: str) -> Values:
    """Yields each picture with its boxes, or its file in `predict.out`, beside the
    boxes as COCO's json and darknet's txt; then a table of all boxes, and one of the
    time.

    inputs: a picture, a folder of pictures, or a video. A video with its boxes and its
    json are always written: to `predict.out`, or beside the video.

    Of the classifier: yields the most probable classes of each picture.
    """
    if config.task == "classify":
        yield from classes.predict(config, state, inputs)
        return
    path = given(inputs, video=True)
    config = _with_threshold(config)
    names = class_names(config)
    variables, anchors = to_host((ema_variables(state), state.anchors))
    if jax.process_index() == 0:  # it needs the others no more, and alone writes
        if is_video(path):
            yield from search_video(config, variables, anchors, names, path)
        else:
            yield from _pictures(config, variables, anchors, names, path)


def detect(config: Config, state: State, pictures: Iterable[Any]) -> list[Found]:
    """What is found in each picture: boxes in its pixels, scores and classes, those of
    `predict.threshold` or more, the best first.

    pictures: uint8 [height, width] or [height, width, channels], of any sizes, grey or
      RGB. UserError: an array that is none, or the run is the classifier.
    """
    if config.task != "detect":
        raise UserError("the run classifies: use the run yolov3, which finds boxes")
    config = _with_threshold(config)
    variables = ema_variables(state), state.anchors
    named = ((str(i), as_channels(picture, 3)) for i, picture in enumerate(pictures))
    return [seen.found for seen in searched(config, *variables, named)]


def _with_threshold(config: Config) -> Config:
    """The least score that suppression keeps is that of `predict`."""
    least = config.predict.threshold
    return changed(config, {"eval.suppression.score_threshold": least})


def class_names(config: Config) -> tuple[str, ...]:
    """The lines of the file `predict.class_names`, or the set's names. Where it cannot
    be read they are COCO's if there are 80 classes, as in its json; else numbers."""
    classes = config.model.classes
    if not config.predict.class_names:
        try:
            return annotations.class_names(config.data, classes)
        except UserError:
            coco = classes == len(COCO_NAMES)
            return COCO_NAMES if coco else tuple(map(str, range(classes)))
    path = storage.path(config.predict.class_names)
    try:
        names = tuple(texts.lines(path))
    except (OSError, UserError) as error:
        raise UserError(f"config.predict.class_names: {error}") from error
    if len(names) != classes:
        raise UserError(
            f"{path} has {len(names)} names, the network {classes} classes: write one "
            "name a line"
        )
    return names


def _pictures(config: Config, variables, anchors, names, root: Path) -> Values:
    seconds = _Seconds()
    skipped: list[str] = []
    out = config.predict.out
    rows = []
    all_seen = []
    for seen in detected(config, variables, anchors, root, skipped, seconds):
        drawn = box_figures.draw(
            seen.picture,
            seen.found.boxes,
            [names[c] for c in seen.found.classes],
            seen.found.scores,
            [box_figures.class_colour(c) for c in seen.found.classes],
        )
        kept = outputs.kept(out, root, seen.name, drawn)
        yield seen.name, kept
        if out:
            place, size = kept.with_suffix(".txt"), seen.picture.shape[:2]
            labels = darknet_labels.write(place, seen.found, *size)
            yield f"{seen.name} labels", labels
        all_seen.append(seen._replace(picture=np.empty((*seen.picture.shape[:2], 0))))
        rows += _rows(seen, names)
    columns = ("picture", "class", "score", "x1", "y1", "x2", "y2")
    note = f"boxes in pixels of the pictures, scores of at least {_least(config):g}"
    if skipped:
        note += f"; skipped, unreadable: {', '.join(skipped)}"
    yield "Found", Table(columns, rows, note)
    yield from _coco(config, root, all_seen)
    yield "Speed", seconds.table()


def _least(config: Config) -> float:
    return config.predict.threshold


def _rows(seen: Seen, names) -> list[list]:
    return [
        [seen.name, names[c], float(score), *map(float, box)]
        for box, score, c in zip(
            seen.found.boxes, seen.found.scores, seen.found.classes, strict=True
        )
    ]


class _Seconds:
    """Of the network and suppression, once they are compiled."""

    def __init__(self) -> None:
        self.total = 0.0
        self.pictures = 0

    def table(self) -> Table:
        rate = self.pictures / self.total if self.total else None
        note = "the network and suppression, without compilation, reading and drawing"
        return Table(("pictures", "pictures/s"), [[self.pictures, rate]], note)


def detected(
    config: Config,
    variables: Any,
    anchors: Any,
    root: Path,
    skipped: list[str],
    seconds: _Seconds | None = None,
) -> Iterator[Seen]:
    """The pictures with what was found in them. Names of those that cannot be read are
    added to `skipped`."""
    return searched(config, variables, anchors, _readable(root, skipped), seconds)


def searched(
    config: Config,
    variables: Any,
    anchors: Any,
    named: Iterator[tuple[str, Picture]],
    seconds: _Seconds | None = None,
) -> Iterator[Seen]:
    """As `detected`, of RGB pictures with their names. All batches have one shape, so
    that one program serves them."""
    seconds = seconds or _Seconds()
    side = config.data.size
    program = None
    while part := [*itertools.islice(named, config.predict.batch_size)]:
        boxes = [letterbox(*x.shape[:2], side, side) for _, x in part]
        if program is None:
            batch = np.zeros((len(part), side, side, 3), np.uint8)
            run = jax.jit(partial(_best, config))
            program = run.lower(variables, anchors, batch).compile()
        batch = np.zeros_like(batch)
        for i, (_, picture) in enumerate(part):
            batch[i] = boxes[i].picture_in(picture)
        start = time.perf_counter()
        left = to_host(program(variables, anchors, batch))
        refuse_nan(left["diverged"])
        seconds.total += time.perf_counter() - start
        seconds.pictures += len(part)
        for i, (name, picture) in enumerate(part):
            there = left["present"][i]
            own = boxes[i].boxes_back(left["boxes"][i][there])
            own = clip(own, *picture.shape[:2])
            objects = found(own, left["scores"][i][there], left["classes"][i][there])
            yield Seen(name, picture, objects.take(has_area(own)))


def _best(config: Config, variables, anchors, image):
    return best(config, predicted(config, variables, anchors, image))


def _readable(root: Path, skipped: list[str]) -> Iterator[tuple[str, Picture]]:
    for name, picture in pictures(root):
        if picture is None:
            skipped.append(name)
        else:
            yield name, picture


def _coco(config: Config, root: Path, all_seen: list[Seen]) -> Values:
    """The boxes as a COCO results list: a file in `predict.out`, or text."""
    results = as_results(config, all_seen)
    out = config.predict.out
    if out:
        place = outputs.target(out, root, "detections.json")
        if place.suffix != ".json":
            place = place.with_suffix(".json")
        coco_results.write(place, results)
        yield "COCO results", place
        return
    yield "COCO results", coco_results.text(results)


def as_results(config: Config, all_seen: list[Seen]) -> coco_results.Results:
    """What COCO's list has of the pictures."""
    names = coco_results.image_ids([seen.name for seen in all_seen])
    return coco_results.of_pictures(
        {name: seen.found for name, seen in zip(names, all_seen, strict=True)},
        annotated_choice.category_ids(config.data, config.model.classes),
    )
