"""Files of boxes are rescored, and scored where the truth is known."""

import json

import numpy as np
import pytest

from common.contract import UserError
from common.files.coco_results import Results
from papers import soft_nms
from papers.soft_nms.annotations import read
from papers.soft_nms.predict import suppressed

METHODS = ("hard", "linear", "gaussian")


def configured(tmp_path, **changes):
    config = soft_nms.get_config("smoke")
    config.predict.out = str(tmp_path / "out.json")
    vars(config.predict).update(changes)
    return config


def crowd_of_two(pictures=20):
    """Two objects with an IoU of .6 in each picture, each found by four boxes around
    it: results in COCO's form, and the truth."""
    rng = np.random.default_rng(0)
    results, truths = [], []
    for image in range(1, pictures + 1):
        for left in (0, 12.5):
            truths.append([image, left])
            for _ in range(4):
                x, y = rng.normal(0, 1, 2)
                box = [left + x, y, 50, 50]
                score = round(float(rng.uniform(0.5, 0.9)), 4)
                results.append({"image_id": image, "category_id": 7, "bbox": box,
                                "score": score})  # fmt: skip
    annotations = {
        "images": [{"id": i} for i in range(1, pictures + 1)],
        "categories": [{"id": 7, "name": "digit"}],
        "annotations": [
            {"id": i, "image_id": image, "category_id": 7, "area": 2500, "iscrowd": 0,
             "bbox": [left, 0, 50, 50]}
            for i, (image, left) in enumerate(truths, 1)
        ],
    }  # fmt: skip
    return results, annotations


def written(path, content):
    path.write_text(json.dumps(content))
    return str(path)


def test_a_json_in_a_json_out(tmp_path):
    """Every picture as the notebook's function has it, by falling score."""
    results, _ = crowd_of_two()
    source = written(tmp_path / "raw.json", results)
    values = dict(soft_nms.predict(configured(tmp_path), None, source))
    rescored = json.loads((tmp_path / "out.json").read_text())
    assert values["COCO results"] == tmp_path / "out.json"
    assert values["Rescored"].rows[0] == ["boxes", 160, len(rescored)]
    for image in (1, 20):
        own = [r for r in results if r["image_id"] == image]
        boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in
                          (r["bbox"] for r in own)])  # fmt: skip
        kept = soft_nms.soft_nms(boxes, [r["score"] for r in own])
        found = [r for r in rescored if r["image_id"] == image]
        assert [r["category_id"] for r in found] == [7] * len(kept.scores)
        np.testing.assert_allclose([r["score"] for r in found], kept.scores, atol=1e-6)
        np.testing.assert_allclose(
            [r["bbox"][0] for r in found], kept.boxes[:, 0], atol=1e-3
        )


def test_an_npz_in_an_npz_out_beside_it(tmp_path):
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 9.0]])
    scores = np.array([0.9, 0.8, 0.7])
    source = tmp_path / "raw.npz"
    np.savez(source, boxes=boxes, scores=scores, classes=np.array([0, 0, 1]))
    config = configured(tmp_path, out="")
    config.predict.suppression.method = "hard"
    assert list(soft_nms.predict(config, None, str(source)))
    with np.load(tmp_path / "raw.hard.npz") as file:
        assert file["scores"].tolist() == [0.9, 0.7]
        assert file["classes"].tolist() == [0, 1]
        assert file["boxes"].tolist() == boxes[[0, 2]].tolist()


def test_boxes_before_and_after_are_capped(tmp_path):
    results, _ = crowd_of_two(3)
    source = written(tmp_path / "raw.json", results)
    config = configured(tmp_path)
    config.predict.suppression.per_class = 5
    config.predict.suppression.keep = 2
    list(soft_nms.predict(config, None, source))
    kept = json.loads((tmp_path / "out.json").read_text())
    assert [r["image_id"] for r in kept] == [1, 1, 2, 2, 3, 3]


