"""Two domains of images. A failure means that a batch holds other images than its
split, or that training sees a pair."""

import itertools
import json
import shutil
from collections import Counter

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from common.contract import UserError
from common.data import image_sources
from common.data.glyphs import glyphs
from common.pixels import with_channels
from papers.unit import data, domains
from papers.unit.config import Config
from tests.bucket import serve

SPLITS = ("train", "valid", "test")


def configured(source="embedded", channels=(1, 1), seed=0, **fields):
    config = Config(seed=seed)
    config.model.channels = channels
    config.data.source = source
    config.data.batch_size = 4
    for name, value in fields.items():
        setattr(config.data, name, value)
    return config


def read(config, n=None, split="train", **share):
    """The rows of `n` batches, or of all."""
    batches = [*itertools.islice(data.batches(config, split, **share), n)]
    return {name: np.concatenate([x[name] for x in batches]) for name in batches[0]}


def rows(batch, domain):
    """The domain's images as bytes, without padding."""
    mask = batch.get(f"mask_{domain}", np.ones(len(batch[domain])))
    return [x.tobytes() for x, real in zip(batch[domain], mask, strict=True) if real]


def write(folder, n, size=(40, 32), grey=False, first=0):
    """n pictures of `size` (width, height), whose colours encode their numbers."""
    folder.mkdir(parents=True)
    for i in range(first, first + n):
        colour = 3 * i if grey else (3 * i, 0, 255)
        Image.new("L" if grey else "RGB", size, colour).save(folder / f"{i:02}.png")


def folders(root, sizes=(12, 9, 5, 3)):
    for name, n in zip(("trainA", "trainB", "testA", "testB"), sizes, strict=True):
        if n:
            write(root / name, n, first=20 if name.startswith("test") else 0)
    return configured("files", (3, 3), root=str(root), size=(16, 24))


