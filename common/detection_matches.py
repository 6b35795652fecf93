"""Which findings of one picture hit which objects: for pictures of hits and misses."""

import numpy as np
from jaxtyping import Int

from common.boxes import iou
from common.truth import Found, Truth


def matches(truth: Truth, seen: Found, threshold: float = 0.5) -> Int[np.ndarray, "n"]:
    """For each finding the object that it hits, or -1: the surest goes first, and takes
    the free object of its class with which its IoU is highest, at least `threshold`.
    Findings on crowds and on difficult objects are -2."""
    hit = np.full(len(seen), -1)
    if not len(truth) or not len(seen):
        return hit
    overlaps = iou(seen.boxes, truth.boxes)
    overlaps[seen.classes[:, None] != truth.classes] = -1
    ignored = truth.crowd | truth.difficult
    free = ~ignored
    for i in np.argsort(-seen.scores, kind="stable"):
        own = np.where(free, overlaps[i], -1)
        best = int(own.argmax())
        if own[best] >= threshold:
            hit[i] = best
            free[best] = False
        elif (overlaps[i][ignored] >= threshold).any():
            hit[i] = -2
    return hit
