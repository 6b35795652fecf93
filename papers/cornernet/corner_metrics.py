"""How well corners themselves are found, before they are paired (table 3).

A found corner is right if it lies within `WITHIN` cells of a true one of its class, in
x and in y, that no surer corner has taken. The paper does not say its own rule; this
one is ours. Average precision is the area under precision (made to fall) against
recall, a mean over the classes. Corners are told by the quadrant of the input that they
are in: a right one by its truth's.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

Points = list[dict[str, np.ndarray]]  # for each picture: "points", "classes", "scores"
WITHIN = 1.0  # cells
QUADRANTS = ("top left", "top right", "bottom left", "bottom right")


def corner_ap(
    found: Points, actual: Points, size: tuple[int, int], cell: float
) -> dict[str, float]:
    """{quadrant: AP}, and of the "whole" input; nan where no true corner is.

    found: "points" x, y in pixels of the input, "scores" and "classes" of a picture.
    actual: the same without scores.
    size: rows and columns of the input, in pixels.
    cell: pixels of a cell.
    """
    right, quadrants = [], []
    for own, truth in zip(found, actual, strict=True):
        hits = matched(own, truth, WITHIN * cell)
        places = np.where(hits[:, None] >= 0, _at(truth["points"], hits), own["points"])
        right.append(hits >= 0)
        quadrants.append(quadrant(places, size))
    scores = np.concatenate([own["scores"] for own in found])
    classes = np.concatenate([own["classes"] for own in found])
    true_classes = np.concatenate([truth["classes"] for truth in actual])
    true_quadrants = np.concatenate([quadrant(t["points"], size) for t in actual])
    right = np.concatenate(right)
    quadrants = np.concatenate(quadrants)

    def mean(chosen, truths):
        aps = []
        for label in np.unique(true_classes[truths]):
            own = chosen & (classes == label)
            count = int((truths & (true_classes == label)).sum())
            aps.append(average_precision(scores[own], right[own], count))
        return float(np.mean(aps)) if aps else float("nan")

    results = {
        name: mean(quadrants == i, true_quadrants == i)
        for i, name in enumerate(QUADRANTS)
    }
    everywhere = np.ones(len(scores), bool), np.ones(len(true_classes), bool)
    return {**results, "whole": mean(*everywhere)}


def matched(
    found: dict[str, np.ndarray], actual: dict[str, np.ndarray], within: float
) -> Int[np.ndarray, "found"]:
    """The true corner that each found one takes, or -1; the surest choose first, each
    the nearest."""
    hits = np.full(len(found["points"]), -1)
    if not len(actual["points"]) or not len(hits):
        return hits
    apart = np.abs(found["points"][:, None] - actual["points"][None]).max(-1)
    apart = np.where(found["classes"][:, None] == actual["classes"], apart, np.inf)
    for i in np.argsort(-found["scores"], kind="stable"):
        nearest = int(apart[i].argmin())
        if apart[i, nearest] <= within:
            hits[i] = nearest
            apart[:, nearest] = np.inf
    return hits


def quadrant(
    points: Float[np.ndarray, "n 2"], size: tuple[int, int]
) -> Int[np.ndarray, "n"]:
    """The index in QUADRANTS of each point."""
    right = points[:, 0] >= size[1] / 2
    below = points[:, 1] >= size[0] / 2
    return right + 2 * below


def average_precision(
    scores: Float[np.ndarray, "n"], right: Bool[np.ndarray, "n"], truths: int
) -> float:
    """The area under the precision, made to fall, against the recall of so many
    truths."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    precision = hits / np.arange(1, len(hits) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float((falling * right[order]).sum() / truths)


def _at(points: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Rows of points, any row for -1."""
    if not len(points):
        return np.zeros((len(index), 2))
    return points[index]
