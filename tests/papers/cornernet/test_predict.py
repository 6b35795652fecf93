"""A user's picture, folder and video: a failure means that boxes are not where the user
sees the object, or that bad input ends in a traceback."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from papers import cornernet
from papers.cornernet import views
from tests import videos


@pytest.fixture(scope="module")
def untrained():
    config = cornernet.get_config("smoke")
    config.predict.threshold = 0.0
    return config, cornernet.init(config, jax.random.key(0))


def with_predict(config, **fields):
    return dataclasses.replace(
        config, predict=dataclasses.replace(config.predict, **fields)
    )


def picture(path, size=(40, 60)):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(path)


@pytest.mark.parametrize(("side", "expected"), [(480, 511), (511, 511), (512, 639)])
def test_sides_are_padded_as_published(side, expected):
    assert views.padded_side(side, 128) == expected == side | 127


def test_a_box_of_a_view_lies_on_the_picture():
    """The white box of a picture, in any view, comes back to where it was."""
    config = cornernet.get_config("smoke")
    config.eval.view = "original"
    config.eval.scales = (0.5, 1.0, 1.5)
    image = np.zeros((50, 90, 3), np.uint8)
    image[10:30, 20:60] = 255
    for view in views.views_of(config, image):
        assert [(n + 1) % 8 for n in view.image.shape[:2]] == [0, 0]
        rows, columns = np.nonzero(view.image[..., 0] > 127)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        found = views.in_picture(view, np.array([[box]], np.float32), image)[0, 0]
        np.testing.assert_allclose(found, [20, 10, 60, 30], atol=1.1)


def test_a_picture_gives_a_drawing_and_tables(untrained, tmp_path):
    picture(tmp_path / "a.png")
    config, state = untrained
    values = dict(cornernet.predict(with_predict(config, heat=True), state,
                                    str(tmp_path / "a.png")))  # fmt: skip
    assert values["a.png"].dtype == np.uint8
    assert values["a.png heat"].dtype == np.uint8
    assert values["Searched"].rows[0][:2] == ["a.png", "60 x 40"]
    array = np.asarray(Image.open(tmp_path / "a.png"))
    (own,) = cornernet.detect(config, state, [array])
    boxes = [row[3:] for row in values["Boxes"].rows]
    np.testing.assert_allclose(own.boxes, boxes, atol=0.06)
    assert (own.boxes[:, 2:] > own.boxes[:, :2]).all()  # none lies beside the picture
    with pytest.raises(UserError, match=r"\[60, 3\] of float64 is no picture"):
        cornernet.detect(config, state, array / 255)
    for _, _, score, x1, y1, x2, y2 in values["Boxes"].rows:
        assert 0 <= x1 <= x2 <= 60  # rounded
        assert 0 <= y1 <= y2 <= 40
        assert 0 <= score <= 1


def test_a_folder_leaves_pictures_and_cocos_json(untrained, tmp_path):
    root, out = tmp_path / "in", tmp_path / "out"
    root.mkdir()
    picture(root / "000000000139.png")
    picture(root / "b.png")
    (root / "c.png").write_bytes(b"no picture")
    config, state = untrained
    writing = with_predict(config, out=str(out))
    with pytest.warns(UserWarning, match=r"c\.png"):
        values = [*cornernet.predict(writing, state, str(root))]
    names = {"000000000139.png", "000000000139.txt", "b.png", "b.txt", "boxes.json"}
    assert {path.name for path in out.iterdir()} == names
    assert {out / name for name in names} <= {value for _, value in values[:5]}
    (searched,) = (value[1] for value in values if value[0] == "Searched")
    assert len((out / "b.txt").read_text().splitlines()) == searched.rows[1][2]
    found = json.loads((out / "boxes.json").read_text())
    assert {row["image_id"] for row in found} == {"000000000139.png", "b.png"}
    assert {row["category_id"] for row in found} <= {1, 2, 3}
    assert "skipped" in searched.rows[2][1]


def test_nothing_there_is_one_line(untrained):
    config, state = untrained
    with pytest.raises(UserError, match="does not exist"):
        next(cornernet.predict(config, state, "/no/such.png"))


def test_a_network_that_diverged_finds_nothing_aloud(untrained):
    config, state = untrained
    broken = state.replace(params=jax.tree.map(lambda x: x * np.nan, state.params))
    with pytest.raises(UserError, match="training diverged"):
        cornernet.detect(config, broken, [np.zeros((20, 20, 3), np.uint8)])


def test_a_video_is_written_with_its_frames(untrained, tmp_path):
    config, state = untrained
    source = tmp_path / "a.mp4"
    videos.write_video(source, [videos.photograph(seed=i) for i in range(3)])
    config = with_predict(config, threshold=0.0)
    values = dict(cornernet.predict(config, state, str(source)))
    assert (tmp_path / "a_boxes.mp4").exists()
    assert values["Searched"].rows[0][0] == 3
    rows = json.loads((tmp_path / "a_boxes.json").read_text())
    assert rows
    assert {row["image_id"] for row in rows} <= {1, 2, 3}
    assert len(rows) == len(values["Boxes"].rows)

    config = with_predict(config, threshold=1.0, out=str(tmp_path / "out"))
    values = dict(cornernet.predict(config, state, str(source)))
    assert values["Boxes"].rows == []  # the json has them, as of pictures
    assert len(json.loads((tmp_path / "out/a_boxes.json").read_text())) == len(rows)
    labels = sorted((tmp_path / "out/a_labels").iterdir())
    assert [path.name for path in labels] == ["a_1.txt", "a_2.txt", "a_3.txt"]
    paths = source, tmp_path / "a_boxes.mp4", tmp_path / "out/a_boxes.mp4"
    before, boxed, plain = (videos.read_video(path)[0].astype(int) for path in paths)
    assert np.abs(plain - before).mean() < np.abs(boxed - before).mean()
