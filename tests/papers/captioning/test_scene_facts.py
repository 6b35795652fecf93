"""What captions of scenes say is told right from wrong."""

import pytest

from papers.captioning.scene_facts import Said, right, said
from papers.captioning.sources import scenes
from papers.captioning.sources.generated import generated


@pytest.mark.parametrize(
    ("caption", "things", "ground"),
    [
        (
            "a red three to the left of a blue seven",
            (("red", "three"), ("blue", "seven")),
            None,
        ),
        (
            "two digits on an astronaut a pink one and a red two",
            (("pink", "one"), ("red", "two")),
            "an astronaut",
        ),
        (
            "the two is red and the three under it is blue",
            (("red", "two"), ("blue", "three")),
            None,
        ),
        ("a large circle on grey", (), "grey"),
        ("", (), None),
    ],
)
def test_a_caption_names_things_and_a_ground(caption, things, ground):
    assert said(caption) == Said(things, ground)


@pytest.mark.parametrize("pictures", [scenes("test", 40), generated("test", 40)])
def test_every_reference_is_wholly_right(pictures):
    for i in range(5):
        found = right([own[i] for own in pictures.texts], pictures)
        assert found.things == found.colours == found.nouns == 100
        assert found.ground in (100, None)


def test_the_captions_of_other_pictures_are_mostly_wrong():
    pictures = scenes("test", 40)
    others = [own[2] for own in pictures.texts[1:] + pictures.texts[:1]]
    found = right(others, pictures)
    assert found.things < 20
    assert found.ground < 40
    assert found.things < found.colours < 80


def test_parts_of_things_are_counted_by_themselves():
    pictures = scenes("test", 1)
    listed = pictures.captions(0)[2]
    noun = said(listed).things[0][1]
    wrong = next(c for c in ("red", "blue", "green", "pink") if c not in listed)
    found = right([f"a {wrong} {noun}"], pictures)
    assert found == (0, 0, 100, None)
    assert right(["a thing"], pictures) == (None, None, None, None)
