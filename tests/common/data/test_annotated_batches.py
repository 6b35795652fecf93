"""Batches of pictures with boxes. A failure means that a resumed run, or one of several
processes, sees other batches, or that objects are lost without a word."""

from functools import partial

import numpy as np
import pytest

from common.contract import UserError
from common.data import annotated_batches
from common.data.annotated import AnnotatedImages
from common.data.annotated_batches import (
    boxes_back,
    fitted,
    in_order,
    spec,
    training,
)
from common.data.box_augment import darknet_view
from common.data.composed_scenes import scenes
from common.truth import truth

BATCH = {"batch_size": 4, "max_objects": 6}
SIZE = (48, 64)


def darknet(picture, own, rng, step, size=SIZE):
    return darknet_view(picture, own, size, rng)


def whole(picture, own, rng, step, size=(32, 32)):
    return fitted(picture, own, size)[:2]


def by_step(picture, own, rng, step):
    return darknet_view(picture, own, (32 + 16 * (step % 2),) * 2, rng)


def equal(a, b) -> None:
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def test_batches_have_their_spec():
    data = scenes("train", 7)
    batch = next(training(data, darknet, **BATCH))
    for name, shape in spec(4, SIZE, 6, train=True).items():
        assert batch[name].shape == shape.shape
        assert batch[name].dtype == shape.dtype
    batch = next(in_order(data, size=SIZE, **BATCH))
    for name, shape in spec(4, SIZE, 6, train=False).items():
        assert batch[name].shape == shape.shape
        assert batch[name].dtype == shape.dtype


def test_a_resumed_stream_goes_on_where_it_was():
    data = scenes("train", 7)
    stream = training(data, darknet, seed=3, **BATCH)
    next(stream)
    state = stream.get_state()
    expected = [next(stream) for _ in range(4)]
    other = training(data, darknet, seed=3, **BATCH)
    other.set_state(state)
    for batch in expected:
        equal(next(other), batch)


def test_processes_share_the_rows_of_a_step():
    data = scenes("train", 7)
    alone = training(data, by_step, **BATCH)
    two = [
        training(data, by_step, process_index=i, process_count=2, **BATCH)
        for i in range(2)
    ]
    for step in range(4):
        batch = next(alone)
        assert batch["image"].shape[1] == 32 + 16 * (step % 2)
        for i, part in enumerate(two):
            equal(next(part), {name: x[i::2] for name, x in batch.items()})


def test_an_epoch_has_every_picture_once_and_the_next_another_order():
    data = scenes("train", 8)
    stream = training(data, partial(whole, size=(64, 64)), **BATCH)
    epochs = []
    for _ in range(2):
        images = np.concatenate([next(stream)["image"] for _ in range(2)])
        places = [int((data.pictures == x).all((1, 2, 3)).argmax()) for x in images]
        assert sorted(places) == [*range(8)]
        epochs.append(places)
    assert epochs[0] != epochs[1]


def test_views_differ_between_epochs():
    data = scenes("train", 4)
    stream = training(data, darknet, **BATCH)
    first, second = (next(stream)["image"] for _ in range(2))
    assert not any((a == b).all() for a in first for b in second)


def test_measuring_has_every_picture_once_and_boxes_go_back():
    data = scenes("valid", 6, size=64)
    batches = [*in_order(data, size=(48, 96), **BATCH)]
    index = np.concatenate([b["index"] for b in batches])
    mask = np.concatenate([b["mask"] for b in batches])
    assert index[mask > 0].tolist() == [*range(6)]
    assert mask.tolist() == [1] * 6 + [0] * 2
    for batch in batches:
        for row in np.flatnonzero(batch["mask"]):
            own = data.truth(int(batch["index"][row]))
            boxes = batch["boxes"][row][batch["present"][row]]
            size = data.sizes[batch["index"][row]]
            back = boxes_back(boxes, batch["letterbox"][row], size)
            np.testing.assert_allclose(back, own.boxes, atol=1e-4)


def crowded(counts) -> AnnotatedImages:
    truths = [
        truth([[i, 0, i + 5, 5] for i in range(n)], [*range(n)], image_id=n)
        for n in counts
    ]
    pictures = np.zeros((len(counts), 32, 32, 3), np.uint8)
    return AnnotatedImages(tuple("abcdefghijkl"), pictures, truths)


def test_objects_beyond_the_most_are_counted_and_drawn_at_random():
    data = crowded([9, 2, 7, 0])
    with pytest.warns(UserWarning, match=r"2 pictures have more than 6.*up to 9: 6 of"):
        stream = training(data, whole, **BATCH)
    seen = set()
    for _ in range(12):
        batch = next(stream)
        counts = sorted(batch["present"].sum(1).tolist())
        assert counts == [0, 2, 6, 6]
        seen |= {*batch["classes"][batch["present"]].tolist()}
    assert seen == {*range(9)}


def test_crowds_and_difficult_objects_are_not_trained_on():
    own = truth([[0, 0, 5, 5]] * 3, [0, 1, 2], crowd=[1, 0, 0], difficult=[0, 1, 0])
    pictures = np.zeros((1, 32, 32, 3), np.uint8)
    data = AnnotatedImages(("a", "b", "c"), pictures, [own])
    batch = next(training(data, whole, batch_size=1, max_objects=4))
    assert batch["classes"][batch["present"]].tolist() == [2]
    assert not batch["boxes"][~batch["present"]].any()


class Broken:
    """Pictures of which the first cannot be read."""

    def __init__(self, readable=1) -> None:
        self._readable = readable

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int):
        if index == 0 or not self._readable:
            return None
        return np.full((32, 32, 3), index, np.uint8)


def broken(readable=1) -> AnnotatedImages:
    truths = [truth([[0, 0, i + 1, 5]], [0]) for i in range(3)]
    sizes = np.array([[32, 32]] * 3)
    return AnnotatedImages(("a",), Broken(readable), truths, sizes=sizes)


def test_the_next_picture_stands_in_to_train_and_the_mask_says_so_to_measure():
    stream = training(broken(), whole, batch_size=3, max_objects=2)
    batch = next(stream)
    assert sorted(batch["image"][:, 0, 0, 0].tolist()) == [1, 1, 2]
    for row in range(3):  # with the boxes of the picture that stands in
        assert batch["boxes"][row, 0, 2] == batch["image"][row, 0, 0, 0] + 1
    batch = next(in_order(broken(), size=(32, 32), batch_size=3, max_objects=2))
    assert batch["mask"].tolist() == [0, 1, 1]
    assert batch["present"].sum(1).tolist() == [0, 1, 1]


def test_what_cannot_be_trained_on_is_refused():
    with pytest.raises(UserError, match="none of the training pictures can be read"):
        next(training(broken(0), whole, batch_size=3, max_objects=2))
    nothing = AnnotatedImages(("a",), np.zeros((0, 8, 8, 3), np.uint8), [])
    with pytest.raises(UserError, match="no pictures"):
        training(nothing, whole, batch_size=3, max_objects=2)
    with pytest.warns(UserWarning, match="no training picture has an object"):
        training(crowded([0, 0]), whole, **BATCH)


def test_an_image_of_its_own_size_is_the_picture_itself():
    data = scenes("train", 2, size=64)
    same = annotated_batches.fitted(data.picture(0), data.truth(0), (64, 64))
    assert same[0] is data.picture(0) or (same[0] == data.picture(0)).all()
    view = partial(darknet, size=(64, 64))
    assert next(training(data, view, **BATCH))["image"].shape == (4, 64, 64, 3)
