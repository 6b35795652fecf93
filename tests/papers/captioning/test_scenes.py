"""Composed scenes: what their captions say is in the pictures."""

import itertools

import numpy as np
import pytest

from common.contract import UserError
from common.data import scene_parts
from papers.captioning.sources import crops, scenes
from papers.captioning.sources.generated import generated
from papers.captioning.sources.grammar import Scene, Thing, references, relation
from papers.captioning.sources.scenes import COLOURS, GROUNDS, NOUNS
from papers.captioning.vocabulary import Vocabulary, words_of


@pytest.fixture(scope="module")
def some():
    return scenes("test", 120)


def test_five_references_of_44_words_and_15_at_most(some):
    assert {len(own) for own in some.texts} == {5}
    texts = [text for own in some.texts for text in own]
    assert Vocabulary.of(texts).size == 44
    assert max(len(words_of(text)) for text in texts) <= 15
    assert len(set(texts)) > 0.95 * len(texts)


def test_a_scene_does_not_depend_on_how_many_there_are(some):
    few = scenes("test", 7)
    assert np.array_equal(few.pictures, some.pictures[:7])
    assert few.texts == some.texts[:7]


def test_splits_have_different_digits():
    pixels = [
        {np.asarray(g).tobytes() for of in scene_parts._digits(split) for g in of}
        for split in ("train", "valid", "test")
    ]
    for a, b in itertools.combinations(pixels, 2):
        assert not a & b


def test_the_colours_that_are_named_are_there(some):
    """More pixels have a named colour than any other of the six."""
    for i in range(60):
        listed = set(some.captions(i)[2].split()) & COLOURS.keys()
        pixels = some.picture(i).reshape(-1, 3).astype(int)
        near = {
            name: np.sum(np.abs(pixels - colour).max(-1) < 40)
            for name, colour in COLOURS.items()
        }
        others = [n for name, n in near.items() if name not in listed]
        assert min(near[name] for name in listed) > max(others), near


def test_digits_do_not_touch(some, monkeypatch):
    laid = []
    monkeypatch.setattr(
        scene_parts, "lay", lambda _, alpha, corner, __: laid.append((alpha, corner))
    )
    monkeypatch.setattr(scene_parts, "part_of", lambda *_: np.zeros((64, 64, 3)))
    for i in range(30):
        laid.clear()
        scenes.__wrapped__("valid", 1, seed=i)
        covered = np.zeros((64, 64), int)
        for alpha, (x, y) in laid:
            covered[y : y + alpha.shape[0], x : x + alpha.shape[1]] += 1
        assert len(laid) in (2, 3)
        assert covered.max() == 1
        assert 15 <= max(laid[1][0].shape) <= 20 < 25 <= max(laid[0][0].shape) <= 31


def test_relations_are_those_of_the_boxes():
    rng = np.random.default_rng(0)
    a = Thing("red", "three", (2, 20, 20, 40))
    right = Thing("blue", "seven", (30, 25, 50, 50))
    below = Thing("blue", "seven", (10, 50, 30, 60))
    for _ in range(5):
        assert relation(a, right, rng) in ("left of", "to the left of")
        assert relation(right, a, rng) in ("right of", "to the right of")
        assert relation(a, below, rng) in ("above", "over")
        assert relation(below, a, rng) in ("below", "under")


def test_references_name_what_is_there():
    scene = Scene(
        (
            Thing("red", "three", (2, 2, 30, 30)),
            Thing("blue", "seven", (40, 9, 55, 24)),
        ),
        "digits",
        "grass",
    )
    said = {references(scene, np.random.default_rng(i)) for i in range(60)}
    beside, there_is, listed, by_size, by_colour = map(set, zip(*said, strict=True))
    assert beside == {
        "a red three left of a blue seven",
        "a red three to the left of a blue seven",
        "a blue seven right of a red three",
        "a blue seven to the right of a red three",
    }
    assert there_is == {f"there is {text} on grass" for text in beside}
    assert listed == {
        "two digits on grass a red three and a blue seven",
        "two digits on grass a blue seven and a red three",
    }
    assert all(("large red" in x or "big red" in x) for x in by_size)
    assert "the three is red and the seven right of it is blue" in by_colour
    assert "the seven is blue and the three to the left of it is red" in by_colour


def test_crops_have_equally_many_digits_and_colours():
    found = crops("train", 120)
    cells = np.bincount(found.digit * len(COLOURS) + found.colour)
    assert len(cells) == len(NOUNS) * len(COLOURS)
    assert set(cells) == {2}
    assert set(found.ground) == set(range(len(GROUNDS)))
    for image, colour in zip(found.images[:60], found.colour, strict=False):
        wanted = [*COLOURS.values()][colour]
        near = np.abs(image.reshape(-1, 3).astype(int) - wanted).max(-1) < 60
        assert near.sum() >= 4


def test_generated_shapes_are_what_their_captions_say():
    data = generated("train", 40)
    for i in range(40):
        colours = {tuple(c) for c in data.picture(i).reshape(-1, 3)}
        listed = set(data.captions(i)[2].split())
        named = {name for name in COLOURS if tuple(COLOURS[name]) in colours}
        assert named == listed & COLOURS.keys()


@pytest.mark.parametrize(
    "given", [("tes", 5), ("test", 0), ("test", 5, 20)], ids=["split", "none", "small"]
)
def test_scenes_that_cannot_be_are_one_line(given):
    with pytest.raises(UserError) as error:
        scenes(*given)
    assert "\n" not in str(error.value)
