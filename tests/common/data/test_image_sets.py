"""Image sets of every source and layout. A failure means that a split holds other
images, other labels or unbalanced classes, or that a bad folder ends in a traceback."""

import gzip
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from common.contract import UserError
from common.data import image_sources
from common.data.image_layouts import files
from common.data.image_set import ImageSet, balanced_order, cut
from common.data.pipeline import pipeline
from common.data.split_names import SPLITS
from common.data.workers import workers
from tests.bucket import serve

RNG = np.random.default_rng(0)


def grey(n, size=4):
    return RNG.integers(0, 256, (n, size, size), np.uint8)


def write_idx(path, array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    data = header + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def write_mnist(folder, n_train=40, n_test=10, ending=""):
    sets = {}
    for part, n in (("train", n_train), ("t10k", n_test)):
        x = grey(n)
        y = np.arange(n, dtype=np.uint8) % 10
        write_idx(folder / f"{part}-images-idx3-ubyte{ending}", x)
        write_idx(folder / f"{part}-labels-idx1-ubyte{ending}", y)
        sets[part] = x, y
    return sets


def write_pictures(folder, counts, size=(6, 5), mode="RGB"):
    for name, n in counts.items():
        (folder / name).mkdir(parents=True)
        for i in range(n):
            colour = i if mode == "L" else (i, 0, 255)
            Image.new(mode, size, colour).save(folder / name / f"{i}.png")


def keys(data):
    """All items as bytes, so that sets can be compared."""
    return [item["image"].tobytes() + bytes([item["label"]]) for item in data]


@pytest.mark.parametrize(
    ("name", "sizes", "side", "paper"),
    [("mnist5k", (3500, 500, 1000), 28, 0.1307), ("digits", (1097, 200, 500), 8, 0.30)],
)
def test_embedded_sets_are_real_balanced_and_disjoint(name, sizes, side, paper):
    splits = {split: image_sources.load("embedded", split, name) for split in SPLITS}
    assert tuple(map(len, splits.values())) == sizes
    seen = set()
    for data in splits.values():
        assert data.images.dtype == np.uint8
        assert data.images.shape[1:] == (side, side, 1)
        shares = np.bincount(data.labels, minlength=10) / len(data)
        np.testing.assert_allclose(shares, 0.1, atol=0.005)
        assert not seen & {*keys(data)}
        seen |= {*keys(data)}
    whole = np.concatenate([data.images for data in splits.values()])
    assert whole.max() == 255
    assert whole.mean() / 255 == pytest.approx(paper, abs=0.01)  # MNIST's mean is known


def test_an_item_is_an_image_and_its_label():
    data = image_sources.load("embedded", "train", "digits")
    item = data[3]
    np.testing.assert_array_equal(item["image"], data.images[3])
    assert item["label"] == data.labels[3]
    assert item["label"].dtype == np.int32
    assert data[-1]["label"] == data.labels[-1]
    with pytest.raises(IndexError):
        data[len(data)]


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_files_keep_their_test_split_and_give_a_balanced_tenth_away(
    tmp_path, ending
):
    sets = write_mnist(tmp_path, n_train=100, ending=ending)
    splits = files(tmp_path)
    np.testing.assert_array_equal(splits["test"].images[..., 0], sets["t10k"][0])
    np.testing.assert_array_equal(splits["test"].labels, sets["t10k"][1])
    assert (len(splits["train"]), len(splits["valid"])) == (90, 10)
    assert sorted(splits["valid"].labels) == list(range(10))
    x, y = sets["train"]
    whole = ImageSet(x[..., None], y.astype(np.int32), ())
    assert sorted(keys(splits["train"]) + keys(splits["valid"])) == sorted(keys(whole))
    assert keys(files(tmp_path)["valid"]) == keys(splits["valid"])


def test_broken_idx_files_are_user_errors(tmp_path):
    write_mnist(tmp_path)
    path = tmp_path / "t10k-labels-idx1-ubyte"
    good = path.read_bytes()
    path.write_bytes(b"\x00\x00\x0d\x01" + good[4:])
    with pytest.raises(UserError, match=r"begins with 00000d01, not with idx's 000008"):
        files(tmp_path)
    path.write_bytes(good[:-1])
    with pytest.raises(UserError, match="cut short"):
        files(tmp_path)
    for size in 3, 4, 6:
        path.write_bytes(good[:size])
        with pytest.raises(UserError, match=r"t10k-labels.*cut short"):
            files(tmp_path)
    write_idx(path, np.zeros(0, np.uint8))
    with pytest.raises(UserError, match=r"t10k-labels.*has no items"):
        files(tmp_path)
    write_idx(path, np.zeros(3, np.uint8))
    with pytest.raises(UserError, match="10 t10k images and 3 labels"):
        files(tmp_path)
    path.unlink()
    with pytest.raises(UserError, match="has no t10k-labels-idx1-ubyte beside"):
        files(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(good)[:-6])
    with pytest.raises(UserError, match="not a complete gzip file"):
        files(tmp_path)


@pytest.mark.parametrize("n_labels", [1, 2])
def test_cifars_binary_version(tmp_path, n_labels):
    x = RNG.integers(0, 256, (30, 32, 32, 3), np.uint8)
    y = RNG.integers(0, 10, 30, np.uint8)
    coarse = np.full((30, n_labels - 1), 77, np.uint8)
    planes = x.transpose(0, 3, 1, 2).reshape(30, -1)
    rows = np.concatenate([coarse, y[:, None], planes], axis=1)
    names = ("train.bin", "test.bin") if n_labels == 2 else (
        "data_batch_1.bin", "data_batch_2.bin", "test_batch.bin")  # fmt: skip
    for name, part in zip(names, np.array_split(rows, len(names)), strict=True):
        (tmp_path / name).write_bytes(part.tobytes())
    (tmp_path / "batches.meta.txt").write_text("\n".join("abcdefghij") + "\n\n")
    splits = files(tmp_path)
    n_test = len(splits["test"])
    np.testing.assert_array_equal(splits["test"].images, x[-n_test:])
    np.testing.assert_array_equal(splits["test"].labels, y[-n_test:])
    assert len(splits["train"]) + len(splits["valid"]) == 30 - n_test
    if n_labels == 1:
        assert splits["train"].class_names == tuple("abcdefghij")
    (tmp_path / names[0]).write_bytes(rows.tobytes()[:-5])
    with pytest.raises(UserError, match="cut short"):
        files(tmp_path)
    rows[3, n_labels - 1] = 100
    (tmp_path / names[0]).write_bytes(rows.tobytes())
    with pytest.raises(UserError, match=rf"{names[0]}' has a label 100, and there are"):
        files(tmp_path)
    (tmp_path / "batches.meta.txt").write_bytes("Bär\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"meta\.txt' is not UTF-8: byte 0xe4 at .* 1;"):
        files(tmp_path)


def test_folders_of_splits_are_taken_as_they_are(tmp_path):
    write_pictures(tmp_path / "train", {"cat": 6, "ant": 5})
    write_pictures(tmp_path / "val", {"ant": 2, "cat": 1})
    splits = files(tmp_path)
    assert splits["train"].class_names == ("ant", "cat")
    assert splits["train"].labels.tolist() == [0] * 5 + [1] * 6
    assert splits["test"] is splits["valid"]
    item = splits["train"][4]
    assert item["image"].shape == (5, 6, 3)
    assert item["image"][0, 0].tolist() == [4, 0, 255]
    write_pictures(tmp_path / "test", {"dog": 2})
    with pytest.raises(UserError, match="class 'dog' that is not in the training"):
        files(tmp_path)


def test_one_level_of_classes_is_cut_and_greys_stay_grey(tmp_path):
    write_pictures(tmp_path, {"a": 20, "b": 10}, mode="L")
    splits = files(tmp_path)
    assert [len(splits[s]) for s in SPLITS] == [24, 3, 3]
    assert np.bincount(splits["valid"].labels).tolist() == [2, 1]
    assert splits["train"][0]["image"].shape == (5, 6, 1)
    again = files(tmp_path)
    assert keys(again["train"]) == keys(splits["train"])
    rgb = image_sources.load("files", "train", root=str(tmp_path), channels=3)
    assert rgb[0]["image"].shape == (5, 6, 3)


def test_in_training_the_next_picture_stands_in_for_a_corrupt_one(tmp_path):
    write_pictures(tmp_path / "train", {"a": 3, "b": 3})
    write_pictures(tmp_path / "val", {"a": 2, "b": 2})
    broken = tmp_path / "train" / "a" / "1.png"
    broken.write_bytes(broken.read_bytes()[:50])
    train = files(tmp_path)["train"]
    with (
        pytest.warns(UserWarning, match=r"skipped: .*a/1\.png"),
        pytest.warns(UserWarning, match="the next image stands in for a skipped one"),
    ):
        item = train[1]
    assert {*item} == {"image", "label"}
    assert item["image"][0, 0].tolist() == [2, 0, 255]
    with pytest.warns(UserWarning, match=r"a/1\.png"):
        array = train.in_memory()
    assert array.labels.tolist() == [0, 0, 1, 1, 1]
    assert array.images.shape == (5, 5, 6, 3)


@pytest.mark.filterwarnings("ignore:skipped:")
@pytest.mark.parametrize("changed", ["as read", "in grey", "resized", "a part"])
def test_what_is_measured_has_a_mask_that_leaves_a_corrupt_picture_out(
    tmp_path, changed
):
    write_pictures(tmp_path / "train", {"a": 3, "b": 3})
    write_pictures(tmp_path / "val", {"a": 2, "b": 2})
    (tmp_path / "val" / "a" / "1.png").write_bytes(b"no picture")
    data = files(tmp_path)["test"].with_mask()
    data = {
        "as read": lambda: data,
        "in grey": lambda: data.with_channels(1),
        "resized": lambda: data.resized((4, 4, 3)),
        "a part": lambda: data.take(np.array([0, 1, 3])),
    }[changed]()
    masks = [float(item["mask"]) for item in data]
    assert masks == [1, 0, 1, 1][: len(data)]
    batches = [*pipeline(data, batch_size=3, repeat=False)]
    assert sum(batch["mask"].sum() for batch in batches) == sum(masks)
    (tmp_path / "val" / "a" / "0.png").write_bytes(b"no picture")
    for path in (tmp_path / "val" / "b").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(UserError, match="none of the images can be read"):
        data[0]


@pytest.mark.parametrize("levels", [1, 2])
def test_what_a_system_left_in_a_set_is_no_class_and_no_picture(tmp_path, levels):
    splits = ("train", "val") if levels == 2 else ("",)
    for split in splits:
        write_pictures(tmp_path / split, {"cat": 12, "dog": 12})
    clean = {name: keys(data) for name, data in files(tmp_path).items()}
    for split in splits:
        folder = tmp_path / split
        for name in (
            ".ipynb_checkpoints",
            ".git",
            "__MACOSX",
            "cat/.ipynb_checkpoints",
        ):
            shutil.copytree(folder / "dog", folder / name)
        (folder / "cat" / "._0.png").write_bytes(b"\0\5\x16\7")
        (folder / "cat" / "Thumbs.db").write_bytes(b"")
    found = files(tmp_path)
    assert found["train"].class_names == ("cat", "dog")
    assert {name: keys(data) for name, data in found.items()} == clean


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Train", "Val"), ("TRAIN", "TEST"), ("training", "testing"),
        ("training_set", "test_set"), ("Training", "Validation"),
    ],
)  # fmt: skip
def test_splits_are_known_by_any_of_their_names(tmp_path, train, test):
    write_pictures(tmp_path / train, {"cat": 3, "dog": 4})
    write_pictures(tmp_path / test, {"cat": 1, "dog": 2})
    found = files(tmp_path)
    assert found["train"].class_names == ("cat", "dog")
    assert found["test"].labels.tolist() == [0, 1, 1]


