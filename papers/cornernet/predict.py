"""Finds objects in a user's image, folder of images, or video."""

import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common import optim
from common.box_figures import class_colour, draw
from common.contract import Table
from common.files import boxed_video, coco_results, darknet_labels, outputs
from common.files.inputs import given, pictures
from common.files.video import is_video, shown_size
from common.host import to_host
from common.pixels import Picture, as_channels
from common.truth import Found, found
from papers.cornernet import views
from papers.cornernet.config import Config
from papers.cornernet.figures import heat_over
from papers.cornernet.sets import category_ids, class_names
from papers.cornernet.suppression import as_arrays, suppressed
from papers.cornernet.train import State

Values = Iterator[str | tuple[str, Any]]
LEAST_SIDE = 200  # smaller pictures are enlarged, so that names can be read


def predict(config: Config, state: State, inputs: str) -> Values:
    """Yields the pictures with their boxes, or the files in `predict.out`, and there
    darknet's txt of each and `boxes.json`, COCO's list of results; then tables of boxes
    and of seconds.

    inputs: an image, a folder of images, or a video. A video with boxes and its json
    are always written: to `predict.out`, or beside the video.
    """
    path = given(inputs, video=True)
    # Not the optimiser's moments, which are twice the network's size.
    state = to_host(state.replace(opt_state=optim.averages(state.opt_state), key=None))
    if jax.process_index() == 0:  # it needs the others no more, and alone writes
        search = _video if is_video(path) else _pictures
        yield from search(config, state, path)


def detect(config: Config, state: State, pictures: Iterable[Any]) -> list[Found]:
    """What is found in each picture: boxes in its pixels, scores and classes, those of
    `predict.threshold` or more, the best first.

    pictures: uint8 [height, width] or [height, width, channels], of any sizes, grey or
      RGB. UserError: an array that is none.
    """
    search = views.Searcher(config, state)
    found = [search(as_channels(picture, 3)) for picture in pictures]
    return [own.take(own.scores >= config.predict.threshold) for own in found]


def _pictures(config: Config, state: State, root: Path) -> Values:
    c = config.predict
    names = class_names(config)
    search = views.Searcher(config, jax.device_put(state))
    rows, boxes = [], []
    findings: dict[str, Found] = {}
    sizes: list[tuple[int, int]] = []
    for name, picture in pictures(root):
        if picture is None:
            rows.append([name, "skipped: not a readable image", None, None, None])
            continue
        start = time.perf_counter()
        own = search(picture)
        seconds = time.perf_counter() - start
        findings[name] = own
        sizes.append(picture.shape[:2])
        shown = own.take(own.scores >= c.threshold)
        rows.append([name, _size(picture), len(shown), seconds, 1 / seconds])
        boxes += [[name, *row] for row in _rows(shown, names)]
        marked = drawn(picture, shown, names)
        kept = outputs.kept(c.out, root, name, marked)
        yield name, kept
        if c.out:
            labels = darknet_labels.write(kept.with_suffix(".txt"), shown, *sizes[-1])
            yield f"{name} labels", labels
        if c.heat:
            view, maps = search.heats(picture)
            over = heat_over(view.image, *(corner.heat[0] for corner in maps))
            yield f"{name} heat", _kept_heat(c.out, root, name, over)
    if c.out:
        ids = coco_results.image_ids([*findings])
        results = coco_results.of_pictures(
            dict(zip(ids, findings.values(), strict=True)),
            category_ids(config),
            dict(zip(ids, sizes, strict=True)),
        )
        path = outputs.target(c.out, root, "boxes.json").with_suffix(".json")
        coco_results.write(path, results)
        yield "COCO results", path
    columns = ("image", "class", "score", "x1", "y1", "x2", "y2")
    note = f"of a score of {c.threshold:g} or more, in pixels"
    yield "Boxes", Table(columns, boxes, note + "; the file has all" * bool(c.out))
    columns = ("image", "size", "boxes", "seconds", "images/s")
    note = "the first image of a size also waits for its compilation"
    yield "Searched", Table(columns, rows, note)


def _kept_heat(out: str, root: Path, name: str, picture: Picture) -> Path | Picture:
    """As `outputs.kept`, beside the file with the boxes."""
    place = Path(out).expanduser()
    if root.is_file() and place.suffix:  # the file `out` holds the boxes
        out = str(place.with_name(_marked(place.name)))
    return outputs.kept(out, root, _marked(name), picture)


def drawn(picture: Picture, found: Found, names: tuple[str, ...]) -> Picture:
    """The picture with its boxes, names and scores, a colour a class."""
    return draw(
        picture,
        found.boxes,
        [names[label] for label in found.classes],
        found.scores,
        [class_colour(label) for label in found.classes],
        least_side=LEAST_SIDE,
    )


def _video(config: Config, state: State, source: Path) -> Values:
    c = config.predict
    views.refuse_nan(state)
    width, height = shown_size(source)

    def view_of(frame):  # at the first of `eval.scales` alone
        return views.views_of(config, frame)[0]

    view = view_of(np.zeros((height, width, 3), np.uint8))
    size, speed = yield from boxed_video.searched(
        source,
        c.out,
        lambda frame: view_of(frame).image,
        partial(boxes_in, config, view),
        state,
        _present,
        table="Boxes",
        names=class_names(config),
        category_ids=category_ids(config),
        threshold=c.threshold,
        most=c.frames,
        crf=c.crf,
    )
    yield "Searched", speed.table(size, "fitting and network")


def boxes_in(config: Config, view: views.View, state: State, images) -> dict:
    """The boxes of a video's frames, as arrays, in pixels of the frames.

    view: of a frame of their size. images: the frames in it.
    """
    candidates = views.candidates_of(config, state, images)
    border = jnp.array([*view.border, *view.border], jnp.float32)
    scale = jnp.array([*view.scale, *view.scale], jnp.float32)
    candidates = candidates.replace(boxes=(candidates.boxes - border) / scale)
    return as_arrays(suppressed(config.eval, candidates))


def _present(arrays: dict) -> Found:
    there = arrays["present"]
    return found(*(arrays[name][there] for name in ("boxes", "scores", "classes")))


def _rows(found: Found, names: tuple[str, ...]) -> Iterator[list]:
    for box, score, label in zip(found.boxes, found.scores, found.classes, strict=True):
        yield [names[label], round(float(score), 3), *(round(float(v), 1) for v in box)]


def _marked(name: str) -> str:
    """ "a.png" -> "a_heat.png"."""
    path = Path(name)
    return str(path.with_name(f"{path.stem}_heat{path.suffix}"))


def _size(picture: Picture) -> str:
    height, width = picture.shape[:2]
    return f"{width} x {height}"
