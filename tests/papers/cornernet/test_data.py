"""Batches and views: a failure means that boxes and pixels part company."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from common.data.annotated import AnnotatedImages
from common.data.annotated_batches import padded
from common.truth import truth
from papers import cornernet
from papers.cornernet import crop
from papers.cornernet.data import in_order
from papers.cornernet.sets import annotated, category_ids, class_names

SIZE = (64, 96)


def picture_with_box(box, size=(120, 160)) -> np.ndarray:
    """Black, with a white box."""
    picture = np.zeros((*size, 3), np.uint8)
    x1, y1, x2, y2 = box
    picture[y1:y2, x1:x2] = 255
    return picture


def test_the_crop_moves_boxes_with_their_pixels():
    """White pixels lie in the box, and to its edges, whatever scale and place are
    drawn."""
    rng = np.random.default_rng(0)
    shown = 0
    for _ in range(40):
        box = [50, 40, 110, 90]
        pixels, found = crop.cropped(
            picture_with_box(box), truth([box], [0]), rng,
            size=SIZE, scales=(0.6, 1.0, 1.3), border=40,
        )  # fmt: skip
        assert pixels.shape == (*SIZE, 3)
        rows, columns = np.nonzero(pixels[..., 0] > 127)
        assert len(found) == (len(rows) > 0) or len(rows) < 200
        if len(found):
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(found.boxes[0], edges, atol=1.5)
            shown += 1
    assert shown > 30


def test_boxes_that_a_view_cuts_off_are_dropped():
    of = truth([[-20, 0, -1, 10], [90, 50, 300, 300], [5, 5, 5.5, 9]], [0, 1, 2])
    found = crop.clipped(of, SIZE)
    assert found.classes.tolist() == [1, 2]
    assert found.boxes[0].tolist() == [90, 50, 95, 63]


def test_the_border_is_halved_until_there_is_room():
    rng = np.random.default_rng(0)
    centres = {crop._centre(40, 128, rng) for _ in range(300)}
    assert min(centres) >= 16
    assert max(centres) < 24
    assert len(centres) == 8
    assert crop._centre(1, 128, rng) == 0


def test_a_mirrored_picture_has_its_box_where_its_pixels_are():
    picture = picture_with_box([10, 20, 31, 41])
    pixels, boxes = crop.mirrored(picture, np.array([[10.0, 20.0, 30.0, 40.0]]))
    rows, columns = np.nonzero(pixels[..., 0])
    assert boxes[0].tolist() == [
        columns.min(), rows.min(), columns.max(), rows.max()
    ]  # fmt: skip


def test_more_objects_than_fit_are_counted_aloud():
    config = cornernet.get_config("smoke")
    config.data.max_objects = 1
    with pytest.warns(UserWarning, match="pictures have more than 1 objects"):
        batch = next(cornernet.batches(config, "train"))
    assert batch["present"].shape == (8, 1)
    many = truth(np.tile([0, 0, 5, 5], (200, 1)), np.zeros(200))
    assert padded(many, 90)["present"].sum() == 90


def test_evaluation_gives_every_picture_once_with_its_way_back():
    config = cornernet.get_config("smoke")
    config.data.size = (32, 48)
    picture = picture_with_box([50, 40, 110, 90])
    of = truth([[50, 40, 110, 90]], [2])
    data = AnnotatedImages(("red", "green", "blue"), np.stack([picture] * 3), [of] * 3)
    (batch,) = in_order(config, data)
    assert batch["mask"].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]
    assert batch["size"][0].tolist() == [120, 160]
    scale_x, scale_y, left, top = batch["letterbox"][0]
    back = (batch["boxes"][0, 0] - [left, top, left, top]) / [
        scale_x, scale_y, scale_x, scale_y
    ]  # fmt: skip
    np.testing.assert_allclose(back, [50, 40, 110, 90], atol=1e-4)


def coco_folder(root, count: int = 12) -> None:
    """A set in COCO's layout: white boxes on black; categories 7 and 3; a crowd."""
    (root / "images").mkdir()
    images, annotations = [], []
    for i in range(count):
        Image.fromarray(picture_with_box([20, 30, 80, 90])).save(
            root / "images" / f"{i}.png"
        )
        images.append({"id": i, "file_name": f"{i}.png", "height": 120, "width": 160})
        for label, box in ((7, [20, 30, 60, 60]), (3, [0, 0, 40, 40])):
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": i, "category_id": label,
                    "bbox": box, "area": box[2] * box[3], "iscrowd": int(label == 3),
                }
            )  # fmt: skip
    categories = [{"id": 7, "name": "box"}, {"id": 3, "name": "many"}]
    (root / "annotations.json").write_text(
        json.dumps(
            {"images": images, "annotations": annotations, "categories": categories}
        )
    )


def test_a_folder_by_its_root_alone_gives_its_classes(tmp_path):
    coco_folder(tmp_path)
    config = cornernet.get_config("default")
    config.data.root = str(tmp_path)
    config.data.batch_size = 4
    assert sorted(class_names(config)) == ["box", "many"]
    ids = dict(zip(class_names(config), category_ids(config), strict=True))
    assert ids == {"box": 7, "many": 3}
    batch = next(cornernet.batches(config, "train"))
    assert batch["image"].shape == (4, 64, 64, 3)
    # The crowd is no object to learn.
    assert batch["present"].sum(1).tolist() == [1] * 4
    label = class_names(config)[batch["classes"][0, 0]]
    assert label == "box"


def test_a_run_keeps_the_names_of_its_set(tmp_path):
    coco_folder(tmp_path)
    config = cornernet.get_config("folder")
    config.data.root = str(tmp_path)
    own = cornernet.runs(config)["main"].config
    assert own.data.names == ("many", "box")  # by their numbers
    own.data.root = str(tmp_path / "moved")
    assert cornernet.runs(own)["main"].config == own
    with pytest.warns(UserWarning, match="counts categories from 1, not as the set"):
        assert category_ids(own) == (1, 2)
    config.data.root = ""
    assert len(class_names(config)) == 20  # planned: shapes alone are asked for


def test_a_folder_of_nothing_is_refused_in_a_line(tmp_path):
    config = cornernet.get_config("default")
    config.data.root = str(tmp_path)
    with pytest.raises(UserError):
        next(cornernet.batches(config, "train"))


def test_classes_that_are_not_listed_are_refused():
    data = AnnotatedImages(
        ("cat", "dog"), np.zeros((1, 4, 4, 3), np.uint8), [truth([[0, 0, 2, 2]], [1])]
    )
    found = data.with_names(("dog", "bird", "cat"))
    assert found.truth(0).classes.tolist() == [0]
    assert len({*found.category_ids}) == 3
    with pytest.raises(UserError, match="'dog'"):
        data.with_names(("cat",))


def test_one_picture_too_broken_to_read_is_masked(tmp_path):
    coco_folder(tmp_path, 20)
    config = cornernet.get_config("smoke")
    config.data.source = "auto"
    config.data.root = str(tmp_path)
    data = annotated(config, "train")
    broken = dataclasses.replace(data, pictures=[None] * len(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AnnotatedImages, "picture", lambda self, i: None)
        (batch, *_) = in_order(config, broken)
    assert not batch["mask"].any()
    assert not batch["present"].any()
