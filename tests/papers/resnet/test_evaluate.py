"""Errors by three ways of testing, the degradation table and a user's pictures. A
failure means that a reported error is not the model's."""

import copy

import jax
import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from common.data.image_set import ImageSet
from papers import resnet
from papers.resnet import measure
from papers.resnet.data import image_set
from papers.resnet.evaluate import responses
from papers.resnet.measure import Net


@pytest.fixture(scope="module")
def trained():
    """(config, state) of an untrained smoke net, which is enough for all tests here."""
    config = resnet.get_config("smoke")
    config.eval.batch_size = 20
    return config, resnet.init(config, jax.random.key(0))


def constant_classifier(state, best: int):
    """A state whose net answers `best` for every image, then the classes after it."""
    bias = -np.abs(np.arange(10) - best).astype(np.float32) - 0.1 * np.arange(10)
    head = {"kernel": 0 * state.params["head"]["kernel"], "bias": bias}
    return state.replace(params={**state.params, "head": head})


@pytest.mark.parametrize("way", ["centre", "ten_crops", "multi_scale"])
def test_a_net_that_always_says_three_errs_on_all_other_classes(trained, way):
    config = copy.deepcopy(trained[0])
    state = constant_classifier(trained[1], 3)
    config.eval.test = way
    config.eval.scales = (8, 12)
    labels = np.array(image_set(config, "test").labels)
    assert len(labels) % config.eval.batch_size  # the last batch is padded
    first, fifth = measure.top_errors(config, state)
    assert first == pytest.approx(np.mean(labels != 3))
    assert fifth == pytest.approx(np.mean(~np.isin(labels, [1, 2, 3, 4, 5])))


@pytest.mark.filterwarnings("ignore:skipped:")
@pytest.mark.parametrize("way", ["centre", "ten_crops", "multi_scale"])
def test_a_corrupt_test_picture_is_not_counted(trained, tmp_path, way):
    """Of 8, 1 of the 3 that a net which always says 0 gets right: 2 of 7 are left."""
    config, state = copy.deepcopy(trained[0]), constant_classifier(trained[1], 0)
    config.eval.test, config.eval.scales = way, (8, 12)
    for split in "train", "val":
        for name, count in {"cat": 3, "dog": 5}.items():
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(count):
                picture = Image.new("L", (8, 8), 20 * i)
                picture.save(tmp_path / split / name / f"{i}.png")
    (tmp_path / "val" / "cat" / "1.png").write_bytes(b"no picture")
    config.data.source, config.data.root = "files", str(tmp_path)
    assert measure.top_errors(config, state)[0] == pytest.approx(5 / 7)


def test_ten_crops_are_averaged_probabilities(trained):
    """On images of one colour all crops are the same, so their mean is the crop's."""
    config, state = trained
    images = np.repeat(np.arange(5, dtype=np.uint8) * 50, 64).reshape(5, 8, 8, 1)
    data = ImageSet(images, np.arange(5, dtype=np.int32), tuple("0123456789"))
    scores, labels = measure.ten_crop_scores(config, state, data)
    expected = jax.nn.softmax(resnet.train.forward(config, state, images))
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(labels, np.arange(5))


def test_whole_images_keep_their_proportion_within_half_a_cell():
    image = np.zeros((300, 400, 3), np.uint8)
    assert measure.whole(image, 224).shape == (224, 288, 3)
    assert measure.whole(image.transpose(1, 0, 2), 480).shape == (640, 480, 3)
    assert measure.whole(np.zeros((50, 52, 3), np.uint8), 100).shape == (100, 100, 3)


def test_by_shape_loses_no_image_and_mixes_no_shapes():
    rng = np.random.default_rng(0)
    sizes = [(2, 3), (4, 4), (2, 3), (2, 3), (4, 4), (5, 2)]
    images = [rng.integers(1, 255, (*s, 1), dtype=np.uint8) for s in sizes]
    seen = {}
    for indices, batch in measure.by_shape(images, rows=2):
        assert len(batch) == 2
        assert not batch[len(indices) :].any()
        seen |= dict(zip(indices, batch, strict=False))
    assert sorted(seen) == [*range(6)]
    assert all(np.array_equal(seen[i], images[i]) for i in seen)


