"""Pictures, folders and videos in, with a known function in the network's place. Fails
where a box is not where the object is, or where a mistake is not one line."""

import json
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from papers.yolov3.decode import Predicted
from papers.yolov3.predict import detect, predict
from papers.yolov3.runs import runs
from papers.yolov3.variants import get_config
from tests.papers.yolov3.boxed_folder import write
from tests.videos import read_video, write_video

module = sys.modules["papers.yolov3.predict"]  # in the package it is the function
video = sys.modules["papers.yolov3.video"]


def finds_red(config, variables, anchors, image):
    """One slot of class 3 around all that is red, and one of no object."""
    red = (image[..., 0] > 150) & (image[..., 2] < 100)

    def ends(seen):
        places = jnp.arange(seen.shape[1])
        first = jnp.min(jnp.where(seen, places, 1000), 1)
        return first, jnp.max(jnp.where(seen, places, -1), 1) + 1

    y1, y2 = ends(red.any(2))
    x1, x2 = ends(red.any(1))
    box = jnp.stack([x1, y1, x2, y2], -1).astype(jnp.float32)
    boxes = jnp.stack([box, box * 0 + 1], 1)
    seen = jnp.where(red.any((1, 2)), 0.9, 0.0)
    objectness = jnp.stack([seen, seen * 0], -1)
    classes = jnp.zeros((*objectness.shape, config.model.classes)).at[..., 3].set(1.0)
    return Predicted(boxes, objectness, classes)


@pytest.fixture(autouse=True)
def network(monkeypatch):
    for place in (module, video):
        monkeypatch.setattr(place, "predicted", finds_red)
    monkeypatch.setattr(module, "ema_variables", lambda state: {})


class State:
    anchors = np.zeros((6, 2), np.float32)


@pytest.fixture
def config():
    return runs(get_config("smoke"))["yolov3"].config


def predicted(config, path):
    values = [*predict(config, State, str(path))]
    return dict(value for value in values if isinstance(value, tuple))


def test_arrays_are_searched_as_their_files_are(config, tmp_path):
    write(tmp_path, {"cat": ((60, 120), [("cat", 20, 10, 60, 40)])})
    path = tmp_path / "JPEGImages/cat.png"
    (row,) = predicted(config, path)["Found"].rows
    (own,) = detect(config, State, [np.asarray(Image.open(path).convert("RGB"))])
    np.testing.assert_allclose(row[3:], own.boxes[0], rtol=1e-6)


