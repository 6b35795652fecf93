"""Seconds of suppression on this machine. Compared with numba's and a compiled C loop
by `tests/papers/soft_nms/beside_numba.py`."""

from collections.abc import Iterator

import jax
import numpy as np

from common.contract import Table
from common.soft_nms import soft_nms, suppress
from common.timing import median_seconds
from papers.soft_nms.settings import METHODS

SIDE = 416  # pixels of the picture in which random boxes lie


def random_boxes(images: int, n: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of 20 to 100 pixels anywhere in a picture, and uniform scores."""
    rng = np.random.default_rng(0)
    low = rng.random((images, n, 2)) * SIDE
    high = low + 20 + 80 * rng.random((images, n, 2))
    boxes = np.concatenate([low, high], -1).astype(np.float32)
    return boxes, rng.random((images, n, classes)).astype(np.float32)


def table() -> Table:
    """Milliseconds a picture."""
    rows = []
    for title, images, milliseconds in _measured():
        rows.append([title, *(round(1000 * ms / images, 2) for ms in milliseconds)])
    note = (
        f"on {jax.default_backend()}, float32; random boxes of 20 to 100 pixels in a "
        f"picture of {SIDE}"
    )
    return Table(("ms a picture", *METHODS), rows, note)


def _measured() -> Iterator[tuple[str, int, list[float]]]:
    for keep, words in ((80_000, "all"), (100, "the best 100")):
        (boxes,), (scores,) = random_boxes(1, 1000, 80)
        yield f"1,000 boxes, 80 classes, {words} kept", 1, _seconds(boxes, scores, keep)
    (boxes,), (scores,) = random_boxes(1, 10_000, 1)
    yield "10,000 boxes of one class, all kept", 1, _seconds(boxes, scores, None)
    boxes, scores = random_boxes(64, 300, 10)
    yield "64 pictures, 300 boxes, 10 classes", 64, _seconds(boxes, scores, 100)


def _seconds(boxes: np.ndarray, scores: np.ndarray, keep: int | None) -> list[float]:
    boxes, scores = jax.device_put((boxes, scores))
    if keep is None:
        return [
            median_seconds(lambda m=m: soft_nms(boxes, scores[:, 0], method=m), 3)
            for m in METHODS
        ]
    return [
        median_seconds(lambda m=m: suppress(boxes, scores, method=m, keep=keep), 3)
        for m in METHODS
    ]
