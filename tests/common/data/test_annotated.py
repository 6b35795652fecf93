"""Sets of pictures with boxes. A failure means that a picture is no longer beside its
own boxes."""

import pickle

import numpy as np
import pytest

from common.contract import UserError
from common.data.annotated import AnnotatedImages
from common.truth import Truths, found, truth


def three() -> AnnotatedImages:
    pictures = np.stack([np.full((4, 6, 3), i, np.uint8) for i in range(3)])
    truths = [truth([[0, 0, 1 + i, 2]], [i], image_id=f"p{i}") for i in range(3)]
    return AnnotatedImages(("a", "b", "c"), pictures, truths)


def test_pictures_stay_beside_their_truth():
    data = three().take([2, 0])
    assert len(data) == 2
    assert data.category_ids == (1, 2, 3)
    for i, own in enumerate((2, 0)):
        assert (data.picture(i) == own).all()
        assert data.truth(i).image_id == f"p{own}"
        assert data[i]["truth"].classes[0] == own
    with pytest.raises(IndexError):
        data[2]


def test_an_empty_picture_has_arrays_of_no_rows():
    none = truth([], [])
    assert none.boxes.shape == (0, 4)
    assert none.area.shape == (0,)
    assert len(found([], [])) == 0
    assert found([[0, 0, 1, 1]], [0.5]).classes.dtype == np.int32


def test_the_area_is_the_boxs_unless_the_set_has_its_own():
    boxes = [[0, 0, 2, 3], [1, 1, 2, 2]]
    np.testing.assert_array_equal(truth(boxes, [0, 0]).area, [6, 1])
    own = truth(boxes, [0, 0], area=[5, 0.5], crowd=[0, 1])
    np.testing.assert_array_equal(own.take([1]).area, [0.5])
    assert own.take(own.crowd).crowd.all()
    assert len(own.take(own.crowd)) == 1


def test_a_set_of_unequal_lengths_is_refused():
    data = three()
    with pytest.raises(UserError, match="3 pictures and 2 truths"):
        AnnotatedImages(data.names, data.pictures, data.truths[:2])


def test_classes_take_the_numbers_of_other_names():
    data = three().with_names(("c", "x", "a", "b"))
    assert [int(data.truth(i).classes[0]) for i in range(3)] == [2, 3, 0]
    assert data.category_ids == (3, 4, 1, 2)
    assert three().with_names(("a", "b", "c")).names == three().names
    with pytest.raises(UserError, match="the class 'c'"):
        three().with_names(("a", "b"))


def test_truths_of_many_pictures_are_those_of_each():
    rng = np.random.default_rng(0)
    each = []
    for i, n in enumerate((0, 3, 1, 0, 2)):
        marks = rng.random((2, n)) < 0.5
        boxes = rng.random((n, 4))
        own = truth(boxes, [*range(n)], crowd=marks[0], difficult=marks[1], image_id=i)
        each.append(own)
    packed = pickle.loads(pickle.dumps(Truths(each)))
    assert len(packed) == 5
    for one, own in zip(packed, each, strict=True):
        assert one.image_id == own.image_id
        for name in ("boxes", "classes", "crowd", "difficult", "area"):
            np.testing.assert_array_equal(getattr(one, name), getattr(own, name))
    assert packed[-1].image_id == packed[3:][1].image_id == 4
    with pytest.raises(IndexError):
        packed[5]
    assert len(Truths([])) == 0
