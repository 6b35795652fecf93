"""Users' sets of captions: every layout is read, and what is broken is named."""

import json
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets
from PIL import Image

from common.contract import UserError
from papers.captioning import sources
from papers.captioning.config import Config
from papers.captioning.items import Source, Stream, View
from papers.captioning.sources import layouts, tfds
from papers.captioning.sources.layouts import Columns
from papers.captioning.tokens import tokens
from papers.captioning.vocabulary import Vocabulary

SPLITS = ("train", "valid", "test")


def picture(path: Path, level=90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), (level, 0, 0)).save(path)
    return path


def write(path: Path, text, encoding="utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = text if isinstance(text, str) else json.dumps(text)
    path.write_bytes(text.encode(encoding))
    return path


def pictures(root: Path, *names) -> None:
    for i, name in enumerate(names):
        picture(root / name, 10 * i)


def told(splits) -> dict:
    """{split: {picture: captions}}"""
    return {
        split: dict(zip(data.names, data.texts, strict=True))
        for split, data in splits.items()
    }


def karpathy(root: Path) -> dict:
    pictures(root, "val2014/a.png", "val2014/b.png", "val2014/c.png", "train2014/d.png")
    parts = {"a": "train", "b": "val", "c": "test", "d": "restval"}
    folders = {"d": "train2014"}
    return {
        "dataset": "coco",
        "images": [
            {
                "filename": f"{name}.png",
                "filepath": folders.get(name, "val2014"),
                "split": split,
                "sentences": [
                    {"raw": f"A {name} here.", "tokens": ["a", name, "here"]},
                    {"tokens": ["one", name]},
                ],
            }
            for name, split in parts.items()
        ],
    }


def test_karpathys_json_has_its_splits(tmp_path):
    write(tmp_path / "dataset_coco.json", karpathy(tmp_path))
    assert told(layouts.read(str(tmp_path))) == {
        "train": {
            "val2014/a.png": ("A a here.", "one a"),
            "train2014/d.png": ("A d here.", "one d"),
        },
        "valid": {"val2014/b.png": ("A b here.", "one b")},
        "test": {"val2014/c.png": ("A c here.", "one c")},
    }


def test_a_picture_is_that_of_the_folder_that_is_named(tmp_path):
    contents = karpathy(tmp_path)
    picture(tmp_path / "train2014/a.png", 200)
    contents["images"][0]["filepath"] = "train2014"
    write(tmp_path / "x.json", contents)
    splits = layouts.read(str(tmp_path))
    assert splits["train"].names[0] == "train2014/a.png"
    assert splits["train"].picture(0)[0, 0, 0] == 200


def test_neuraltalk2s_json_is_cut_into_splits(tmp_path):
    names = [f"{i}.png" for i in range(20)]
    pictures(tmp_path / "imgs", *names)
    rows = [
        {"file_path": f"imgs/{n}", "captions": [f"a {n}", ["b", n]], "id": n}
        for n in names
    ]
    write(tmp_path / "raw.json", rows)
    splits = layouts.read(str(tmp_path))
    assert [len(splits[s]) for s in SPLITS] == [16, 2, 2]
    found = {name for data in splits.values() for name in data.names}
    assert found == {f"imgs/{n}" for n in names}
    train = splits["train"]
    own = train.names[0].removeprefix("imgs/")
    assert train.captions(0) == (f"a {own}", f"b {own}")
    again = layouts.read(str(tmp_path))
    assert told(again) == told(splits)


def coco(names, start=1) -> dict:
    images = [{"id": start + i, "file_name": name} for i, name in enumerate(names)]
    captions = [
        {"image_id": image["id"], "id": 10 * image["id"] + i, "caption": f"{word} x"}
        for image in images
        for i, word in enumerate(("red", "blue"))
    ]
    return {"images": images, "annotations": captions}


def test_cocos_jsons_are_a_split_each_and_its_other_files_are_passed_by(tmp_path):
    pictures(tmp_path / "train2017", "1.png", "2.png")
    pictures(tmp_path / "val2017", "3.png")
    folder = tmp_path / "annotations"
    write(folder / "captions_train2017.json", coco(["1.png", "2.png"]))
    write(folder / "captions_val2017.json", coco(["3.png"], 9))
    write(folder / "instances_train2017.json", "not even json")
    with pytest.warns(UserWarning, match="no split test"):
        splits = layouts.read(str(tmp_path))
    assert told(splits)["train"] == {
        "train2017/1.png": ("red x", "blue x"),
        "train2017/2.png": ("red x", "blue x"),
    }
    assert told(splits)["valid"] == {"val2017/3.png": ("red x", "blue x")}
    assert told(splits)["test"] == told(splits)["valid"]


def test_cocos_captions_of_images_it_does_not_list_are_counted_and_left_out(tmp_path):
    pictures(tmp_path, *(f"{i}.png" for i in range(5)))
    data = coco([f"{i}.png" for i in range(5)])
    data["annotations"].append({"image_id": 77, "caption": "of nothing"})
    write(tmp_path / "captions.json", data)
    with pytest.warns(UserWarning, match="1 captions are of images .* such as 77"):
        found = told(layouts.read(str(tmp_path)))
    assert {*found["train"].values()} == {("red x", "blue x")}
    assert sum(map(len, found.values())) == 5
    data["annotations"] = data["annotations"][-1:]
    write(tmp_path / "captions.json", data)
    with pytest.raises(UserError, match="such as 77, and no others are there"):
        layouts.read(str(tmp_path))


def test_flickrs_tokens_have_the_splits_of_its_lists(tmp_path):
    pictures(tmp_path / "Flicker8k_Dataset", *(f"{n}.jpg" for n in "abcd"))
    tokens = [f"{n}.jpg#{i}\tA {n} no {i} ." for n in "abcd" for i in range(5)]
    write(tmp_path / "Flickr8k.token.txt", "\n".join(tokens))
    write(tmp_path / "Flickr8k.lemma.token.txt", "\n".join(tokens))
    opinions = "a.jpg\tb.jpg#2\t0.33\t1\t2\n" * 6  # they come with the tokens
    write(tmp_path / "CrowdFlowerAnnotations.txt", opinions)
    write(tmp_path / "ExpertAnnotations.txt", opinions)
    for part, name in (("train", "a"), ("dev", "b"), ("test", "c")):
        write(tmp_path / f"Flickr_8k.{part}Images.txt", f"{name}.jpg\n")
    with pytest.warns(
        UserWarning, match=r"1 pictures are in no split, such as 'd\.jpg'"
    ):
        found = told(layouts.read(str(tmp_path)))
    names = {s: [name[-5:] for name in own] for s, own in found.items()}
    assert names == {"train": ["a.jpg"], "valid": ["b.jpg"], "test": ["c.jpg"]}
    (texts,) = found["train"].values()
    assert texts == tuple(f"A a no {i} ." for i in range(5))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file\tcaption\n0.png\ta, b\n0.png\tc\n", ("a, b", "c")),
        ("image,caption\n0.png,\"a, b\"\n0.png,c\n", ("a, b", "c")),
        ("image,caption\n0.png,a, b\n0.png,c\n", ("a, b", "c")),
        ("image_name| comment_number| comment\n0.png| 0| a , b\n", ("a , b",)),
        ("filename\tcaption_1\tcaption_2\n0.png\ta\tb\n", ("a", "b")),
        ("name\tfile\n a thing\t0.png\n", ("a thing",)),
        ('file\tcaption\n0.png\tthe "x\n', ('the "x',)),
        ('file,caption\n0.png,"a ""big""\ndog"\n', ('a "big"\ndog',)),
        ("\ufefffile,caption\r\n0.png,a\r\n", ("a",)),
    ],
)  # fmt: skip
def test_tables_are_read_by_the_names_of_their_columns(tmp_path, text, expected):
    pictures(tmp_path, *(f"{i}.png" for i in range(5)))
    first = text.split("\n")[0]
    separator = max("\t|,", key=first.count)
    header = [name.strip("\ufeff \r") for name in first.split(separator)]
    file = next(i for i, n in enumerate(header) if n[:4] in ("file", "imag"))
    for i in range(1, 5):
        cells = ["z"] * len(header)
        cells[file] = f"{i}.png"
        text += separator.join(cells) + "\n"
    write(tmp_path / "captions.tsv", text)
    splits = told(layouts.read(str(tmp_path)))
    everything = {
        name[-5:]: own for part in splits.values() for name, own in part.items()
    }
    assert everything["0.png"] == expected


