"""What can be said of a composed scene: a small grammar with choices.

    a red three left of a blue seven
    there is a blue seven to the right of a red three on grass
    two digits on grass a red three and a blue seven
    a large red three and a small blue seven on grass
    the seven is blue and the three left of it is red

The choices (which pair, in which order, which synonym) are random, so that no caption
is the only right one.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

NUMBERS = {1: "one", 2: "two", 3: "three"}
_LEFT = ("left of", "to the left of")
_RIGHT = ("right of", "to the right of")
_ABOVE = ("above", "over")
_BELOW = ("below", "under")
_LARGE = ("large", "big")
_SMALL = ("small", "little")


@dataclasses.dataclass(frozen=True)
class Thing:
    """One thing in a scene.

    box: x0, y0, x1, y1 in pixels.
    """

    colour: str
    noun: str
    box: tuple[int, int, int, int]

    @property
    def named(self) -> str:
        return f"{self.colour} {self.noun}"

    @property
    def side(self) -> int:
        """The longer side of its box."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])


@dataclasses.dataclass(frozen=True)
class Scene:
    """Two or three things that do not overlap, the first the largest.

    kind: what they are, in the plural; ground: what they lie on, with its article.
    """

    things: tuple[Thing, ...]
    kind: str
    ground: str


def references(scene: Scene, rng: np.random.Generator) -> tuple[str, ...]:
    """Five captions, one of each form."""
    return (
        _beside(scene, rng),
        f"there is {_beside(scene, rng)} on {scene.ground}",
        _listed(scene, rng),
        _by_size(scene, rng),
        _by_colour(scene, rng),
    )


def _beside(scene: Scene, rng: np.random.Generator) -> str:
    a, b = _pair(scene, rng)
    return f"a {a.named} {relation(a, b, rng)} a {b.named}"


def _listed(scene: Scene, rng: np.random.Generator) -> str:
    order = rng.permutation(len(scene.things))
    *first, last = [f"a {scene.things[i].named}" for i in order]
    count = NUMBERS[len(scene.things)]
    named = f"{' '.join(first)} and {last}"
    return f"{count} {scene.kind} on {scene.ground} {named}"


def _by_size(scene: Scene, rng: np.random.Generator) -> str:
    large, *others = scene.things
    small = others[rng.integers(len(others))]
    parts = [
        f"a {_one_of(_LARGE, rng)} {large.named}",
        f"a {_one_of(_SMALL, rng)} {small.named}",
    ]
    first = rng.integers(2)
    return f"{parts[first]} and {parts[1 - first]} on {scene.ground}"


def _by_colour(scene: Scene, rng: np.random.Generator) -> str:
    a, b = _pair(scene, rng)
    where = relation(b, a, rng)
    return f"the {a.noun} is {a.colour} and the {b.noun} {where} it is {b.colour}"


def _pair(scene: Scene, rng: np.random.Generator) -> tuple[Thing, Thing]:
    first, second = rng.permutation(len(scene.things))[:2]
    return scene.things[first], scene.things[second]


def relation(a: Thing, b: Thing, rng: np.random.Generator) -> str:
    """Where `a` is from `b`, along the axis on which more lies between them."""
    across = max(b.box[0] - a.box[2], a.box[0] - b.box[2])
    down = max(b.box[1] - a.box[3], a.box[1] - b.box[3])
    if across >= down:
        return _one_of(_LEFT if a.box[0] < b.box[0] else _RIGHT, rng)
    return _one_of(_ABOVE if a.box[1] < b.box[1] else _BELOW, rng)


def _one_of(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[rng.integers(len(words))]
