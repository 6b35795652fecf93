"""Priors: typical widths and heights of boxes, by k-means with the distance 1 - IoU
(section 2.1, and Redmon & Farhadi 2017, section 2).

Sides are [boxes, 2], width and height in pixels of the network's input. Two boxes are
compared with their centres in one place.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from common.contract import Table, UserError

Sides = Float[np.ndarray, "boxes 2"]
Priors = Float[np.ndarray, "priors 2"]
ROUNDS = 300  # at most; k-means ends where no box changes its prior
STARTS = 5  # k-means is run from so many random starts, and the best result kept


def iou(sides: Sides, priors: Priors) -> Float[np.ndarray, "boxes priors"]:
    """Intersection over union of every box with every prior, their centres in one
    place."""
    common = np.minimum(sides[:, None], priors[None]).prod(-1)
    return common / (sides.prod(-1)[:, None] + priors.prod(-1)[None] - common)


def best(sides: Sides, priors: Priors) -> Int[np.ndarray, "boxes"]:
    """The prior of the largest IoU with each box, the first of equal ones."""
    return iou(sides, priors).argmax(1)


def mean_iou(sides: Sides, priors: Priors) -> float:
    """The mean over boxes of the IoU with the best prior: what k-means maximises."""
    return float(iou(sides, priors).max(1).mean())


def k_means(sides: Sides, count: int, seed: int = 0) -> Priors:
    """`count` priors, from the smallest area to the largest.

    Where boxes have fewer different sizes than that, sizes repeat, and it is said.
    UserError: there are no boxes, or one has no width or height."""
    sides = np.asarray(sides, np.float64).reshape(-1, 2)
    if not len(sides):
        raise UserError("priors are found from boxes, and the training set has none")
    if not (np.isfinite(sides) & (sides > 0)).all():
        raise UserError("priors are found from boxes whose sides are above 0")
    sizes = np.unique(sides, axis=0)
    if len(sizes) < count:
        warnings.warn(
            f"the boxes have {len(sizes)} different sizes: {count} priors repeat them",
            stacklevel=2,
        )
        return _sorted(sizes[np.arange(count) % len(sizes)])
    rng = np.random.default_rng(seed)
    found = [_from_one_start(sides, count, rng) for _ in range(STARTS)]
    return _sorted(max(found, key=lambda priors: mean_iou(sides, priors)))


def _from_one_start(sides: Sides, count: int, rng: np.random.Generator) -> Priors:
    priors = _start(sides, count, rng)
    before = None
    for _ in range(ROUNDS):
        overlap = iou(sides, priors)
        mine = overlap.argmax(1)
        if before is not None and np.array_equal(mine, before):
            break
        before = mine
        members = np.bincount(mine, minlength=count)
        sums = [np.bincount(mine, sides[:, axis], count) for axis in (0, 1)]
        moved = np.stack(sums, -1) / np.maximum(members, 1)[:, None]
        # A prior without boxes moves to a box that has the worst prior now.
        worst = np.argsort(overlap.max(1), kind="stable")
        empty = np.flatnonzero(members == 0)
        moved[empty] = sides[worst[: len(empty)]]
        priors = moved
    return priors


def _start(sides: Sides, count: int, rng: np.random.Generator) -> Priors:
    """Boxes at random, each the likelier the farther it is from those before it
    (k-means++, Arthur & Vassilvitskii 2007)."""
    chosen = [sides[rng.integers(len(sides))]]
    for _ in range(count - 1):
        far = np.square(1 - iou(sides, np.array(chosen)).max(1))
        share = far / far.sum() if far.sum() else np.full(len(sides), 1 / len(sides))
        chosen.append(sides[rng.choice(len(sides), p=share)])
    return np.array(chosen)


def _sorted(priors: Priors) -> Priors:
    return priors[np.argsort(priors.prod(-1), kind="stable")]


def truths_of_masks(
    sides: Sides, priors: Priors, masks: Sequence[Sequence[int]]
) -> list[int]:
    """How many boxes each scale answers for: those whose best prior is in its mask."""
    per_prior = np.bincount(best(sides, priors), minlength=len(priors))
    return [int(per_prior[[*mask]].sum()) for mask in masks]


def table(
    sides: Sides,
    priors: Priors,
    masks: Sequence[Sequence[int]],
    strides: Sequence[int],
) -> Table:
    """Every prior, its scale, and how many boxes it is the best of."""
    per_prior = np.bincount(best(sides, priors), minlength=len(priors))
    per_mask = truths_of_masks(sides, priors, masks)
    rows = []
    for i, (width, height) in enumerate(priors):
        scales = [f"/ {s}" for s, mask in zip(strides, masks, strict=True) if i in mask]
        row = [i, float(width), float(height), ", ".join(scales) or "none"]
        rows.append([*row, int(per_prior[i])])
    shares = ", ".join(
        f"{count:,} at / {stride}"
        for count, stride in zip(per_mask, strides, strict=True)
    )
    note = (
        f"mean IoU of a box with its best prior {mean_iou(sides, priors):.3f}; boxes "
        f"of each scale: {shares}"
    )
    columns = ("prior", "width, px", "height, px", "scale", "boxes that it is best of")
    return Table(columns, rows, note)