def test_columns_are_those_that_are_named(tmp_path):
    pictures(tmp_path, *(f"{i}.png" for i in range(5)))
    rows = [f"{i}.png\tn{i}\tk{i} | l" for i in range(5)]
    write(tmp_path / "captions.tsv", "\n".join(["Where\tName\tKey words", *rows]))
    columns = Columns("where", ("name", "key words"))
    data = layouts.read(str(tmp_path), columns=columns)["train"]
    own = data.names[0][-5]
    assert data.captions(0) == (f"n{own}", f"k{own} | l")
    with pytest.raises(UserError, match=r"no column 'wher'; nearest: where"):
        layouts.read(str(tmp_path), columns=Columns("wher"))
    with pytest.raises(UserError, match=r"columns where, name, key_words.*file_column"):
        layouts.read(str(tmp_path))


def test_a_table_may_have_splits_and_a_broken_row_is_left_out(tmp_path):
    pictures(tmp_path, *(f"{i}.png" for i in range(4)))
    text = "split\tfile\tcaption\ntrain\t0.png\ta\nval\t1.png\tb\ntest\t2.png\tc\n"
    write(tmp_path / "captions.tsv", text + "train\t3.png   A dog\n")
    with pytest.warns(UserWarning, match=r"1 rows do not have .* '.*3\.png   A dog'"):
        found = told(layouts.read(str(tmp_path)))
    names = {s: [name[-5:] for name in own] for s, own in found.items()}
    assert names == {"train": ["0.png"], "valid": ["1.png"], "test": ["2.png"]}
    write(tmp_path / "captions.tsv", text + "trian\t3.png\tx\n")
    with pytest.raises(UserError, match="'trian' is none of"):
        layouts.read(str(tmp_path))


