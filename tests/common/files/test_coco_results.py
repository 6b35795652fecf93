"""Results in files. A failure means that pycocotools reads other results than ours, or
that a file that is not of that form goes through."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from common.contract import UserError
from common.files import coco_results
from common.truth import found

ROW = {"image_id": 7, "category_id": 18, "bbox": [1, 2, 10, 20], "score": 0.5}
IDS = (1, 18, 90)


def three():
    return {
        7: found([[1, 2, 11, 22], [0, 0, 5, 5]], [0.5, 0.25], [1, 0]),
        9: found([], []),
        "a.jpg": found([[0, 0, 3, 4]], [1], [2]),
    }


def test_pycocotools_reads_what_we_write(tmp_path):
    path = tmp_path / "results.json"
    only = {name: three()[name] for name in (7, 9)}
    coco_results.write(path, coco_results.of_pictures(only, IDS))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": 7}, {"id": 9}],
            "categories": [{"id": i, "name": str(i)} for i in IDS],
            "annotations": [],
        }
        coco.createIndex()
        read = coco.loadRes(str(path))
    assert [x["bbox"] for x in read.dataset["annotations"]] == [
        [1, 2, 10, 20],
        [0, 0, 5, 5],
    ]
    assert [x["category_id"] for x in read.dataset["annotations"]] == [18, 1]


@pytest.mark.parametrize("ending", ["json", "npz"])
def test_what_is_written_is_read_back(tmp_path, ending):
    path = tmp_path / f"results.{ending}"
    ours = {name: seen for name, seen in three().items() if name != "a.jpg"}
    coco_results.write(path, coco_results.of_pictures(ours, IDS))
    back = coco_results.read(path).by_picture(IDS)
    assert [*back] == [7]  # a picture without findings leaves no trace
    np.testing.assert_allclose(back[7].boxes, ours[7].boxes)
    np.testing.assert_allclose(back[7].scores, ours[7].scores)
    np.testing.assert_array_equal(back[7].classes, ours[7].classes)


def test_pictures_may_have_names(tmp_path):
    path = tmp_path / "results.json"
    coco_results.write(path, coco_results.of_pictures(three(), IDS))
    assert [*coco_results.read(path).by_picture(IDS)] == [7, "a.jpg"]


@pytest.mark.parametrize("ending", ["json", "npz"])
def test_no_results_are_results(tmp_path, ending):
    path = tmp_path / f"results.{ending}"
    coco_results.write(path, coco_results.of_pictures({1: found([], [])}, IDS))
    read = coco_results.read(path)
    assert len(read) == 0
    assert read.boxes.shape == (0, 4)
    assert read.by_picture(IDS) == {}


def test_boxes_are_clipped_to_the_picture():
    seen = found([[-5, -5, 5, 5], [0, 0, 99, 99], [30, 0, 40, 9]], [1, 1, 1])
    results = coco_results.of_pictures({1: seen}, IDS, sizes={1: (10, 20)})
    assert results.boxes.tolist() == [[0, 0, 5, 5], [0, 0, 20, 10]]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ({"annotations": []}, "a set with its truths"),
        ({}, "no list"),
        ([ROW, 3], "result 1 is no object"),
        ([ROW, {**ROW, "bbox": [1, 2, 3]}], "result 1: bbox"),
        ([{**ROW, "bbox": [1, 2, 3, "4"]}], "result 0: bbox"),
        ([{**ROW, "bbox": [1, 2, -3, 4]}], "result 0: its box has a negative side"),
        ([{**ROW, "score": float("nan")}], "result 0: its score is NaN"),
        ([{**ROW, "score": "0.5"}], "score '0.5' is no number"),
        ([{**ROW, "score": None}], "score None is no number"),
        ([{**ROW, "category_id": 1.5}], "category_id 1.5"),
        ([{**ROW, "image_id": None}], "image_id None"),
        ([ROW, {k: v for k, v in ROW.items() if k != "score"}], "1 has no 'score'"),
    ],
)
def test_a_json_of_another_form_is_refused(tmp_path, rows, says):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(rows))
    with pytest.raises(UserError, match=says):
        coco_results.read(path)


def test_what_is_no_json_is_refused(tmp_path):
    path = tmp_path / "results.json"
    with pytest.raises(UserError, match="is no file"):
        coco_results.read(path)
    path.write_text("[{")
    with pytest.raises(UserError, match="is not JSON"):
        coco_results.read(path)
    path.write_text("")
    with pytest.raises(UserError, match="is empty"):
        coco_results.read(path)
    path.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(UserError, match="UTF"):
        coco_results.read(path)


def test_a_marked_utf16_json_is_read(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps([ROW]), "utf-16")
    assert coco_results.read(path).boxes.tolist() == [[1, 2, 11, 22]]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"boxes": np.zeros((2, 4))}, "no array 'scores'"),
        ({"boxes": np.zeros((2, 5)), "scores": np.zeros(2)}, "boxes has the shape"),
        ({"boxes": np.zeros((2, 4)), "scores": np.full(2, np.nan)}, "NaN"),
        (
            {"boxes": np.zeros((2, 4)), "scores": np.ones(2), "classes": [0.5, 1]},
            "whole",
        ),
        ({"boxes": np.zeros((1, 4)), "scores": np.array([{}])}, "npz file"),
    ],
)
def test_an_npz_of_another_form_is_refused(tmp_path, arrays, says):
    path = tmp_path / "results.npz"
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=says):
        coco_results.read(path)


def test_an_npz_without_classes_is_of_one_class_and_picture(tmp_path):
    path = tmp_path / "results.npz"
    np.savez(path, boxes=np.array([[0, 0, 1, 1.0]]), scores=np.ones(1, np.float32))
    read = coco_results.read(path)
    assert read.categories.tolist() == [0]
    assert read.image_ids == [0]
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match="not a readable npz"):
        coco_results.read(path)


def test_an_unknown_category_is_refused(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps([ROW]))
    with pytest.raises(UserError, match="category_id 18, and the set's are 1, 2"):
        coco_results.read(path).by_picture((1, 2))


def test_nan_scores_are_not_written():
    seen = found([[0, 0, 1, 1]], [np.nan])
    with pytest.raises(UserError, match="picture 1: a score is NaN"):
        coco_results.of_pictures({1: seen}, IDS)


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["000000000139.jpg", "COCO_val2014_000000000140.jpg"], [139, 140]),
        (["139.jpg", "cover.png"], ["139.jpg", "cover.png"]),
        (["a/1.jpg", "b/01.jpg"], ["a/1.jpg", "b/01.jpg"]),  # not both picture 1
    ],
)
def test_files_have_cocos_numbers_where_these_tell_them_apart(names, ids):
    assert coco_results.image_ids(names) == ids
