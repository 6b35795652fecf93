"""What a trained network finds in a split: its maps once, and boxes from them as often
as an ablation asks."""

import dataclasses
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common.data.annotated import AnnotatedImages
from common.data.annotated_choice import is_read
from common.detection_metrics import CocoScores, coco_metrics
from common.host import to_host
from common.truth import Found, Truth
from papers.cornernet import views
from papers.cornernet.config import Config
from papers.cornernet.data import in_order, split_of
from papers.cornernet.decode import (
    Corners,
    best_corners,
    decode,
    joined,
    mirrored_back,
    probabilities,
)
from papers.cornernet.model import Prediction
from papers.cornernet.suppression import found_boxes
from papers.cornernet.train import State, predicted, targets_of
from papers.cornernet.truth_maps import as_truth
from papers.cornernet.validation import in_pictures

Batches = list[dict[str, np.ndarray]]
PLACES = ("mask", "letterbox", "size")  # what leads from an input to its picture


@dataclasses.dataclass(frozen=True)
class Maps:
    """A network's maps of a split, batch by batch, on the host."""

    config: Config
    data: AnnotatedImages
    batches: Batches
    predictions: list[Prediction]  # heats are probabilities
    mirrored: list[Prediction]  # of the mirrored pictures; empty without `eval.flip`

    @property
    def truths(self) -> list[Truth]:
        """Of the pictures that can be read, in the order of the findings."""
        return [self.data.truth(i) for i in self.indices]

    @property
    def indices(self) -> list[int]:
        """Places in `data` of the pictures that can be read."""
        return [
            int(index)
            for batch in self.batches
            for index, mask in zip(batch["index"], batch["mask"], strict=True)
            if mask > 0
        ]


@dataclasses.dataclass(frozen=True)
class Static:
    """A config as a static argument of a compiled program. Runs that differ in what the
    program does not read share it: `text` has what it reads."""

    text: str
    config: Config = dataclasses.field(compare=False)


def maps_of(config: Config, state: State, split: str) -> Maps:
    """The maps of every picture of a split, scaled to fit the input."""
    data = split_of(config, split)
    static = Static(f"{config.model}{config.data}", config)
    state = state.replace(key=None, step=None)
    batches = list(in_order(config, data))
    predictions = [to_host(_maps(static, state, b["image"])) for b in batches]
    mirrored = []
    if config.eval.flip:
        turned = (b["image"][:, :, ::-1] for b in batches)
        mirrored = [to_host(_maps(static, state, image)) for image in turned]
    return Maps(config, data, batches, predictions, mirrored)


@partial(jax.jit, static_argnums=0)
def _maps(static: Static, state: State, image) -> Prediction:
    return probabilities(predicted(static.config, state, image))


def find(maps: Maps, tag_threshold: float, truth: tuple[str, ...] = ()) -> list[Found]:
    """Boxes of every picture of `maps` that can be read, in pixels of the picture.

    truth: which maps true ones replace: "heat", "offset", "tag" of
        `truth_maps.as_truth`. The mirrored pictures are not used then.
    """
    config = maps.config
    static = Static(f"{config.eval}{config.data}{config.targets}", config)
    results = []
    for i, (batch, prediction) in enumerate(
        zip(maps.batches, maps.predictions, strict=True)
    ):
        mirrored = maps.mirrored[i] if maps.mirrored and not truth else None
        arrays = {k: batch[k] for k in ("boxes", "classes", "present")}
        threshold = jnp.float32(tag_threshold)
        rows = _found(static, truth, prediction, mirrored, arrays, threshold)
        rows = {**to_host(rows), **{k: batch[k] for k in PLACES}}
        results += in_pictures(rows)
    return results


@partial(jax.jit, static_argnums=(0, 1))
def _found(static: Static, truth, prediction, mirrored, arrays, tag_threshold):
    config = static.config
    size = tuple(config.data.size)
    if truth:
        # Only its size is read of the image.
        image = jnp.zeros((1, *size, 3))
        actual = targets_of(config, {**arrays, "image": image})
        prediction = as_truth(prediction, actual, **dict.fromkeys(truth, True))
    candidates = decode(config.eval, prediction, tag_threshold)
    if mirrored is not None:
        width = prediction.top_left.heat.shape[2]
        other = decode(config.eval, mirrored, tag_threshold)
        candidates = joined(candidates, mirrored_back(other, width))
    return found_boxes(config, candidates, size)


def searched(
    config: Config, state: State, data: AnnotatedImages
) -> Iterator[tuple[Truth, Found]]:
    """Truth and findings of every picture that can be read, searched at its own size
    (`views.Searcher`)."""
    search = views.Searcher(config, state)
    for i in range(len(data)):
        picture = data.picture(i)
        if picture is not None:
            yield data.truth(i), search(picture)


def scores_of(config: Config, truths: list[Truth], findings: list[Found], names):
    """COCO's numbers; those by size for the user's sets alone, whose pictures are large
    enough."""
    by_size = is_read(config.data)
    return coco_metrics(truths, findings, names, by_size=by_size)


def chosen_threshold(config: Config, maps: Maps) -> tuple[float, CocoScores]:
    """The threshold of tags, of `eval.choose_threshold`, with the highest AP on these
    maps, those of the validation split; and what it reaches there."""
    best = None
    for threshold in config.eval.choose_threshold or (config.eval.tag_threshold,):
        scores = scores_of(config, maps.truths, find(maps, threshold), maps.data.names)
        if best is None or scores.ap > best[1].ap:
            best = threshold, scores
    return best


def corner_points(maps: Maps) -> list[list[dict[str, np.ndarray]]]:
    """For top-left and bottom-right corners: of every picture that can be read, the
    "points" in pixels of the input, their "scores" and "classes"."""
    config = maps.config
    rows, columns = config.data.size
    results: list[list[dict]] = [[], []]
    for batch, prediction in zip(maps.batches, maps.predictions, strict=True):
        height, width = prediction.top_left.heat.shape[1:3]
        scale = np.array([columns / width, rows / height])
        for kind, corners in zip(
            results, to_host(_corners(config.eval.corners, prediction)), strict=True
        ):
            points = np.stack([corners.x, corners.y], -1) * scale
            kind += [
                {
                    "points": points[i],
                    "scores": corners.score[i],
                    "classes": corners.label[i],
                }
                for i in np.flatnonzero(batch["mask"] > 0)
            ]
    return results


@partial(jax.jit, static_argnums=0)
def _corners(count: int, prediction: Prediction) -> list[Corners]:
    return [best_corners(corner, count) for corner in prediction]


def true_points(maps: Maps, kind: int) -> list[dict[str, Any]]:
    """The true corners of a kind, 0 top-left and 1 bottom-right, as `corner_points`."""
    side = slice(0, 2) if kind == 0 else slice(2, 4)
    return [
        {
            "points": batch["boxes"][i][batch["present"][i]][:, side],
            "classes": batch["classes"][i][batch["present"][i]],
        }
        for batch in maps.batches
        for i in np.flatnonzero(batch["mask"] > 0)
    ]


def mean_and_std(values: list[float]) -> tuple[float, float]:
    """Over seeds; the deviation is the unbiased one, 0 for one seed."""
    array = np.asarray(values, float)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else 0.0