@pytest.fixture
def two_styles(tmp_path):
    """A table, and an archive with two pictures of each of its rows."""
    rows = [f"{i}.png\tthing {i}" for i in range(20)]
    write(tmp_path / "captions.tsv", "\n".join(["file\tname", *rows]))
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for style, level in (("flat", 40), ("round", 200)):
            for i in range(20):
                path = picture(tmp_path / "gone.png", level + i)
                archive.write(path, f"{style}/{i}.png")
        archive.writestr("__MACOSX/flat/._0.png", b"x")
        archive.write(path, ".hidden/0.png")
    (tmp_path / "gone.png").unlink()
    return tmp_path


def test_pictures_in_an_archive_are_read_and_a_rows_pictures_stay_together(two_styles):
    splits = layouts.read(str(two_styles))
    assert [len(splits[s]) for s in SPLITS] == [32, 4, 4]
    for data in splits.values():
        for name, (text,), i in zip(data.names, data.texts, range(99), strict=False):
            style, file = name.split("/")
            number = int(file.removesuffix(".png"))
            assert text == f"thing {number}"
            level = {"flat": 40, "round": 200}[style] + number
            assert data.picture(i)[0, 0].tolist() == [level, 0, 0]
        assert sorted(data.texts) == sorted(data.texts[::2] * 2)


def test_a_stream_that_a_worker_has_a_copy_of_gives_the_same_items(two_styles):
    data = layouts.read(str(two_styles))["train"]
    words = Vocabulary.of([text for own in data.texts for text in own])
    _, numbers = tokens(data, words, 4, "train")
    stream = Stream(Source(data.pictures, numbers, 2, View(4, 5), None, 0))
    copied = pickle.dumps(stream)
    assert b"thing" not in copied
    for place in (0, 40):
        one, other = stream[place], pickle.loads(copied)[place]
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_an_archive_beside_the_folder_it_was_unpacked_to_is_not_read_again(two_styles):
    with zipfile.ZipFile(two_styles / "pictures.zip") as archive:
        archive.extractall(two_styles / "pictures")
    splits = layouts.read(str(two_styles))
    assert [len(splits[s]) for s in SPLITS] == [32, 4, 4]
    (two_styles / "pictures.zip").write_bytes(b"PK broken")
    assert told(layouts.read(str(two_styles))) == told(splits)