def test_soft_is_ahead_where_objects_overlap(tmp_path):
    """Recall and AP of hard suppression at .3 lack every second object."""
    results, annotations = crowd_of_two()
    source = written(tmp_path / "raw.json", results)
    truth = written(tmp_path / "truth.json", annotations)
    config = configured(tmp_path, annotations=truth, sweep=True)
    values = dict(soft_nms.predict(config, None, source))
    table = values["Scores"]
    rows = {row[0]: row[1:] for row in table.rows}
    assert len(rows) == len(table.rows) == 5 + 1
    assert rows["hard 0.3"][3] < 55
    for soft in ("linear 0.3", "gaussian 0.5"):
        assert rows[soft][0] > rows["hard 0.3"][0] + 10
        assert rows[soft][3] > 80


@pytest.mark.slow
@pytest.mark.optimised
def test_a_million_boxes(tmp_path):
    """Of 8,000 pictures: in a few programs, and each picture for itself."""
    rng = np.random.default_rng(0)
    n = 1_000_000
    low = rng.random((n, 2)) * 400
    boxes = np.concatenate([low, low + 30 + 50 * rng.random((n, 2))], 1)
    results = Results(
        [*range(8000)], np.sort(rng.integers(0, 8000, n)), boxes,
        rng.random(n), rng.integers(0, 20, n),
    )  # fmt: skip
    config = configured(tmp_path)
    kept = suppressed(config, results, config.predict.suppression)
    assert np.bincount(kept.image).max() <= 100
    own = results.image == 77
    one = soft_nms.soft_nms(
        boxes[own], results.scores[own], results.categories[own], keep=100
    )
    np.testing.assert_allclose(kept.scores[kept.image == 77], one.scores, rtol=1e-5)


@pytest.mark.parametrize("content", ["[]", "[ ]\n"])
def test_no_results_are_no_error(tmp_path, content):
    (tmp_path / "raw.json").write_text(content)
    values = dict(
        soft_nms.predict(configured(tmp_path), None, str(tmp_path / "raw.json"))
    )
    assert values["Rescored"].rows[0][1:] == [0, 0]
    assert json.loads((tmp_path / "out.json").read_text()) == []


def test_bad_files_are_one_clear_line(tmp_path):
    results, annotations = crowd_of_two(2)
    source = written(tmp_path / "raw.json", results)

    def refused(says, inputs=source, **changes):
        with pytest.raises(UserError, match=says):
            list(soft_nms.predict(configured(tmp_path, **changes), None, inputs))

    refused("no file", str(tmp_path / "absent.json"))
    logits = [{**results[0], "score": 7.5}]
    refused("no probabilities", written(tmp_path / "logits.json", logits))
    refused("input itself", out=source)
    refused("ending", out=str(tmp_path / "a.csv"))
    refused("no such file", annotations=str(tmp_path / "absent.json"))
    refused("needs images", annotations=written(tmp_path / "a.json", {"images": []}))
    others = {**annotations, "images": [{"id": 9}], "annotations": []}
    refused("another set", annotations=written(tmp_path / "b.json", others))
    lost = {**annotations, "images": annotations["images"][:1]}
    refused("not among the images", annotations=written(tmp_path / "c.json", lost))
    bare = {**annotations, "annotations": [{"image_id": 1}]}
    refused("category_id", annotations=written(tmp_path / "d.json", bare))
    rows = annotations["annotations"]
    text = {**annotations, "annotations": [{**rows[0], "iscrowd": "0"}]}
    refused("iscrowd='0'", annotations=written(tmp_path / "e.json", text))
    empty = {**annotations, "annotations": [*rows, {**rows[0], "bbox": [5, 5, -4, 2]}]}
    digits = [{"id": 9, "name": "digit"}]
    other = {**annotations, "annotations": [], "categories": digits}
    refused("a result has", annotations=written(tmp_path / "f.json", other))
    assert not (tmp_path / "out.json").exists()
    with pytest.warns(UserWarning, match="1 boxes without width or height"):
        found = read(written(tmp_path / "g.json", empty)).truths[rows[0]["image_id"]]
    assert len(found) == sum(r["image_id"] == rows[0]["image_id"] for r in rows)
