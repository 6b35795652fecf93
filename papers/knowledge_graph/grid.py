"""A generated graph: the fields of an 8 x 8 board, and moves between them.

Five relations shift a field, where it stays on the board; they are one-to-one. The
sixth, "opens", leads from the first field of a row to the others: 1-to-N.
"""

import numpy as np

from common.data.triples import Graph

SIDE = 8
SHIFTS = {
    "right": (1, 0),
    "down": (0, 1),
    "diagonal": (1, 1),
    "two right": (2, 0),
    "two down": (0, 2),
}
HELD_OUT = 31  # triples of each of the two other splits; 313 in all


def graph() -> Graph:
    """251 triples to train, 31 to validate, 31 to test."""
    fields = [(x, y) for y in range(SIDE) for x in range(SIDE)]
    triples = [
        (_number(x, y), relation, _number(x + dx, y + dy))
        for relation, (dx, dy) in enumerate(SHIFTS.values())
        for x, y in fields
        if x + dx < SIDE and y + dy < SIDE
    ]
    triples += [(_number(0, y), len(SHIFTS), _number(x, y)) for x, y in fields if x]
    shuffled = np.random.default_rng(0).permutation(np.array(triples, np.int32))
    return Graph(
        entities=tuple(f"{x},{y}" for x, y in fields),
        relations=(*SHIFTS, "opens"),
        train=shuffled[2 * HELD_OUT :],
        valid=shuffled[:HELD_OUT],
        test=shuffled[HELD_OUT : 2 * HELD_OUT],
    )


def _number(x: int, y: int) -> int:
    return y * SIDE + x