def test_one_style_is_trained_on_and_the_other_measured(two_styles):
    splits = layouts.read(str(two_styles), train_in="flat", test_in="round")
    assert [len(splits[s]) for s in SPLITS] == [20, 2, 18]
    assert {name.split("/")[0] for name in splits["train"].names} == {"flat"}
    rest = {*splits["valid"].texts, *splits["test"].texts}
    assert rest == {*splits["train"].texts}
    for folders in (("flat", ""), ("flat", "square")):
        with pytest.raises(UserError):
            layouts.read(str(two_styles), train_in=folders[0], test_in=folders[1])


def test_config_says_what_is_read(two_styles):
    config = Config()
    config.data.root = str(two_styles)
    config.data.train_in = "flat"
    config.data.test_in = "round"
    splits = sources.load(sources.Wanted.of(config.data))
    assert [len(splits[s]) for s in SPLITS] == [20, 2, 18]
    config.data.caption_columns = ("namme",)
    with pytest.raises(UserError, match="nearest: name"):
        sources.load(sources.Wanted.of(config.data))


def simple(root: Path, count=10, **changes):
    """NeuralTalk2's rows, some of them changed: {3: row}."""
    pictures(root, *(f"{i}.png" for i in range(count)))
    rows = [{"file_path": f"{i}.png", "captions": [f"a {i}"]} for i in range(count)]
    for i, row in changes.items():
        rows[int(i.removeprefix("row"))] |= row
    return rows


def test_pictures_without_captions_and_missing_ones_are_named_and_left_out(tmp_path):
    rows = simple(
        tmp_path,
        row1={"captions": []},
        row2={"captions": ["", "..."]},
        row3={"file_path": "gone/away.png"},
    )
    write(tmp_path / "raw.json", rows)
    with pytest.warns(UserWarning, match="left out are") as said:
        splits = layouts.read(str(tmp_path))
    text = " ".join(str(w.message) for w in said)
    assert "2 pictures without a caption, such as '1.png'" in text
    assert "1 pictures that are not in" in text
    assert "'gone/away.png'" in text
    assert sum(map(len, splits.values())) == 7


def test_a_json_of_missing_pictures_only_is_one_line(tmp_path):
    picture(tmp_path / "other.png")
    write(tmp_path / "raw.json", [{"file_path": "a.png", "captions": ["a"]}])
    with pytest.raises(UserError, match=r"'a\.png'.*--config\.data\.images") as error:
        layouts.read(str(tmp_path))
    assert "\n" not in str(error.value)


def test_a_damaged_picture_is_named_when_it_is_read(tmp_path):
    write(tmp_path / "raw.json", simple(tmp_path))
    for path in tmp_path.glob("*.png"):
        path.write_bytes(path.read_bytes()[:40])
    data = layouts.read(str(tmp_path))["train"]
    with pytest.warns(UserWarning, match=r"skipped: .*\.png' cannot be read"):
        assert data.picture(0) is None


def test_a_damaged_picture_in_an_archive_is_named_too(two_styles):
    whole = (two_styles / "pictures.zip").read_bytes()
    half = whole.replace(b"IDAT", b"IDAX")
    (two_styles / "pictures.zip").write_bytes(half)
    data = layouts.read(str(two_styles))["train"]
    with pytest.warns(UserWarning, match=r"skipped: .*pictures\.zip/\w+/\d+\.png'"):
        assert data.picture(0) is None


def test_a_file_that_is_no_archive_is_one_line(two_styles):
    (two_styles / "pictures.zip").write_bytes(b"PK no")
    with pytest.raises(UserError, match="no zip archive"):
        layouts.read(str(two_styles))