def test_folders_of_splits_that_fit_no_layout_are_one_line(tmp_path):
    write_pictures(tmp_path / "a" / "val", {"cat": 1, "dog": 2})
    with pytest.raises(UserError, match="has val and no folder train"):
        files(tmp_path / "a")
    for split in "Train", "train", "val":
        write_pictures(tmp_path / "b" / split, {"cat": 1, "dog": 2})
    with pytest.raises(UserError, match="has Train and train: keep one as its train"):
        files(tmp_path / "b")
    write_pictures(tmp_path / "around" / "set", {"cat": 3, "dog": 4})
    with pytest.raises(UserError, match="has one class, 'set': give the folder whose"):
        files(tmp_path / "around")
    for name in "cat", "dog":
        write_pictures(tmp_path / "c" / name, {"train": 2, "test": 2})
    with pytest.raises(UserError, match="looks like a split inside of a class"):
        files(tmp_path / "c")


def test_the_first_picture_may_be_broken(tmp_path):
    for split in "train", "val":
        write_pictures(tmp_path / split, {"cat": 3, "dog": 3})
    for bad in (
        b"",
        b"no picture",
        b"\x89PNG\r\n\x1a\n" + bytes(60),
        b"BM" + bytes(20),
    ):
        (tmp_path / "train" / "cat" / "0.png").write_bytes(bad)
        with pytest.warns(UserWarning, match=r"skipped: .*cat/0\.png"):
            item = files(tmp_path)["train"][0]
        assert item["image"].shape == (5, 6, 3)