def picture_numbers(batch, domain):
    """The numbers of `write`'s pictures that a domain's rows show."""
    mask = batch.get(f"mask_{domain}", np.ones(len(batch[domain])))
    return [int(x[0, 0, 0]) // 3 for x in batch[domain][mask > 0]]


EVERY = {
    "embedded": configured(size=(16, 16)),
    "generated": configured("generated", (3, 1), size=(16, 24), flip=True),
    "labelled": configured("labelled", (1, 3), size=(12, 20)),
}


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("split", SPLITS)
def test_a_batch_is_its_spec(name, split):
    batch = next(data.batches(EVERY[name], split))
    spec = data.batch_spec(EVERY[name], split)
    assert {*batch} == {*spec}
    for field, expected in spec.items():
        assert batch[field].shape == expected.shape, field
        assert batch[field].dtype == expected.dtype, field


@pytest.mark.parametrize("name", EVERY)
def test_a_saved_position_gives_the_same_next_batches(name):
    batches = data.batches(EVERY[name], "train")
    [*itertools.islice(batches, 5)]
    state = json.loads(json.dumps(batches.get_state()))
    resumed = data.batches(EVERY[name], "train")
    next(resumed)
    resumed.set_state(state)
    for _ in range(4):
        expected = next(batches)
        got = next(resumed)
        for field in expected:
            np.testing.assert_array_equal(got[field], expected[field])


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("split", SPLITS)
def test_two_processes_read_one_processs_rows(name, split):
    n = 40 if split == "train" else None
    one = read(EVERY[name], n, split)
    parts = [
        read(EVERY[name], n, split, process_index=i, process_count=2) for i in range(2)
    ]
    assert len(parts[0]["a"]) == len(parts[1]["a"])
    for domain in "ab":
        joined = rows(parts[0], domain) + rows(parts[1], domain)
        assert Counter(joined) == Counter(rows(one, domain))


@pytest.mark.parametrize("seed", [0, 1])
def test_each_domain_is_shuffled_by_itself(seed):
    same = configured("generated", (3, 3), size=(16, 16), seed=seed)
    order = {}
    for domain, source in domains.domains(same, "train").items():
        index = {source[i]["image"].tobytes(): i for i in range(len(source))}
        order[domain] = [index[row] for row in rows(read(same, 256), domain)]
        epochs = order[domain][:512], order[domain][512:]
        assert sorted(epochs[0]) == sorted(epochs[1]) == [*range(512)]
        assert epochs[0] != epochs[1]
    assert np.mean(np.equal(order["a"], order["b"])) < 0.02
    again = configured("generated", (3, 3), size=(16, 16), seed=seed + 1)
    assert rows(read(again, 8), "a") != rows(read(same, 8), "a")


def test_no_letter_of_training_has_a_pair_and_those_measured_are_new():
    letters = domains.characters()
    assert len({*itertools.chain(*letters.values())}) == sum(map(len, letters.values()))
    whole = sum(map(len, letters.values()))
    shares = {name: len(part) / whole for name, part in letters.items()}
    expected = {"train_a": 0.45, "train_b": 0.45, "valid": 0.05, "test": 0.05}
    assert shares == pytest.approx(expected, abs=0.002)
    small = configured(size=(16, 16))
    drawn = {
        (domain, name): {x.tobytes() for x in glyphs(font, part, 16)}
        for domain, font in (("a", "DejaVuSans"), ("b", "DejaVuSerif"))
        for name, part in letters.items()
    }
    train = read(small, 600)
    assert {*rows(train, "a")} == drawn["a", "train_a"]
    assert {*rows(train, "b")} == drawn["b", "train_b"]
    for domain, other in ("ab", "ba"):
        for name in (f"train_{other}", "valid", "test"):
            assert drawn[domain, f"train_{domain}"].isdisjoint(drawn[domain, name])


@pytest.mark.parametrize("split", ["valid", "test"])
def test_pairs_are_the_same_letter_in_both_fonts(split):
    letters = domains.characters()[split]
    batch = read(configured(channels=(1, 3), size=(24, 24)), split=split)
    np.testing.assert_array_equal(batch["mask_a"], batch["mask_b"])
    n = int(batch["mask_a"].sum())
    assert n == len(letters)
    sans, serif = (glyphs(f, letters, 24) for f in ("DejaVuSans", "DejaVuSerif"))
    np.testing.assert_array_equal(batch["a"][:n], sans)
    np.testing.assert_array_equal(batch["b"][:n], np.repeat(serif, 3, -1))


def test_only_glyphs_have_pairs_and_only_digits_labels():
    for name, config in EVERY.items():
        assert data.has_pairs(config) == (name == "embedded")
        assert data.has_labels(config) == (name == "labelled")
    with pytest.raises(UserError, match="glyphs are squares"):
        data.batches(configured(size=(16, 24)), "train")


@pytest.mark.parametrize("count", [1, 2])
def test_masks_count_every_image_once_where_one_domain_is_smaller(tmp_path, count):
    config = folders(tmp_path, (4, 4, 19, 3))
    parts = [
        read(config, split="test", process_index=i, process_count=count)
        for i in range(count)
    ]
    assert sorted(i for x in parts for i in picture_numbers(x, "a")) == [*range(20, 39)]
    assert sorted(i for x in parts for i in picture_numbers(x, "b")) == [*range(20, 23)]
    for part in parts:
        assert not part["b"][part["mask_b"] == 0].any()
        assert len(part["a"]) == 24 // count


def test_folders_are_read_below_and_test_ones_are_kept(tmp_path):
    config = folders(tmp_path)
    write(tmp_path / "trainB" / "more" / "deep", 3, first=50)
    (tmp_path / "trainA" / "notes.txt").write_text("no picture")
    train = read(config, 6)
    assert {*picture_numbers(train, "a")} == {*range(12)}
    assert {*picture_numbers(train, "b")} == {*range(9), 50, 51, 52}
    for split in ("valid", "test"):
        assert picture_numbers(read(config, split=split), "a") == [*range(20, 25)]
        assert picture_numbers(read(config, split=split), "b") == [*range(20, 23)]


def test_a_domain_without_a_test_folder_holds_out_each_tenth(tmp_path):
    config = folders(tmp_path, (21, 5, 0, 3))
    train = read(config, 10)
    test = read(config, split="test")
    assert picture_numbers(test, "a") == [0, 10, 20]
    assert {*picture_numbers(train, "a")} == {*range(21)} - {0, 10, 20}
    assert {*picture_numbers(train, "b")} == {*range(5)}
    assert picture_numbers(test, "b") == [20, 21, 22]


def test_greys_and_colours_become_the_networks_channels(tmp_path):
    config = folders(tmp_path)
    write(tmp_path / "testA" / "grey", 2, grey=True, first=30)
    config.model.channels = (3, 1)
    batch = read(config, split="test")
    np.testing.assert_array_equal(batch["a"][6, 0, 0], [93, 93, 93])
    colour = np.array([[[60, 0, 255]]], np.uint8)
    assert (
        abs(int(batch["b"][0, 0, 0, 0]) - int(with_channels(colour, 1)[0, 0, 0])) <= 1
    )


def test_corrupt_pictures_are_named_and_masked_or_the_next_one_is_trained_on(tmp_path):
    config = folders(tmp_path)
    (tmp_path / "trainA" / "03.png").write_bytes(b"no picture")
    broken = tmp_path / "testB" / "21.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.warns(UserWarning, match=r"skipped: .*trainA/03\.png"):
        counts = Counter(picture_numbers(read(config, 6), "a"))
    assert {*counts} == {*range(12)} - {3}
    assert counts[4] == 4
    with pytest.warns(UserWarning, match=r"testB/21\.png"):
        test = read(config, split="test")
    assert picture_numbers(test, "b") == [20, 22]
    assert picture_numbers(test, "a") == [*range(20, 25)]


@pytest.mark.parametrize(
    "names", ["TrainA TrainB TestA TestB", "TRAINA trainb TESTA testb"]
)
def test_folders_may_be_written_in_capitals(tmp_path, names):
    config = folders(tmp_path)
    for own, name in zip(
        ("trainA", "trainB", "testA", "testB"), names.split(), strict=True
    ):
        (tmp_path / own).rename(tmp_path / f"{name}_")
        (tmp_path / f"{name}_").rename(tmp_path / name)
    assert picture_numbers(read(config, split="test"), "a") == [*range(20, 25)]


@pytest.mark.filterwarnings("ignore:skipped:")
def test_folders_that_cannot_work_are_one_line(tmp_path):
    with pytest.raises(UserError, match="give a folder with the folders trainA and"):
        data.batches(configured("files"), "train")
    config = folders(tmp_path / "x", (3, 0, 0, 0))
    with pytest.raises(UserError, match=r"no images in trainB; expected: folders tr"):
        data.batches(config, "train")
    (tmp_path / "x" / "trainB").mkdir()
    with pytest.raises(UserError, match=r"no images in trainB"):
        data.batches(config, "test")
    config = folders(tmp_path / "y", (3, 1, 0, 0))
    with pytest.raises(UserError, match="trainB has one image"):
        data.batches(config, "train")
    config = folders(tmp_path / "z", (3, 3, 2, 0))
    (tmp_path / "z" / "testB").mkdir()
    with pytest.raises(UserError, match="no images in testB"):
        data.batches(config, "train")
    write(tmp_path / "z" / "testB" / "deep", 2)
    for path in (tmp_path / "z" / "testB").rglob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(UserError, match="none of the images can be read"):
        read(config, split="test")


def listed(tmp_path, **lines):
    lists = tmp_path / "lists"
    lists.mkdir()
    for name, wanted in lines.items():
        text = "".join(f"all/{i:02}.png\n" for i in wanted)
        (lists / f"{name}.txt").write_text(f"\n{text}\n")
    root = str(tmp_path)
    return configured("files", (3, 3), root=root, lists=str(lists), size=(16, 24))


def test_lists_say_which_images_below_the_root(tmp_path):
    write(tmp_path / "all", 20)
    config = listed(
        tmp_path, trainA=[3, 1, 8], trainB=[2, 4], testA=[9], testB=[11, 10]
    )
    assert {*picture_numbers(train := read(config, 4), "a")} == {1, 3, 8}
    assert {*picture_numbers(train, "b")} == {2, 4}
    test = read(config, split="test")
    assert (picture_numbers(test, "a"), picture_numbers(test, "b")) == ([9], [11, 10])


def test_labels_behind_the_files_of_a_list_are_not_read(tmp_path):
    write(tmp_path / "all", 4)
    for i, name in enumerate(("two words.png", "two words")):
        (tmp_path / "all" / f"{i:02}.png").rename(tmp_path / "all" / name)
    config = listed(tmp_path, trainA=[2, 3], trainB=[2, 3])
    lines = "all/two words.png\nall/two words\nall/02.png 0\nall/03.png  -1 1\n"
    for name in ("testA", "testB"):
        (tmp_path / "lists" / f"{name}.txt").write_text(lines)
    assert picture_numbers(read(config, split="test"), "a") == [0, 1, 2, 3]


def test_lists_that_cannot_work_are_one_line(tmp_path):
    write(tmp_path / "all", 3)
    config = listed(tmp_path, trainA=[0, 1], trainB=[1, 7], testA=[])
    with pytest.raises(UserError, match=r"testA\.txt' names no image"):
        data.batches(config, "train")
    (tmp_path / "lists" / "testA.txt").write_text("all/00.png")
    with pytest.raises(UserError, match=r"trainB\.txt' names .*all/07\.png', which is"):
        data.batches(config, "train")
    (tmp_path / "lists" / "trainB.txt").write_text("all/00.png")
    with pytest.raises(UserError, match=r"there is no file .*lists/testB\.txt'"):
        data.batches(config, "train")


def test_folders_and_lists_may_be_in_a_bucket(tmp_path, monkeypatch):
    pytest.importorskip("gcsfs", reason="a bucket needs gcsfs: pip install '.[gcs]'")
    folders(tmp_path, (3, 2, 1, 2))
    with serve() as (bucket, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for path in tmp_path.rglob("*.png"):
            name = path.relative_to(tmp_path).as_posix()
            bucket.write(f"sets/{name}", path.read_bytes())
        for name in ("trainA", "trainB", "testA", "testB"):
            bucket.write(f"lists/{name}.txt", b"trainB/01.png 0\n")
        config = configured("files", (3, 3), root="gs://bucket/sets", size=(16, 24))
        train = domains.domains(config, "train")["a"]
        assert [item["image"][0, 0, 0] // 3 for item in train] == [0, 1, 2]
        assert picture_numbers(read(config, split="test"), "b") == [20, 21]
        config.data.lists = "gs://bucket/lists"
        assert picture_numbers(read(config, split="test"), "a") == [1]


def gradient(height, width):
    y, x = np.mgrid[:height, :width]
    return np.stack([2 * y, 2 * x, 0 * x], -1).astype(np.uint8)


def place(crop, image):
    """(mirrored, top, left) of a 16 x 24 crop of a gradient."""
    mirrored = bool(crop[0, 0, 1] > crop[0, 1, 1])
    crop = crop[:, ::-1] if mirrored else crop
    top, left = (crop[0, 0, :2] // 2).tolist()
    np.testing.assert_array_equal(crop, image[top : top + 16, left : left + 24])
    return mirrored, top, left


def test_training_crops_are_everywhere_and_mirrored_half_of_the_time():
    config = configured("files", (3, 3), size=(16, 24), flip=True)
    image = gradient(20, 27)
    draws = [*map(np.random.default_rng, range(600))]
    places = [place(data.fitted(config, "a", image, rng), image) for rng in draws]
    everywhere = itertools.product((False, True), range(5), range(4))
    assert {*places} == {*everywhere}
    assert 0.4 < np.mean([mirrored for mirrored, _, _ in places]) < 0.6
    config.data.flip = False
    plain = [place(data.fitted(config, "a", image, rng), image) for rng in draws]
    assert not any(mirrored for mirrored, _, _ in plain)
    assert {*plain} == {(False, top, left) for _, top, left in {*places}}


def test_training_reads_other_crops_each_time_and_measuring_the_middle(tmp_path):
    config = folders(tmp_path, (0, 3, 0, 1))
    for name in ("trainA", "testA"):
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.fromarray(gradient(20, 27)).save(tmp_path / name / f"{i}.png")
    config.data.flip = True
    train = [place(x, gradient(20, 27)) for x in read(config, 10)["a"]]
    assert len({*train}) > 15
    test = read(config, split="test")
    assert [place(x, gradient(20, 27)) for x in test["a"][:2]] == [(False, 2, 1)] * 2


@pytest.mark.parametrize(("shape", "short", "resized"), [
    ((20, 30), 0, (20, 30)), ((20, 30), 24, (24, 36)), ((90, 60), 24, (36, 24)),
    ((8, 40), 0, (16, 80)), ((20, 12), 0, (40, 24)),
])  # fmt: skip
def test_measured_images_are_the_middle_of_what_covers_the_crop(shape, short, resized):
    config = configured("files", (3, 3), size=(16, 24), short=short, flip=True)
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    whole = Image.fromarray(image).resize(resized[::-1], Image.BILINEAR)
    top, left = (resized[0] - 16) // 2, (resized[1] - 24) // 2
    expected = np.asarray(whole)[top : top + 16, left : left + 24]
    np.testing.assert_array_equal(data.fitted(config, "a", image), expected)


class Pair(tfds.core.GeneratorBasedBuilder):
    """Two domains' pictures, as CycleGAN's sets have them."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012 (TFDS's own way)
        tfds.core.BuilderConfig(name="whole", version="1.0.0"),
        tfds.core.BuilderConfig(name="half", version="1.0.0"),
    ]

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(20, 30, 3)),
            "label": tfds.features.ClassLabel(names=["A", "B"]),
        }
        features = tfds.features.FeaturesDict(features)
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        splits = {"trainA": self._pictures(0, 20), "testA": self._pictures(30, 4)}
        if self.builder_config.name == "whole":
            splits["trainB"] = self._pictures(40, 10)
        return splits

    def _generate_examples(self, **kwargs):
        raise NotImplementedError

    def _pictures(self, first, n):
        for i in range(first, first + n):
            image = Image.new("RGB", (30, 20), (3 * i, 0, 255))
            yield i, {"image": image, "label": int(i >= 40)}


def test_a_prepared_tfds_set_has_its_splits_and_a_held_out_tenth(tmp_path):
    for name in ("whole", "half"):
        builder = Pair(config=name, data_dir=tmp_path, file_format="array_record")
        builder.download_and_prepare()
    config = configured(
        "tfds", (3, 3), root=str(tmp_path), name="pair/whole", size=(16, 24)
    )
    train = read(config, 10)
    test = read(config, split="test")
    assert {*picture_numbers(train, "a")} == {*range(20)}
    assert sorted(picture_numbers(test, "a")) == [*range(30, 34)]
    assert len({*picture_numbers(train, "b")}) == 9
    assert {*picture_numbers(train, "b"), *picture_numbers(test, "b")} == {
        *range(40, 50)
    }
    assert len(picture_numbers(test, "b")) == 1
    config.data.name = "pair/half"
    with pytest.raises(UserError, match="has no split 'trainB'; nearest: trainA"):
        data.batches(config, "train")


@pytest.mark.parametrize("split", SPLITS)
def test_labels_are_the_images_own(split):
    config = configured("labelled", (1, 3), size=(28, 28), batch_size=16)
    config.data.pair = ("mnist5k", "digits")
    mnist, digits = (
        image_sources.load("embedded", split, name) for name in config.data.pair
    )
    labels = {x.tobytes(): y for x, y in zip(mnist.images, mnist.labels, strict=True)}
    batch = read(config, 6, split)
    n = int(batch.get("mask_a", np.ones(96)).sum())
    assert [labels[x] for x in rows(batch, "a")] == batch["label_a"][:n].tolist()
    if split == "train":
        assert "label_b" not in batch
        return
    n = int(batch["mask_b"].sum())
    np.testing.assert_array_equal(batch["label_b"][:n], digits.labels[:n])
    picture = Image.fromarray(digits.images[0, ..., 0]).resize((28, 28), Image.BILINEAR)
    expected = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(batch["b"][0], expected)


def test_labelled_sets_are_embedded_folders_or_tfds(tmp_path):
    config = configured("labelled", (1, 1), size=(16, 16))
    root = tmp_path / "classes"
    for i in range(10):
        write(root / "train" / str(i), 2, (9, 12), grey=True, first=2 * i)
        write(root / "test" / str(i), 1, (9, 12), grey=True, first=40 + i)
    config.data.pair = ("digits", str(root))
    test = read(config, split="test")
    assert picture_numbers(test, "b") == [*range(40, 50)]
    assert test["label_b"][test["mask_b"] > 0].tolist() == [*range(10)]
    assert int(test["mask_a"].sum()) == 500
    config.data.pair = ("digits", "mnist")
    with pytest.raises(UserError, match=r"'mnist' is no folder, .* nearest: mnist5k"):
        data.batches(config, "train")
    config.data.pair = ("tfds:no_such_set", "digits")
    with pytest.raises(UserError, match="unknown TFDS set 'no_such_set'"):
        data.batches(config, "train")
    write(root / "train" / "ten", 2, grey=True)
    write(root / "test" / "ten", 2, grey=True)
    image_sources._splits.cache_clear()
    config.data.pair = ("digits", str(root))
    with pytest.raises(UserError, match="10 classes and 11"):
        data.batches(config, "train")
    config.data.pair = (str(root), str(root))
    with pytest.raises(UserError, match="11 classes; 10 at most"):
        data.batches(config, "train")
    for split in ("train", "test"):
        (root / split / "ten").rename(root / split / "nil")
        shutil.rmtree(root / split / "9")
    image_sources._splits.cache_clear()
    config.data.pair = ("digits", str(root))
    with pytest.raises(UserError, match="class '9' of a would be 'nil' of b"):
        data.batches(config, "train")