def test_hidden_files_are_passed_by(tmp_path):
    write(tmp_path / "raw.json", simple(tmp_path))
    write(tmp_path / "._raw.json", "\x00\x01")
    write(tmp_path / ".ipynb_checkpoints/raw.json", "[]")
    picture(tmp_path / ".thumbs/0.png")
    assert sum(map(len, layouts.read(str(tmp_path)).values())) == 10


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marked_encodings_are_read(tmp_path, encoding):
    rows = simple(tmp_path)
    rows[0]["captions"] = ["ein Bär"]
    write(tmp_path / "raw.json", json.dumps(rows, ensure_ascii=False), encoding)
    found = [own for part in layouts.read(str(tmp_path)).values() for own in part.texts]
    assert ("ein Bär",) in found


@pytest.mark.parametrize("name", ["captions.json", "captions.tsv", "captions.txt"])
def test_other_encodings_are_named_with_their_first_wrong_byte(tmp_path, name):
    rows = simple(tmp_path)
    text = "file\tcaption\n" + "".join(f"{i}.png\tein Bär\n" for i in range(10))
    if name.endswith("json"):
        rows[0]["captions"] = ["ein Bär"]
        text = json.dumps(rows, ensure_ascii=False)
    write(tmp_path / name, text, "latin-1")
    with pytest.raises(UserError, match="0xe4 at offset"):
        layouts.read(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("captions.json", ""),
        ("captions.json", "{"),
        ("captions.json", "[" * 100_000),
        ("captions.json", "[]"),
        ("captions.json", "{}"),
        ("captions.json", "3"),
        ("captions.json", [3, {"captions": ["a"]}]),
        ("captions.json", [{"captions": ["a"]}]),
        ("captions.json", [{"captions": "abc", "file_path": "0.png"}]),
        ("captions.json", [{"captions": [3], "file_path": "0.png"}]),
        ("captions.json", [{"captions": ["a"], "file_path": "0.png"}]),
        ("captions.json", [{"captions": ["a"], "file_path": "0.png", "split": "x"}]),
        ("captions.json", {"images": [{"sentences": [{}], "filename": "0.png"}]}),
        ("captions.json", {"images": [{"sentences": 3, "filename": "0.png"}]}),
        ("captions.json", {"images": [3, {"sentences": []}]}),
        ("captions.json", {"images": [{"id": 1, "file_name": "0.png"}],
                           "annotations": [{"image_id": 2, "caption": "a"}]}),
        ("captions.json", {"images": [{"id": [1], "file_name": "0.png"}],
                           "annotations": [{"image_id": 1, "caption": "a"}]}),
        ("captions.json", {"images": [{"id": 1, "file_name": "0.png"}],
                           "annotations": [{"image_id": 1, "caption": None}]}),
        ("captions.tsv", ""),
        ("captions.tsv", "\n\n"),
        ("captions.tsv", "file\tcaption\n"),
        ("captions.tsv", "file\tcaption\n0.png\n"),
        ("captions.tsv", "file\tcaption\n\tred\n"),
        ("captions.tsv", "a\tb\n0.png\tred\n"),
        ("captions.tsv", "0.png red\n"),
        ("captions.csv", 'file,caption\n0.png,"a dog\n1.png,"a cat"\n'),
        ("captions.csv", 'file,caption\n0.png,"a dog\n'),
        ("captions.csv", f"file,caption\n0.png,{'a' * 200_000}\n"),
        ("Flickr8k.token.txt", "0.png#0\ta\n" * 6 + "0.png a"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_should_be_is_one_line(tmp_path, name, text):
    pictures(tmp_path, "0.png", "1.png")
    write(tmp_path / name, text)
    for root in (tmp_path, tmp_path / name):
        with pytest.raises(UserError) as error:
            layouts.read(str(root))
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 600


@pytest.mark.parametrize("root", ["", "nowhere"])
def test_nothing_there_says_what_is_accepted(root):
    with pytest.raises(UserError, match="accepted: Karpathy"):
        layouts.read(root)


def test_a_folder_of_pictures_alone_says_what_is_accepted(tmp_path):
    picture(tmp_path / "a.png")
    with pytest.raises(UserError, match="accepted: Karpathy"):
        layouts.read(str(tmp_path))


def test_two_files_that_are_for_the_same_split_are_refused(tmp_path):
    rows = simple(tmp_path)
    write(tmp_path / "one.json", rows)
    write(tmp_path / "two.json", rows)
    with pytest.raises(UserError, match="name one"):
        layouts.read(str(tmp_path))
    data = layouts.read(str(tmp_path / "two.json"))
    assert sum(map(len, data.values())) == 10


def test_files_may_be_called_by_their_splits(tmp_path):
    rows = simple(tmp_path)
    for name, part in (("train", rows[:5]), ("val", rows[5:7]), ("test", rows[7:])):
        write(tmp_path / f"captions_{name}.json", part)
    splits = layouts.read(str(tmp_path))
    assert [len(splits[s]) for s in SPLITS] == [5, 2, 3]


def test_other_json_and_text_beside_it_is_no_matter(tmp_path):
    write(tmp_path / "raw.json", simple(tmp_path))
    write(tmp_path / "package.json", {"name": "x"})
    write(tmp_path / "README.txt", "Some, text\nof which, no captions\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum(map(len, layouts.read(str(tmp_path)).values())) == 10


def test_the_folder_of_the_pictures_may_be_a_link(tmp_path):
    rows = simple(tmp_path / "there")
    write(tmp_path / "here/raw.json", rows)
    (tmp_path / "here/images").symlink_to(tmp_path / "there")
    data = layouts.read(str(tmp_path / "here"))
    assert sum(map(len, data.values())) == 10


def test_pictures_may_be_elsewhere(tmp_path):
    rows = simple(tmp_path / "there")
    write(tmp_path / "here/raw.json", rows)
    with pytest.raises(UserError, match="has no pictures"):
        layouts.read(str(tmp_path / "here"))
    data = layouts.read(str(tmp_path / "here"), str(tmp_path / "there"))
    assert sum(map(len, data.values())) == 10


class Captions(tensorflow_datasets.core.GeneratorBasedBuilder):
    """Four pictures with the features of TFDS's coco_captions."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")

    def _info(self):
        features = tensorflow_datasets.features
        captions = features.Sequence({"id": np.int64, "text": features.Text()})
        return tensorflow_datasets.core.DatasetInfo(
            builder=self,
            features=features.FeaturesDict(
                {
                    "image": features.Image(),
                    "image/filename": features.Text(),
                    "captions": captions,
                }
            ),
        )

    def _split_generators(self, manager):
        parts = ("train", "restval", "val", "test")
        return {part: self._generate_examples(i) for i, part in enumerate(parts)}

    def _generate_examples(self, number):
        for i in range(2):
            captions = [{"id": k, "text": f"Bär {number} {k}"} for k in range(3 * i)]
            yield (
                i,
                {
                    "image": Image.new("RGB", (6, 4), (10 * number + i, 0, 0)),
                    "image/filename": f"{number}{i}.jpg",
                    "captions": captions,
                },
            )


def test_tfds_sets_have_their_captions_and_what_is_left_over_is_trained_on(tmp_path):
    Captions(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    with pytest.warns(UserWarning, match="without a caption"):
        splits = tfds.splits("captions", str(tmp_path))
    said = {n: tuple(f"Bär {n} {k}" for k in range(3)) for n in range(4)}
    assert told(splits) == {
        "train": {"01.jpg": said[0], "11.jpg": said[1]},
        "valid": {"21.jpg": said[2]},
        "test": {"31.jpg": said[3]},
    }
    assert splits["train"].picture(1)[0, 0].tolist() == [11, 0, 0]


@pytest.mark.parametrize(
    "fields",
    [
        {"train_in": "flat"},
        {"caption_columns": ("name",)},
        {"images": "here"},
        {"scenes": 10_000_000, "size": 64},
        {"source": "generated", "size": 5},
        {"source": "files"},
    ],
)
def test_a_config_that_cannot_be_read_is_one_line(fields):
    config = Config()
    for name, value in fields.items():
        setattr(config.data, name, value)
    with pytest.raises(UserError) as error:
        sources.load(sources.Wanted.of(config.data))
    assert "\n" not in str(error.value)
