"""Boxes in a video, frame by frame: drawn on it, as COCO's json, as darknet's txt.

Frames have numbers from 1, in order: frame 1 is image 1 of the json, and name_1.txt.
"""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from common import box_figures
from common.boxes import clip, has_area
from common.contract import Table
from common.files import coco_results, darknet_labels
from common.files.video import Frames, Size, Speed, convert, shown_size, video_target
from common.pixels import Picture
from common.truth import Found

MOST_ROWS = 1000  # of the table: the files have all boxes


def searched(
    source: Path,
    out: str,
    prepare: Callable[[Picture], Picture],
    compute: Callable[[Any, Frames], Any],
    params: Any,
    found_of: Callable[[Any], Found],
    *,
    table: str,
    names: Sequence[str],
    category_ids: Sequence[int],
    threshold: float,
    most: int,
    crf: int,
) -> Generator[tuple[str, Any], None, tuple[Size, Speed]]:
    """Writes the video with its boxes and, beside it, the json; where `out` is given, a
    folder with a txt for each frame too. Yields the files, and a table of the boxes
    called `table`. Returns the frames' size and how fast they were searched.

    prepare, compute, most, crf: as of `convert`.
    found_of: what `compute` gave of one frame, as boxes in its pixels.
    threshold: the least score that is drawn, in the txt and in the table.
    """
    width, height = size = shown_size(source)
    target = video_target(source, out, "boxes")
    every: list[Found] = []

    def drawn(frame: Picture, computed: Any) -> Picture:
        own = found_of(computed)
        boxes = clip(own.boxes, height, width)
        every.append(Found(boxes, own.scores, own.classes).take(has_area(boxes)))
        shown = _at_least(threshold, every[-1])
        labels = [names[c] for c in shown.classes]
        colours = [box_figures.class_colour(c) for c in shown.classes]
        return box_figures.draw(frame, shown.boxes, labels, shown.scores, colours)

    speed = convert(
        source,
        target,
        compute,
        params,
        size=size,
        prepare=prepare,
        draw=drawn,
        most=most,
        crf=crf,
    )
    yield f"{source.name} boxes", target
    shown = [_at_least(threshold, own) for own in every]
    if out:
        folder = target.with_name(f"{source.stem}_labels")
        folder.mkdir(exist_ok=True)
        for number, own in enumerate(shown, 1):
            place = folder / f"{source.stem}_{number}.txt"
            darknet_labels.write(place, own, height, width)
        yield f"{source.name} labels", folder
    yield table, _table(shown, names, threshold)
    place = target.with_suffix(".json")
    results = coco_results.of_pictures(dict(enumerate(every, 1)), category_ids)
    coco_results.write(place, results)
    yield "COCO results", place
    return size, speed


def _at_least(threshold: float, found: Found) -> Found:
    return found.take(found.scores >= threshold)


def _table(shown: Sequence[Found], names: Sequence[str], threshold: float) -> Table:
    rows = [
        [number, names[c], round(float(score), 3), *(round(float(v), 1) for v in box)]
        for number, own in enumerate(shown, 1)
        for box, score, c in zip(own.boxes, own.scores, own.classes, strict=True)
    ]
    note = f"boxes in pixels of the frames, scores of at least {threshold:g}"
    if len(rows) > MOST_ROWS:
        note += f"; the first {MOST_ROWS:,} of {len(rows):,}: the json has all"
    columns = ("frame", "class", "score", "x1", "y1", "x2", "y2")
    return Table(columns, rows[:MOST_ROWS], note)