def test_images_of_several_sizes_are_a_user_error_where_one_is_needed(tmp_path):
    write_pictures(tmp_path / "x", {"a": 8, "b": 8})
    write_pictures(tmp_path / "y", {"c": 8}, size=(9, 9))
    (tmp_path / "y" / "c").rename(tmp_path / "x" / "c")
    train = files(tmp_path / "x")["train"]
    assert {item["image"].shape for item in train} == {(5, 6, 3), (9, 9, 3)}
    with pytest.raises(UserError, match=r"one size are needed .* 5x6x3, 9x9x3"):
        train.in_memory()


def test_unusable_folders_and_names_are_user_errors(tmp_path):
    with pytest.raises(UserError, match=r"no image set found in .* accepted: "):
        files(tmp_path)
    with pytest.raises(UserError, match="does not exist; accepted: "):
        files(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no image folder given"):
        image_sources.load("files", "train")
    (tmp_path / "train" / "a").mkdir(parents=True)
    with pytest.raises(UserError, match="has no pictures"):
        files(tmp_path)
    with pytest.raises(UserError, match="unknown image source 'file'; nearest: files"):
        image_sources.load("file", "train")
    with pytest.raises(UserError, match="unknown split 'dev'"):
        image_sources.load("embedded", "dev")
    with pytest.raises(UserError, match="unknown embedded set 'mnist'; nearest: mnist"):
        image_sources.load("embedded", "train", "mnist")
    with pytest.raises(UserError, match="HEIGHTxWIDTHxCHANNELSxCLASSES"):
        image_sources.load("generated", "train", "8x8")


@pytest.mark.parametrize("seed", range(3))
def test_every_prefix_of_a_balanced_order_is_balanced(seed):
    labels = RNG.permutation(np.repeat(np.arange(4), [40, 40, 20, 10]))
    order = balanced_order(labels, seed)
    assert sorted(order) == list(range(110))
    for n in range(1, 110):
        counts = np.bincount(labels[order[:n]], minlength=4)
        expected = n * np.array([40, 40, 20, 10]) / 110
        assert np.abs(counts - expected).max() <= 1
    assert not np.array_equal(order, balanced_order(labels, seed + 1))


def test_cut_refuses_to_leave_nothing():
    data = ImageSet(grey(4)[..., None], np.zeros(4, np.int32), ("a",))
    first, rest = cut(data, 1)
    assert (len(first), len(rest)) == (1, 3)
    with pytest.raises(UserError, match="too few to hold out 2 and 2"):
        cut(data, 2, 2)


def test_generated_classes_can_be_told_apart_in_new_images():
    train, test = (
        image_sources.load("generated", s, "12x10x3x5") for s in ("train", "test")
    )
    assert train.images.shape == (512, 12, 10, 3)
    means = [train.images[train.labels == c].mean(0) for c in range(5)]
    distance = [[np.abs(x - mean).mean() for mean in means] for x in test.images]
    assert (np.argmin(distance, axis=1) == test.labels).mean() > 0.9
    again = image_sources.generated("12x10x3x5")["train"]
    assert keys(again) == keys(train)


class Blobs(tfds.core.GeneratorBasedBuilder):
    """A TFDS set of PNG files: 10 x 10 pixels, whose grey is the digit."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(10, 10, 1)),
                "label": tfds.features.ClassLabel(names=["dark", "light"]),
            }
        )
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._blobs(40), "test": self._blobs(6)}

    def _generate_examples(self, **kwargs):
        raise NotImplementedError

    def _blobs(self, n):
        for i in range(n):
            yield i, {"image": Image.new("L", (10, 10), 5 * i), "label": int(i > n / 2)}


class Unlabelled(Blobs):
    """Like ImageNet, its test split has no labels."""

    def _split_generators(self, dl_manager):
        test = ((i, {**item, "label": -1}) for i, item in self._blobs(6))
        return {"train": self._blobs(40), "validation": self._blobs(8), "test": test}


def test_a_test_split_without_labels_is_not_measured(tmp_path):
    Unlabelled(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    for split, n in zip(SPLITS, (40, 8, 8), strict=True):
        data = image_sources.load("tfds", split, "unlabelled", str(tmp_path))
        assert len(data) == n
        assert {int(data.labels[i]) for i in range(n)} == {0, 1}


def test_a_tfds_set_in_a_bucket_is_read_where_it_lies(tmp_path, monkeypatch):
    """Worker processes read it there too."""
    pytest.importorskip("gcsfs", reason="a bucket needs gcsfs: pip install '.[gcs]'")
    Blobs(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    disk = image_sources.load("tfds", "train", "blobs", str(tmp_path))
    expected = next(pipeline(disk, batch_size=4, shuffle=True))
    with serve() as (bucket, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for path in filter(Path.is_file, tmp_path.rglob("*")):
            bucket.write(f"sets/{path.relative_to(tmp_path)}", path.read_bytes())
        there = image_sources.load("tfds", "train", "blobs", "gs://bucket/sets")
        assert len(there) == len(disk)
        with workers(1):
            batches = pipeline(there, batch_size=4, shuffle=True, costly=True)
            batch = next(batches)
        with pytest.raises(UserError, match=r"not prepared.*array_record"):
            image_sources.load("tfds", "train", "blobs", "gs://bucket/elsewhere")
    assert batch.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(batch[name], value)


def test_a_prepared_tfds_set_is_decoded_on_access(tmp_path):
    Blobs(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    train, valid, test = (
        image_sources.load("tfds", split, "blobs", str(tmp_path)) for split in SPLITS
    )
    assert (len(train), len(valid), len(test)) == (36, 4, 6)
    assert test.class_names == ("dark", "light")
    pairs = {(int(x["image"][0, 0, 0]), int(x["label"])) for x in test}
    assert pairs == {(5 * i, int(i > 3)) for i in range(6)}
    assert {*keys(train)}.isdisjoint(keys(valid))
    batch = next(pipeline(train, batch_size=4, shuffle=True))
    assert batch["image"].shape == (4, 10, 10, 1)
    assert train.in_memory().labels.dtype == np.int32
