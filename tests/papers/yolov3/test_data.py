"""Batches of pictures with boxes. Fails where a box leaves its pixels, or where a step
has pictures of another size than it should."""

from itertools import islice

import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from common.data.annotated_batches import fitted
from common.truth import truth
from papers.yolov3 import annotations
from papers.yolov3.data import batches, found_priors
from papers.yolov3.items import size_of_step
from papers.yolov3.runs import runs
from papers.yolov3.train import init
from papers.yolov3.variants import get_config
from tests.papers.yolov3.boxed_folder import cats_and_dogs, write


def configured(root="", **changes):
    """A detector's config on a folder, its classes found."""
    changes = {"data.root": str(root), "data.labels": "digits", **changes}
    return runs(changed(get_config("smoke"), changes))["yolov3"].config


def red_box(image):
    """The corners of what is red."""
    red = (image[..., 0] > 150) & (image[..., 2] < 100)
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


@pytest.mark.parametrize("size", [(60, 120), (120, 60), (64, 64), (37, 91)])
def test_boxes_stay_on_their_pixels_in_a_letterbox(size):
    picture = np.zeros((*size, 3), np.uint8)
    picture[10:30, 12:32, 0] = 255
    image, moved, _ = fitted(picture, truth([[12, 10, 32, 30]], [0]), (96, 96))
    assert image.shape == (96, 96, 3)
    np.testing.assert_allclose(moved.boxes[0], red_box(image), atol=1)


def test_classes_and_names_are_found_from_the_set_and_kept_in_the_config(tmp_path):
    config = configured(cats_and_dogs(tmp_path))
    assert config.model.classes == 2
    assert config.data.names == ("cat", "dog")
    batch = next(batches(config, "valid"))
    assert batch["present"].sum() == 2
    assert batch["mask"].tolist() == [1] + [0] * 7
    assert batch["size"][0].tolist() == [120, 60]
    (box,) = batch["boxes"][0][batch["present"][0] & (batch["classes"][0] == 0)]
    np.testing.assert_allclose(box, red_box(batch["image"][0]), atol=1)


def test_a_class_that_is_not_listed_is_one_line(tmp_path):
    root = cats_and_dogs(tmp_path)
    with pytest.raises(UserError, match="dog") as refused:
        next(batches(configured(root, **{"data.names": ("cat", "cow")}), "train"))
    assert "\n" not in str(refused.value)
    with pytest.raises(UserError, match=r"model.classes=2"):
        next(batches(configured(root, **{"model.classes": 1}), "train"))
    with pytest.raises(UserError, match=r"config.data.root"):
        next(batches(configured(**{"data.source": "files"}), "train"))


def test_priors_are_found_from_the_training_boxes_and_kept_in_the_state(tmp_path):
    import jax

    config = configured(cats_and_dogs(tmp_path), **{"model.priors": "found"})
    priors = found_priors(config)
    assert priors.shape == (6, 2)
    assert (np.diff(priors.prod(-1)) >= 0).all()
    # 120 x 60 becomes 64 x 32: boxes of 20 x 34 are 10.7 x 18.1 there.
    sides = annotations.sides(config.data)
    assert len(sides) == 8
    assert np.abs(sides - [20 * 64 / 120, 34 * 64 / 120]).max(1).min() < 0.1
    state = init(config, jax.random.key(0))
    np.testing.assert_allclose(state.anchors, priors)


def test_an_empty_training_split_of_boxes_is_one_line(tmp_path):
    pictures = {f"p{i}": ((32, 32), []) for i in range(4)}
    splits = {"train": ["p0", "p1"], "val": ["p2"], "test": ["p3"]}
    root = write(tmp_path, pictures, splits)
    config = configured(root, **{"model.classes": 2, "data.names": ("cat", "dog")})
    assert not next(batches(config, "valid"))["present"].any()
    with pytest.raises(UserError, match="priors"):
        found_priors(config)


def test_of_200_objects_as_many_as_fit_are_learnt_and_it_is_said(tmp_path):
    objects = [("cat", x, y, x + 3, y + 3) for x in range(0, 80, 4)
               for y in range(0, 40, 4)]  # fmt: skip
    pictures = dict.fromkeys(("a", "b", "c"), ((64, 96), objects))
    splits = {"train": ["a"], "val": ["b"], "test": ["c"]}
    root = write(tmp_path, pictures, splits)
    config = configured(root, **{"data.max_objects": 90})
    with pytest.warns(UserWarning, match="more than 90 objects, up to 200"):
        stream = batches(config, "train")
    first, second = islice(stream, 2)
    assert first["present"].all()
    assert first["boxes"].shape == (8, 90, 4)
    assert not np.array_equal(first["boxes"], second["boxes"])  # another 90


def test_a_picture_that_cannot_be_read_has_mask_0(tmp_path):
    root = cats_and_dogs(tmp_path)
    config = configured(root)
    (root / "JPEGImages/p4.png").write_bytes(b"broken")
    with pytest.warns(UserWarning, match="p4"):
        batch = next(batches(config, "valid"))
    assert not batch["mask"].any()
    assert not batch["present"].any()


def test_sizes_change_every_so_many_steps_and_end_at_the_largest():
    config = configured(
        **{
            "data.sizes": (32, 64, 96),
            "data.resize_every": 2,
            "data.last": 4,
            "loop.steps": 40,
            "data.size": 96,
            "data.ink": (16.0, 36.0),
        }
    )
    sizes = [size_of_step(config, step) for step in range(40)]
    assert {*sizes} == {32, 64, 96}
    assert sizes[-4:] == [96] * 4
    assert all(a == b for a, b in zip(sizes[::2], sizes[1::2], strict=True))
    stream = batches(config, "train")
    shapes = []
    for batch in islice(stream, 12):
        shapes.append(batch["image"].shape[1])
        assert batch["boxes"].max() <= shapes[-1]
        assert batch["boxes"].max() > 0.5 * shapes[-1]
    assert shapes == sizes[:12]
    position = stream.get_state()
    again = batches(config, "train")
    again.set_state(position)
    np.testing.assert_array_equal(next(again)["image"], next(stream)["image"])


def test_a_digit_is_also_even_or_odd():
    config = changed(get_config("smoke"), {"data.labels": "parity"})
    config = runs(config)["yolov3"].config
    assert config.model.classes == 12
    batch = next(batches(config, "train"))
    pairs = 0
    for row in range(len(batch["boxes"])):
        there = batch["present"][row]
        found = {}
        for box, label in zip(
            batch["boxes"][row][there], batch["classes"][row][there], strict=True
        ):
            found.setdefault(tuple(box), []).append(int(label))
        for labels in found.values():
            if len(labels) == 2:
                digit, kind = sorted(labels)
                assert kind == 10 + digit % 2
                pairs += 1
    assert pairs > 8