@pytest.mark.parametrize("size", [(60, 120), (120, 60), (64, 64), (201, 333)])
def test_boxes_are_where_the_object_is(config, tmp_path, size):
    """In portrait and landscape pictures: within what a pixel of the network's input is
    of the picture."""
    height, width = size
    box = (width // 4, height // 3, width // 4 + width // 2, height - height // 5)
    write(tmp_path, {"cat": (size, [("cat", *box)])})
    found = predicted(config, tmp_path / "JPEGImages/cat.png")
    assert found["cat.png"].shape == (height, width, 3)
    (row,) = found["Found"].rows
    assert row[:2] == ["cat.png", "3"]
    np.testing.assert_allclose(row[2], 0.9, rtol=1e-6)
    np.testing.assert_allclose(row[3:], box, atol=1.01 * max(size) / 64)
    (result,) = json.loads(found["COCO results"])
    assert (result["image_id"], result["category_id"]) == ("cat.png", 4)
    x, y, w, h = result["bbox"]
    np.testing.assert_allclose([x, y, x + w, y + h], row[3:], atol=2e-3)


def test_the_letterbox_is_undone_by_its_own_numbers(config, tmp_path, monkeypatch):
    """A box of the input by hand: 200 x 101 pictures are 64 x 32, 16 below the top."""

    def one_box(config, variables, anchors, image):
        both = jnp.array([[16.0, 24, 48, 40], [16, 2, 48, 9]])  # one in the border
        boxes = jnp.broadcast_to(both, (len(image), 2, 4))
        ones = jnp.ones((len(image), 2))
        return Predicted(boxes, ones, ones[..., None].repeat(12, -1) * jnp.eye(12)[3])

    monkeypatch.setattr(module, "predicted", one_box)
    Image.fromarray(np.zeros((101, 200, 3), np.uint8)).save(tmp_path / "a.png")
    (row,) = predicted(config, tmp_path)["Found"].rows
    np.testing.assert_allclose(
        row[3:], [50, 8 * 101 / 32, 150, 24 * 101 / 32], atol=1e-4
    )


def test_a_folder_leaves_pictures_json_and_labels(config, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    items = {
        "7": ((60, 120), [("cat", 10, 10, 60, 40)]),
        "8": ((50, 50), []),
    }
    write(tmp_path / "set", items)
    for name in items:
        (tmp_path / f"set/JPEGImages/{name}.png").rename(source / f"{name}.png")
    (source / "9.png").write_bytes(b"broken")
    config.predict.out = str(out)
    with pytest.warns(UserWarning, match="9.png"):
        found = predicted(config, source)
    assert found["7.png labels"] == out / "7.txt"
    assert "9.png" in found["Found"].note
    results = json.loads((out / "detections.json").read_text())
    assert [r["image_id"] for r in results] == [7]  # COCO's numbers
    label = (out / "7.txt").read_text().split()
    assert label[0] == "3"
    relative = [35 / 120, 25 / 60, 50 / 120, 30 / 60]
    np.testing.assert_allclose([*map(float, label[1:])], relative, atol=0.03)
    assert (out / "8.txt").read_text() == ""
    drawn = np.asarray(Image.open(out / "7.png"))
    assert drawn.shape == (60, 120, 3)
    assert (drawn != np.asarray(Image.open(source / "7.png"))).any()
    assert (np.asarray(Image.open(out / "8.png")) == 0).all()


def test_scores_below_the_threshold_are_left_out(config, tmp_path):
    write(tmp_path, {"cat": ((60, 60), [("cat", 10, 10, 40, 40)])})
    config.predict.threshold = 0.95
    found = predicted(config, tmp_path / "JPEGImages")
    assert found["Found"].rows == []
    assert json.loads(found["COCO results"]) == []


def test_a_video_comes_out_with_its_boxes(config, tmp_path):
    frames = []
    for i in range(4):
        frame = np.zeros((48, 96, 3), np.uint8)
        frame[8:32, 10 + 8 * i : 40 + 8 * i, 0] = 255
        frames.append(frame)
    write_video(tmp_path / "in.mp4", frames)
    config.predict.out = str(tmp_path / "out.mp4")
    found = predicted(config, tmp_path / "in.mp4")
    made, times = read_video(tmp_path / "out.mp4")
    assert found["Video"].rows[0][0] == len(made) == 4
    assert len(times) == 4
    assert [row[0] for row in found["Found"].rows] == [1, 2, 3, 4]
    rows = json.loads((tmp_path / "out.json").read_text())
    assert [row["image_id"] for row in rows] == [1, 2, 3, 4]
    lefts = [row["bbox"][0] for row in rows]
    np.testing.assert_allclose(lefts, [10, 18, 26, 34], atol=2)
    labels = [found["in.mp4 labels"] / f"in_{i + 1}.txt" for i in range(4)]
    centres = [float(path.read_text().split()[1]) * 96 for path in labels]
    np.testing.assert_allclose(centres, [25, 33, 41, 49], atol=2)
    for frame, before in zip(made, frames, strict=True):
        assert frame.shape == before.shape
        changed = np.abs(frame.astype(int) - before).max(-1) > 60
        columns = np.flatnonzero(changed.any(0))
        left = np.flatnonzero(before[..., 0].any(0))[0]
        assert abs(columns[0] - left) <= 4


def test_names_come_from_a_file_of_as_many(config, tmp_path):
    write(tmp_path, {"cat": ((60, 60), [("cat", 10, 10, 40, 40)])})
    names = tmp_path / "names.txt"
    names.write_text("\n".join("abcdefghijkl") + "\n")
    config.predict.class_names = str(names)
    assert predicted(config, tmp_path / "JPEGImages")["Found"].rows[0][1] == "d"
    names.write_text("a\nb\n")
    with pytest.raises(UserError, match="2 names, the network 12 classes"):
        predicted(config, tmp_path / "JPEGImages")


def test_a_mistake_is_one_line(config, tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        predicted(config, tmp_path / "nothing")
    with pytest.raises(UserError, match=r"\[4\] of float64 is no picture: give uint8"):
        detect(config, State, [np.zeros(4)])
    classifier = runs(get_config("smoke"))["classifier"].config
    with pytest.raises(UserError, match="use the run yolov3"):
        detect(classifier, State, [])
