"""Boxes in a video, frame by frame."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jaxtyping import Array, Float, UInt8

from common.boxes import Letterbox, letterbox
from common.data import annotated_choice
from common.files import boxed_video
from common.files.video import shown_size
from common.truth import Found, found
from papers.yolov3.config import Config
from papers.yolov3.detector import best, predicted, refuse_nan

Images = UInt8[Array, "frames side side 3"]


def search_video(
    config: Config,
    variables: Any,
    anchors: Float[Array, "anchors 2"],
    names: Sequence[str],
    source: Path,
) -> Iterator[tuple[str, Any]]:
    """Writes the video with its boxes, and its sound. Yields the new file's path, the
    boxes as of pictures, and a table of how fast that was."""
    c = config.predict
    width, height = shown_size(source)
    box = letterbox(height, width, config.data.size, config.data.size)
    size, speed = yield from boxed_video.searched(
        source,
        c.out,
        box.picture_in,
        partial(boxes_in, config),
        (variables, anchors),
        partial(_found, box),
        table="Found",
        names=names,
        category_ids=annotated_choice.category_ids(config.data, config.model.classes),
        threshold=c.threshold,
        most=c.frames,
        crf=c.crf,
    )
    yield "Video", speed.table(size, "fitting and network")


def boxes_in(config: Config, weights: tuple, images: Images) -> dict[str, Array]:
    """What `best` leaves of each image, in its pixels."""
    return best(config, predicted(config, *weights, images))


def _found(box: Letterbox, best: dict[str, Any]) -> Found:
    """In pixels of the frame. UserError: the network diverged."""
    refuse_nan(best["diverged"])
    there = best["present"]
    boxes = box.boxes_back(best["boxes"][there])
    return found(boxes, best["scores"][there], best["classes"][there])