def test_the_report_holds_every_run_and_what_depth_does():
    config = resnet.get_config("smoke")
    config.runs = ("plain_8", "plain_14", "resnet_8", "resnet_14")
    trained = {
        name: (run.config, resnet.init(run.config, jax.random.key(0)))
        for name, run in resnet.runs(config).items()
    }
    values = dict(resnet.evaluate(config, trained))
    assert [row[0] for row in values["Errors"].rows] == [*config.runs]
    by_name = {row[0]: row for row in values["Errors"].rows}
    change = {row[0]: row for row in values["Degradation"].rows}
    for kind, name in ("plain", "plain"), ("residual", "resnet"):
        shallow = by_name[f"{name}_8"]
        deep = by_name[f"{name}_14"]
        assert change[kind][1] == "8 to 14"
        expected = [b - a for a, b in zip(shallow[4:7], deep[4:7], strict=True)]
        np.testing.assert_allclose(change[kind][2:], expected, atol=1e-6)
    assert {"Error against depth", "Layer responses", "Summary"} <= values.keys()


def test_responses_are_one_a_layer_in_order(trained):
    config, state = trained
    stats = state.batch_stats["backbone"]
    last = {**stats["stage3"]["block_0"]["layer2"]}
    last["norm"] = {**last["norm"], "var": 1e4 * last["norm"]["var"]}
    block = {**stats["stage3"]["block_0"], "layer2": last}
    changed = {**stats, "stage3": {**stats["stage3"], "block_0": block}}
    nets = [
        Net("x", config, state.replace(batch_stats=s), {}, 0.0, 0.0)
        for s in ({"backbone": stats}, {"backbone": changed})
    ]
    before, after = map(responses, nets)
    assert len(before) == 7  # and the classifier makes 8
    np.testing.assert_allclose(after[:-1], before[:-1], rtol=1e-5)
    assert after[-1] == pytest.approx(before[-1] / 100, rel=1e-3)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, shape in {"a.png": (8, 8), "b.jpg": (30, 20, 3), "c.png": (9, 9)}.items():
        Image.fromarray(rng.integers(0, 255, shape, np.uint8)).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_folder_is_classified_and_what_is_broken_is_named(trained, folder):
    config = copy.deepcopy(trained[0])
    state = constant_classifier(trained[1], 3)
    names = folder / "names.txt"
    names.write_text("".join(f"class {i}\n" for i in range(10)))
    config.predict.class_names = str(names)
    config.predict.batch_size = 2
    with pytest.warns(UserWarning, match=r"skipped: .*broken\.png"):
        (_, table), records = resnet.predict(config, state, str(folder))
    assert table.note == "skipped, unreadable: broken.png"
    assert [row[0] for row in table.rows[::5]] == ["a.png", "b.jpg", "c.png"]
    best = [row[2] for row in table.rows[:5]]
    assert best == ["class 3", "class 2", "class 4", "class 1", "class 5"]
    *found, unread = records.rows
    assert unread["input"] == "broken.png"
    for image, start in zip(found, (0, 5, 10), strict=True):
        given = [[c["name"], c["probability"]] for c in image["classes"]]
        assert given == [row[2:] for row in table.rows[start : start + 5]]
    alone, _ = resnet.predict(config, state, str(folder / "a.png"))
    np.testing.assert_allclose(
        [row[3] for row in alone[1].rows], [row[3] for row in table.rows[:5]], rtol=1e-5
    )


def test_what_cannot_be_classified_is_said_in_a_line(trained, folder):
    config = copy.deepcopy(trained[0])
    state = trained[1]
    (folder / "empty").mkdir()
    for inputs, why in [
        ("", "does not exist: give a picture or a folder of pictures$"),
        (str(folder / "absent.png"), "does not exist"),
        (str(folder / "empty"), "has no pictures in it"),
    ]:
        with pytest.raises(UserError, match=why):
            [*resnet.predict(config, state, inputs)]
    with (
        pytest.warns(UserWarning, match=r"broken\.png"),
        pytest.raises(UserError, match=r"none of the pictures in .* can be read"),
    ):
        [*resnet.predict(config, state, str(folder / "broken.png"))]
    config.predict.class_names = str(folder / "notes.txt")
    with pytest.raises(UserError, match="has 1 names, the network 10 classes"):
        [*resnet.predict(config, state, str(folder / "a.png"))]


def test_arrays_are_classified_as_their_files_are(trained, folder):
    config, state = trained
    arrays = [np.asarray(Image.open(folder / name)) for name in ("a.png", "c.png")]
    found = resnet.classify(config, state, arrays)
    table, _ = resnet.predict(config, state, str(folder / "c.png"))
    np.testing.assert_allclose(
        sorted(found[1])[::-1][:5], [row[3] for row in table[1].rows[:5]], rtol=1e-4
    )
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-5)
    assert resnet.classify(config, state, []).shape == (0, 10)
    with pytest.raises(UserError, match="is no picture"):
        resnet.classify(config, state, [arrays[0] / 255])
