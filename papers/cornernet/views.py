"""Searching one picture as the published test does (section 4.2): at its own size, or
at several, in the middle of zeros, with its mirror image."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from common.boxes import clip, has_area
from common.contract import UserError
from common.data.annotated_batches import NOTHING, fitted
from common.data.augment import resize
from common.host import to_host
from common.pixels import Picture
from common.truth import Found, found
from papers.cornernet.config import Config
from papers.cornernet.crop import cut
from papers.cornernet.decode import (
    Candidates,
    decode,
    joined,
    mirrored_back,
    probabilities,
)
from papers.cornernet.model import Prediction
from papers.cornernet.suppression import as_arrays, in_pixels, suppressed
from papers.cornernet.train import State, predicted


@dataclasses.dataclass(frozen=True)
class View:
    """A picture in the network's input."""

    image: UInt8[np.ndarray, "height width 3"]
    scale: tuple[float, float]  # input pixels a picture pixel: x, y
    border: tuple[int, int]  # before the picture: left, top


def padded_side(side: int, stride: int) -> int:
    """The next side that the network takes and a picture of `side` pixels fits in:
    `side` with its lowest bits set, 128 k - 1 for the published network, so that a
    quarter of it and all halves are whole."""
    return side - side % stride + stride - 1


def own_size(config: Config, picture: Picture, scale: float) -> View:
    """The picture, resized by `scale`, in the middle of zeros."""
    height, width = (max(int(side * scale), 1) for side in picture.shape[:2])
    resized = resize(picture, (height, width))
    rows, columns = (padded_side(n, config.model.stride) for n in (height, width))
    top = rows // 2 - height // 2
    left = columns // 2 - width // 2
    image = cut(resized, -top, -left, rows, columns)
    of = (width / picture.shape[1], height / picture.shape[0])
    return View(image, of, (left, top))


def whole(config: Config, picture: Picture) -> View:
    """The picture, scaled to fit the input of training."""
    pixels, _, frame = fitted(picture, NOTHING, tuple(config.data.size))
    return View(pixels, (frame.scale_x, frame.scale_y), (frame.left, frame.top))


def views_of(config: Config, picture: Picture) -> list[View]:
    """What the network is shown, as `eval.view` and `eval.scales` say."""
    if config.eval.view == "whole":
        return [whole(config, picture)]
    return [own_size(config, picture, scale) for scale in config.eval.scales]


def refuse_nan(state: State) -> None:
    """UserError: the weights are no numbers. Of NaN heat maps no cell is a peak:
    nothing would be found."""
    weights = jax.tree.leaves((state.params, state.batch_stats))
    if not all(jnp.isfinite(x).all() for x in weights):
        raise UserError(
            "the weights are NaN or infinite: the training diverged, or their "
            "file is damaged; train it with a lower config.optim.lr"
        )


class Searcher:
    """Finds boxes in pictures of any size. Programs are compiled once for each size of
    the input, and kept. UserError: as of `refuse_nan`."""

    def __init__(self, config: Config, state: State) -> None:
        refuse_nan(state)
        self._config = config
        self._state = state
        self._run = jax.jit(partial(candidates_of, config))
        self._suppress = jax.jit(lambda c: as_arrays(suppressed(config.eval, c)))
        self._maps = jax.jit(lambda s, x: probabilities(predicted(config, s, x)))

    def __call__(self, picture: Picture) -> Found:
        """Boxes in pixels of the picture, cut to it, by falling score."""
        parts = []
        for view in views_of(self._config, picture):
            candidates = to_host(self._run(self._state, view.image[None]))
            boxes = in_picture(view, candidates.boxes, picture)
            parts.append(candidates.replace(boxes=boxes))
        rows = to_host(self._suppress(joined_on_host(parts)))
        there = rows["present"][0]
        names = ("boxes", "scores", "classes")
        own = found(*(rows[name][0][there] for name in names))
        return own.take(has_area(own.boxes))  # others lay beside the picture

    def heats(self, picture: Picture) -> tuple[View, Prediction]:
        """The first view, and the maps of it, heats as probabilities."""
        view, *_ = views_of(self._config, picture)
        return view, to_host(self._maps(self._state, view.image[None]))


def candidates_of(config: Config, state: State, image) -> Candidates:
    """Pairs of corners in pixels of an input, and of its mirror image."""
    threshold = config.eval.tag_threshold
    size = image.shape[1:3]
    found = decode(
        config.eval, probabilities(predicted(config, state, image)), threshold
    )
    if config.eval.flip:
        maps = probabilities(predicted(config, state, image[:, :, ::-1]))
        other = decode(config.eval, maps, threshold)
        found = joined(found, mirrored_back(other, maps.top_left.heat.shape[2]))
    return in_pixels(config, found, size)


def in_picture(view: View, boxes: np.ndarray, picture: Picture) -> np.ndarray:
    """Boxes of a view in pixels of the picture, cut to it."""
    border = np.array([*view.border, *view.border], np.float32)
    scale = np.array([*view.scale, *view.scale], np.float32)
    return clip((boxes - border) / scale, *picture.shape[:2])


def joined_on_host(parts: list[Candidates]) -> Candidates:
    return jax.tree.map(lambda *leaves: np.concatenate(leaves, 1), *parts)
