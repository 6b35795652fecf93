"""What captions of composed scenes say, and how much of it is so.

A caption names things ("a red three"; "the three is red") and a ground ("on grass").
The third reference of a scene lists all that there is, so captions can be told right
from wrong: BLEU and CIDEr-D hardly see whether a seven is a one.
"""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from papers.captioning.sources import CaptionedImages
from papers.captioning.sources.generated import GROUNDS as PLAIN_GROUNDS
from papers.captioning.sources.generated import NOUNS as SHAPES
from papers.captioning.sources.scenes import COLOURS, GROUNDS, NOUNS

_COLOURS = "|".join(COLOURS)
_NOUNS = "|".join((*NOUNS, *SHAPES))
_GROUNDS = "|".join((*GROUNDS, *PLAIN_GROUNDS))
_THING = re.compile(rf"\b({_COLOURS}) ({_NOUNS})\b")
_IS = re.compile(
    rf"^the ({_NOUNS}) is ({_COLOURS}) and the ({_NOUNS})\b.* it is ({_COLOURS})$"
)
_ON = re.compile(rf"\bon ({_GROUNDS})\b")
_LISTED = 2  # the reference that lists all things


class Said(NamedTuple):
    """What a caption names: (colour, noun) pairs, and the ground or None."""

    things: tuple[tuple[str, str], ...]
    ground: str | None


class Right(NamedTuple):
    """Of all that captions name, how much is there, in per cent; None: they name none.

    things: colours with their nouns; colours, nouns: each by itself.
    """

    things: float | None
    colours: float | None
    nouns: float | None
    ground: float | None


def said(caption: str) -> Said:
    """What a caption names."""
    things = _THING.findall(caption)
    two = _IS.match(caption)
    if two:
        things += [(two[2], two[1]), (two[4], two[3])]
    ground = _ON.search(caption)
    return Said(tuple(things), ground[1] if ground else None)


def right(captions: Sequence[str], pictures: CaptionedImages) -> Right:
    """How much of what the captions say is so; `pictures` are composed scenes."""
    things: list[bool] = []
    colours: list[bool] = []
    nouns: list[bool] = []
    grounds: list[bool] = []
    for caption, references in zip(captions, pictures.texts, strict=True):
        named = said(caption)
        there = said(references[_LISTED])
        things += [thing in there.things for thing in named.things]
        colours += _among(named, there, 0)
        nouns += _among(named, there, 1)
        grounds += [named.ground == there.ground] * (named.ground is not None)
    return Right(*map(_share, (things, colours, nouns, grounds)))


def _among(named: Said, there: Said, part: int) -> list[bool]:
    known = {thing[part] for thing in there.things}
    return [thing[part] in known for thing in named.things]


def _share(found: Collection[bool]) -> float | None:
    return 100 * sum(found) / len(found) if found else None
