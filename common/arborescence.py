"""The best tree over the words of a sentence: Chu and Liu 1965, Edmonds 1967.

Axes: dependents and heads are the root, which is number 0, and the words after it.
"""

import numpy as np
from jaxtyping import Float, Int


def best_tree(
    scores: Float[np.ndarray, "dependents heads"],
) -> Int[np.ndarray, "dependents"]:
    """The head of each word in the tree with the largest sum of scores in which exactly
    one word hangs on the root; 0, the root's own head, is 0.

    scores[d, h]: of the head h for the word d, finite; row 0 is not read. Time grows
    with the cube of the words, at most.
    """
    scores = np.array(scores, np.float64)
    if not np.isfinite(scores[1:]).all():
        raise ValueError("scores of heads must be finite")
    # So dear that no tree has more of the root's arcs than it must have, which is one.
    spread = np.ptp(scores[1:]) if len(scores) > 1 else 0.0
    scores[1:, 0] -= (spread + 1) * len(scores)
    return _tree(scores)


def _tree(scores: Float[np.ndarray, "n n"]) -> Int[np.ndarray, "n"]:
    """The tree without the rule of one root."""
    np.fill_diagonal(scores, -np.inf)
    heads = scores.argmax(1)
    heads[0] = 0
    circle = _circle(heads)
    if circle is None:
        return heads
    # The circle becomes one node, the last: what enters it breaks it at one word.
    rest = np.setdiff1d(np.arange(len(scores)), circle)
    broken = scores[circle] - scores[circle, heads[circle]][:, None]
    smaller = np.full((len(rest) + 1,) * 2, -np.inf)
    smaller[:-1, :-1] = scores[np.ix_(rest, rest)]
    smaller[-1, :-1] = broken[:, rest].max(0)
    smaller[:-1, -1] = scores[np.ix_(rest, circle)].max(1)
    entered = circle[broken[:, rest].argmax(0)]
    left = circle[scores[np.ix_(rest, circle)].argmax(1)]

    found = _tree(smaller)
    above = found[-1]  # of the circle, a place in `rest`
    heads[entered[above]] = rest[above]
    for place, word in enumerate(rest):
        head = found[place]
        heads[word] = left[place] if head == len(rest) else rest[head]
    heads[0] = 0
    return heads


def _circle(heads: Int[np.ndarray, "n"]) -> Int[np.ndarray, "circle"] | None:
    """The words of a circle of heads; None: there is none."""
    reaches = np.zeros(len(heads), bool)  # the root is above
    reaches[0] = True
    for start in range(len(heads)):
        path: list[int] = []
        at = start
        while not reaches[at] and at not in path:
            path.append(at)
            at = int(heads[at])
        if at in path:
            return np.array(path[path.index(at) :])
        reaches[path] = True
    return None
