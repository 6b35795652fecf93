"""Readers of sets with boxes. A failure means that a box is not where its file says, or
that a file with a fault goes through without a word.

All layouts hold the same four objects on pictures of 40 x 20 pixels.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from common.contract import UserError
from common.data import annotated_layouts as layouts
from tests.bucket import serve

WIDTH, HEIGHT = 40, 20
NAMES = ("cat", "dog")
# Continuous corners and classes, by picture.
OBJECTS = {
    "a": [((4, 2, 14, 12), "dog"), ((0, 0, 40, 20), "cat")],
    "b": [((10, 5, 20, 20), "cat"), ((1, 1, 3, 3), "dog")],
    "c": [],
}


def picture(path: Path, size=(WIDTH, HEIGHT), **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def write(path: Path, text: str, encoding="utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def voc_object(box, name, difficult=0) -> str:
    x1, y1, x2, y2 = box
    corners = f"<xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin>"
    corners += f"<xmax>{x2}</xmax><ymax>{y2}</ymax>"
    return (
        f"<object><name>{name}</name><difficult>{difficult}</difficult>"
        f"<bndbox>{corners}</bndbox></object>"
    )


def voc_xml(name, objects, size=(WIDTH, HEIGHT), head="") -> str:
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    inner = "".join(x if isinstance(x, str) else voc_object(*x) for x in objects)
    file = f"<filename>{name}.jpg</filename>"
    return f"{head}<annotation>{file}{sides}{inner}</annotation>"


def voc(root: Path, objects=OBJECTS, lists=True) -> Path:
    for name, own in objects.items():
        picture(root / "JPEGImages" / f"{name}.jpg")
        write(root / "Annotations" / f"{name}.xml", voc_xml(name, own))
    if lists:
        for split, names in {"train": "a\nb\n", "val": "c\n", "test": "c\n"}.items():
            write(root / "ImageSets" / "Main" / f"{split}.txt", names)
    return root


def coco_json(names="abc", first=1) -> dict:
    images, annotations = [], []
    for name in names:
        i = "abc".index(name)
        size = {"height": HEIGHT, "width": WIDTH}
        images.append({"id": 50 + i, "file_name": f"{name}.jpg", **size})
        for (x1, y1, x2, y2), label in OBJECTS[name]:
            annotations.append(
                {
                    "id": first + len(annotations),
                    "image_id": 50 + i,
                    "category_id": {"cat": 7, "dog": 18}[label],
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": 0.5 * (x2 - x1) * (y2 - y1),
                    "iscrowd": int(label == "cat"),
                }
            )
    categories = [{"id": 18, "name": "dog"}, {"id": 7, "name": "cat"}]
    return {"images": images, "annotations": annotations, "categories": categories}


def coco(root: Path, **changed) -> Path:
    for name in "abc":
        picture(root / ("val2017" if name == "c" else "train2017") / f"{name}.jpg")
    train = {**coco_json("ab"), **changed}
    write(root / "annotations" / "instances_train2017.json", json.dumps(train))
    valid = json.dumps(coco_json("c"))
    write(root / "annotations" / "instances_val2017.json", valid)
    write(root / "annotations" / "captions_val2017.json", valid)
    return root


def darknet(root: Path, labels=None, data=True) -> Path:
    for name, own in OBJECTS.items():
        picture(root / "images" / f"{name}.jpg")
        lines = []
        for (x1, y1, x2, y2), label in own:
            centre = (x1 + x2) / 2 / WIDTH, (y1 + y2) / 2 / HEIGHT
            sides = (x2 - x1) / WIDTH, (y2 - y1) / HEIGHT
            lines.append(" ".join(map(str, [NAMES.index(label), *centre, *sides])))
        write(root / "labels" / f"{name}.txt", "\r\n".join(lines))
    for name, text in (labels or {}).items():
        write(root / "labels" / f"{name}.txt", text)
    if data:
        write(root / "x.names", "cat\ndog\n")
        write(root / "train.txt", "/elsewhere/images/a.jpg\nimages/b.jpg\n")
        write(root / "valid.txt", "data/images/c.jpg\n")
        lines = "classes= 2\ntrain = train.txt\nvalid=/home/me/valid.txt\n"
        write(root / "x.data", lines + "names = data/x.names\nbackup=b\n")
    return root


def by_name(data) -> dict:
    found = {}
    for truth in data.truths:
        name = truth.image_id
        found["abc"[name - 50] if isinstance(name, int) else name] = truth
    return found


def same_objects(data, names="ab") -> None:
    """Whether the set has the objects of these pictures."""
    found = by_name(data)
    assert sorted(found) == sorted(names)
    assert data.names == NAMES
    for name in names:
        boxes = np.array([box for box, _ in OBJECTS[name]], float).reshape(-1, 4)
        np.testing.assert_allclose(found[name].boxes, boxes, atol=1e-4)
        labels = [NAMES.index(label) for _, label in OBJECTS[name]]
        assert found[name].classes.tolist() == labels


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*no test split")
        yield


@pytest.mark.parametrize("make", [voc, coco, darknet])
def test_each_layout_is_recognised_and_has_the_same_objects(tmp_path, make):
    root = make(tmp_path)
    same_objects(layouts.read(root, "train"))
    same_objects(layouts.read(root, "valid"), "c")
    data = layouts.read(root, "train")
    assert data.picture(0).shape == (HEIGHT, WIDTH, 3)
    assert data.picture(0).dtype == np.uint8
    assert data.sizes.tolist() == [[HEIGHT, WIDTH]] * 2
    assert data.decoded_on_access


@pytest.mark.parametrize("make", [voc, coco, darknet])
def test_hidden_files_are_nobodys(tmp_path, make):
    root = make(tmp_path)
    for path in [*root.rglob("*.*")]:
        if path.is_file():
            path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7")
    same_objects(layouts.read(root, "train"))


@pytest.mark.parametrize("make", [voc, coco, darknet])
def test_an_annotation_without_its_picture_is_refused(tmp_path, make):
    root = make(tmp_path)
    next(root.rglob("a.jpg")).unlink()
    with pytest.raises(UserError, match=r": .*a\.(xml|jpg)"):
        layouts.read(root, "train")


@pytest.mark.parametrize("make", [voc, coco, darknet])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marked_encodings_are_read(tmp_path, make, encoding):
    root = make(tmp_path)
    endings = {".json", ".txt", ".names", ".data"}
    for path in root.rglob("*.*"):
        if path.suffix in endings:
            path.write_bytes(path.read_bytes().decode().encode(encoding))
        elif path.suffix == ".xml":
            text = path.read_bytes().decode()
            path.write_bytes(text.encode(encoding))
    same_objects(layouts.read(root, "train"))


def test_voc_keeps_difficult_and_splits_may_lack_lists(tmp_path):
    objects = {f"p{i}": [((1, 1, 9, 9), "cat")] for i in range(20)}
    objects["p3"] = [((1, 1, 9, 9), "cat", 1)]
    root = voc(tmp_path, objects, lists=False)
    parts = {s: by_name(layouts.voc(root, s)) for s in ("train", "valid", "test")}
    assert [len(own) for own in parts.values()] == [16, 2, 2]
    every = {name: truth for own in parts.values() for name, truth in own.items()}
    assert sorted(every) == sorted(objects)
    assert [name for name, t in every.items() if t.difficult.any()] == ["p3"]


def test_voc_pictures_without_annotation_and_classes_in_capitals_are_said(tmp_path):
    objects = {"a": [((1, 1, 9, 9), "Cat")], "b": OBJECTS["b"], "c": []}
    root = voc(tmp_path, objects, False)
    picture(root / "JPEGImages" / "z.jpg")
    with (
        pytest.warns(UserWarning, match=r"1 pictures without .*left out, such as 'z"),
        pytest.warns(UserWarning, match="differ in capitals alone: Cat, cat"),
    ):
        data = layouts.read(root, "train")
    assert data.names == ("Cat", "cat", "dog")


def test_voc_trainval_is_train_where_there_is_no_train(tmp_path):
    root = voc(tmp_path, {f"p{i}": [((1, 1, 9, 9), "cat")] for i in range(20)}, False)
    main = root / "ImageSets" / "Main"
    write(main / "trainval.txt", "".join(f"p{i}\n" for i in range(12)))
    write(main / "TEST.TXT", "".join(f"p{i}.jpg 1\n" for i in range(12, 20)))
    write(main / "cat_train.txt", "p1 -1\n")
    parts = {s: {*by_name(layouts.read(root, s))} for s in ("train", "valid", "test")}
    assert len(parts["test"]) == 8
    assert parts["train"] | parts["valid"] == {f"p{i}" for i in range(12)}
    assert len(parts["valid"]) == 1


def test_voc_files_may_lie_beside_their_pictures_in_folders_of_splits(tmp_path):
    for split, name in {"train": "a", "valid": "b", "test": "c"}.items():
        picture(tmp_path / split / f"{name}.png")
        write(tmp_path / split / f"{name}.xml", voc_xml("x", OBJECTS[name]))
    for split, name in {"train": "a", "valid": "b", "test": "c"}.items():
        same_objects(layouts.read(tmp_path, split), name)


def test_voc_means_the_photograph_and_not_its_segmentation(tmp_path):
    root = voc(tmp_path)
    picture(root / "ASegmentation" / "a.png", (5, 5))
    same_objects(layouts.read(root, "train"))
    assert layouts.read(root, "train").picture(0).shape == (HEIGHT, WIDTH, 3)


def test_boxes_that_are_none_are_dropped_and_counted(tmp_path):
    objects = [
        ((5, 5, 5, 9), "cat"),  # xmin 6, xmax 5: inside out
        ((5, 5, 6, 9), "cat"),  # xmin 6, xmax 6
        ((30, 10, 60, 90), "dog"),  # over the edge
        ((50, 5, 60, 9), "dog"),  # outside
    ]
    root = voc(tmp_path, {"a": objects, "b": [((1, 1, 9, 9), "cat")], "c": []})
    with pytest.warns(UserWarning, match=r"2 without width.*1 outside.*1 beyond"):
        data = layouts.read(root, "train")
    boxes = by_name(data)["a"].boxes
    np.testing.assert_array_equal(boxes, [[30, 10, 40, 20]])
    assert by_name(data)["a"].area.tolist() == [100]


def test_coco_keeps_ids_crowds_and_areas(tmp_path):
    data = layouts.read(coco(tmp_path), "train")
    assert data.category_ids == (7, 18)
    a = by_name(data)["a"]
    assert a.image_id == 50
    assert a.crowd.tolist() == [False, True]
    np.testing.assert_allclose(a.area, [50, 400])


def test_coco_json_may_lie_beside_the_pictures_of_a_split(tmp_path):
    for split, names in {"train": "ab", "valid": "c"}.items():
        for name in names:
            picture(tmp_path / split / f"{name}.jpg")
        path = tmp_path / split / "_annotations.coco.json"
        write(path, json.dumps(coco_json(names)))
    same_objects(layouts.read(tmp_path, "train"))
    same_objects(layouts.read(tmp_path, "valid"), "c")


ROW = {"id": 9, "image_id": 50, "category_id": 7, "bbox": [1, 1, 5, 5]}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"image_id": 99}, "annotation 9 is of image 99"),
        ({"category_id": 8}, "annotation 9 is of the unknown category 8"),
        ({"bbox": [1, 1, 5]}, "annotation 9 has the bbox"),
        ({"bbox": [1, 1, 5, None]}, "annotation 9 has the bbox"),
        ({"bbox": [1, 1, 5, float("nan")]}, "annotation 9 has the bbox"),
        ({"category_id": "7"}, "'category_id' should be int"),
        ({"iscrowd": "0"}, "annotation 9 has iscrowd='0', and should have 0 or 1"),
    ],
)
def test_coco_rows_with_a_fault_are_named(tmp_path, row, says):
    root = coco(tmp_path, annotations=[{**ROW, **row}])
    with pytest.raises(UserError, match=says):
        layouts.read(root, "train")


@pytest.mark.parametrize("left", [0.3, 0.9])
def test_a_coco_json_without_its_end_is_named(tmp_path, left):
    """It is not left out, for the validation split would be cut off another."""
    root = coco(tmp_path)
    file = root / "annotations" / "instances_val2017.json"
    file.write_bytes(file.read_bytes()[: int(left * file.stat().st_size)])
    with pytest.raises(UserError, match=f"{file.name}' ends before its JSON does"):
        layouts.read(root, "train")


def test_coco_boxes_of_no_or_negative_sides_are_dropped(tmp_path):
    boxes = [[1, 1, 5, 5], [1, 1, 0, 5], [9, 9, -3, 5], [60, 1, 5, 5]]
    rows = [{**ROW, "id": i, "bbox": box} for i, box in enumerate(boxes)]
    with pytest.warns(UserWarning, match=r"2 without width or height.*1 outside"):
        data = layouts.read(coco(tmp_path, annotations=rows), "train")
    assert by_name(data)["a"].boxes.tolist() == [[1, 1, 6, 6]]
    assert by_name(data)["a"].area.tolist() == [25]  # the row has no area


def test_classes_may_be_given_and_others_are_refused(tmp_path):
    root = voc(tmp_path / "voc")
    data = layouts.read(root, "train", names=("eel", "dog", "cat"))
    assert by_name(data)["a"].classes.tolist() == [1, 2]
    with pytest.raises(UserError, match="unknown class 'dog'"):
        layouts.read(root, "train", names=("cat",))
    root = coco(tmp_path / "coco")
    data = layouts.read(root, "train", names=("eel", "dog", "cat"))
    assert data.category_ids[1:] == (18, 7)
    assert by_name(data)["a"].classes.tolist() == [1, 2]
    with pytest.raises(UserError, match="unknown class 'dog'"):
        layouts.read(root, "train", names=("cat",))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0 0.5 0.5 0.2 1.2", "line 2: .* outside of 0 to 1"),
        ("0 20 10 5 5", "line 2: .* outside of 0 to 1"),
        ("0 0.5 -0.1 0.2 0.2", "line 2: .* outside of 0 to 1"),
        ("0 nan 0.5 0.2 0.2", "line 2: .* outside of 0 to 1"),
        ("2 0.5 0.5 0.2 0.2", "line 2: there is no class 2; 2 classes"),
        ("-1 0.5 0.5 0.2 0.2", "line 2: there is no class -1"),
        ("0.5 0.5 0.5 0.2 0.2", "line 2: there is no class 0.5"),
        ("0 0.5 0.5 0.2", "line 2: .* is not class, x, y"),
        ("cat 0.5 0.5 0.2 0.2", "line 2: .* is not class, x, y"),
        ("nan 0.5 0.5 0.2 0.2", "line 2: there is no class nan"),
    ],
)
def test_darknet_lines_with_a_fault_are_named(tmp_path, line, says):
    root = darknet(tmp_path, {"b": f"0 0.5 0.5 0.1 0.1\n{line}\n"})
    with pytest.raises(UserError, match=rf"b\.txt', {says}"):
        layouts.read(root, "train")


def test_darknet_boxes_over_the_edge_are_cut(tmp_path):
    root = darknet(tmp_path, {"b": "0 0.9 0.5 0.4 0.5\n1 0.5 0.5 0 0.5\n"})
    with pytest.warns(UserWarning, match=r"1 without width.*1 beyond the edge"):
        boxes = by_name(layouts.read(root, "train"))["b"].boxes
    np.testing.assert_allclose(boxes, [[28, 5, 40, 15]], atol=1e-4)


def test_darknet_needs_a_file_of_labels_which_may_be_empty(tmp_path):
    root = darknet(tmp_path, {"a": ""})
    assert len(by_name(layouts.read(root, "train"))["a"]) == 0
    (root / "labels" / "b.txt").unlink()
    layouts._splits.cache_clear()
    with pytest.raises(UserError, match=r"without a file of labels.*give an empty one"):
        layouts.read(root, "train")


def test_darknet_counts_must_agree(tmp_path):
    root = darknet(tmp_path)
    write(root / "x.names", "cat\ndog\neel\n")
    with pytest.raises(UserError, match=r"says classes = 2.*has 3 names"):
        layouts.read(root, "train")
    root = darknet(tmp_path / "unnamed", {"b": "1000000000 .5 .5 .1 .1"}, data=False)
    with pytest.raises(UserError, match=r"no class 1000000000; .* no file of names"):
        layouts.read(root, "train")


def test_pictures_of_two_splits_are_said(tmp_path):
    root = darknet(tmp_path)
    write(root / "valid.txt", "images/b.jpg\nimages/c.jpg\n")
    with pytest.warns(UserWarning, match=r"1 pictures of valid are trained on.*b\.jpg"):
        layouts.read(root, "valid")


def test_darknet_without_a_data_file_has_folders_as_splits(tmp_path):
    root = darknet(tmp_path, data=False)
    for name, split in {"a": "train", "b": "train", "c": "val"}.items():
        for kind, ending in {"images": "jpg", "labels": "txt"}.items():
            old = root / kind / f"{name}.{ending}"
            (root / kind / split).mkdir(exist_ok=True)
            old.rename(root / kind / split / f"{name}.{ending.upper()}")
    assert layouts.read(root, "train").names == ("0", "1")
    layouts._splits.cache_clear()
    write(root / "data.yaml", "train: images/train\nnames: {0: cat, 1: dog}\n")
    same_objects(layouts.read(root, "train"))
    same_objects(layouts.read(root, "valid"), "c")


def test_a_data_file_may_be_given_itself(tmp_path):
    root = darknet(tmp_path)
    write(root / "other.data", "train=train.txt\nvalid=valid.txt\nnames=x.names")
    same_objects(layouts.read(root / "other.data", "train"))
    with pytest.raises(UserError, match=r"2 \.data files"):
        layouts.read(root, "train")


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "I;16"])
def test_pictures_of_any_mode_are_rgb(tmp_path, mode):
    root = voc(tmp_path)
    path = root / "JPEGImages" / "a.jpg"
    pixels = Image.open(path)
    path.unlink()
    if mode == "I;16":
        pixels = Image.fromarray(np.asarray(pixels.convert("L")).astype(np.uint16))
    else:
        pixels = pixels.convert(mode)
    pixels.save(path.with_suffix(".tif"))
    assert layouts.read(root, "train").picture(0).shape == (HEIGHT, WIDTH, 3)


def turned(path: Path) -> Path:
    """A picture stored as 40 x 20 and shown as 20 x 40."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return picture(path, exif=exif)


def test_a_turned_picture_is_read_as_its_boxes_are_for(tmp_path):
    root = voc(tmp_path)
    turned(root / "JPEGImages" / "a.jpg")
    turned(root / "JPEGImages" / "b.jpg")
    upright = voc_xml("b", [((1, 1, 9, 39), "cat")], size=(HEIGHT, WIDTH))
    write(root / "Annotations" / "b.xml", upright)
    data = layouts.read(root, "train")
    assert [data.picture(i).shape[:2] for i in (0, 1)] == [(20, 40), (40, 20)]
    assert by_name(data)["b"].boxes.tolist() == [[1, 1, 9, 39]]
    stored = np.asarray(Image.open(root / "JPEGImages" / "a.jpg"))
    np.testing.assert_array_equal(data.picture(0), stored)


def test_darknet_labels_are_for_the_picture_as_it_is_shown(tmp_path):
    root = darknet(tmp_path, {"b": "0 0.5 0.5 1 0.5"})
    turned(root / "images" / "b.jpg")
    data = layouts.read(root, "train")
    assert data.sizes.tolist() == [[20, 40], [40, 20]]
    assert by_name(data)["b"].boxes.tolist() == [[0, 10, 20, 30]]
    assert data.picture(1).shape == (40, 20, 3)


def test_a_picture_of_another_size_than_its_boxes_are_for_is_refused(tmp_path):
    root = voc(tmp_path)
    picture(root / "JPEGImages" / "a.jpg", (80, 40))
    with pytest.raises(UserError, match=r"80 x 40 pixels, and .* for 40 x 20"):
        layouts.read(root, "train")


def test_a_set_that_states_no_size_is_measured(tmp_path):
    root = voc(tmp_path)
    for path in (root / "Annotations").iterdir():
        text = path.read_text()
        path.write_text(text.replace(f"<width>{WIDTH}", "<width>0"))
    same_objects(layouts.read(root, "train"))


def test_a_broken_picture_is_said_and_left_out_or_none(tmp_path):
    root = darknet(tmp_path)
    (root / "images" / "a.jpg").write_bytes(b"none")
    with pytest.warns(UserWarning, match=r"skipped: .*a\.jpg"):
        same_objects(layouts.read(root, "train"), "b")
    root = voc(tmp_path / "voc")
    (root / "JPEGImages" / "a.jpg").write_bytes(b"none")
    with pytest.warns(UserWarning, match=r"skipped: .*a\.jpg"):
        data = layouts.read(root, "train")
    with pytest.warns(UserWarning, match=r"skipped: .*a\.jpg"):
        assert data.picture(0) is None
    assert data.picture(1).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<annotation><object>", "is not XML"),
        (voc_xml("a", ["<object><name>cat</name></object>"]), "no bndbox/xmin"),
        (
            voc_xml("a", [voc_object((1, 1, 9, 9), "cat").replace(">9<", ">x<")]),
            "'x' is no number",
        ),
        (voc_xml("a", [voc_object((1, 1, 9, 9), "")]), "an object without a name"),
        (voc_xml("a", [], head='<?xml version="1.0" encoding="x"?>'), "is not XML"),
    ],
)
def test_voc_files_with_a_fault_are_named(tmp_path, text, says):
    root = voc(tmp_path)
    write(root / "Annotations" / "a.xml", text)
    with pytest.raises(UserError, match=rf"a\.xml.*{says}"):
        layouts.read(root, "train")


def test_voc_xml_may_be_in_latin_1(tmp_path):
    objects = {"a": [((1, 1, 9, 9), "café")], "b": [], "c": []}
    root = voc(tmp_path, objects)
    head = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    text = voc_xml("a", objects["a"], head=head)
    write(root / "Annotations" / "a.xml", text, "latin-1")
    assert layouts.read(root, "train").names == ("café",)


def test_listed_pictures_need_annotations(tmp_path):
    root = voc(tmp_path)
    write(root / "ImageSets" / "Main" / "train.txt", "a\nb\nz\n")
    with pytest.raises(UserError, match=r"train\.txt without an annotation.*'z'"):
        layouts.read(root, "train")


def test_listed_names_may_have_folders(tmp_path):
    objects = {f"{place}/1": OBJECTS["a"] for place in ("one", "two")}
    root = voc(tmp_path, objects, False)
    lists = root / "ImageSets" / "Main"
    write(lists / "train.txt", "one/1\n")
    write(lists / "val.txt", "JPEGImages/two/1.jpg\n")
    paths = {s: layouts.read(root, s).pictures.path(0) for s in ("train", "valid")}
    assert paths["train"] == root / "JPEGImages/one/1.jpg"
    assert paths["valid"] == root / "JPEGImages/two/1.jpg"

    root = voc(tmp_path / "bare", objects, False)
    write(root / "ImageSets" / "Main" / "train.txt", "1\n")
    with pytest.raises(UserError, match=r"'1' may be .*one/1\.xml.*: write its folder"):
        layouts.read(root, "train")


def test_a_set_without_a_class_is_refused(tmp_path):
    empty = dict.fromkeys(OBJECTS, ())
    bare = darknet(tmp_path / "darknet", dict.fromkeys(OBJECTS, ""), data=False)
    for root in voc(tmp_path / "voc", empty), bare:
        with pytest.raises(UserError, match="no object in it and names no class"):
            layouts.read(root, "train")


def test_folders_without_boxes_say_what_is_accepted(tmp_path):
    with pytest.raises(UserError, match="is not there"):
        layouts.read(tmp_path / "none", "train")
    picture(tmp_path / "a.jpg")
    write(tmp_path / "notes.json", "{}")
    write(tmp_path / "other.xml", "<svg/>")
    with pytest.raises(UserError, match="accepted: VOC's"):
        layouts.read(tmp_path, "train")
    with pytest.raises(UserError, match="no split 'tset'"):
        layouts.read(tmp_path, "tset")


def test_of_two_layouts_the_first_is_read_and_the_other_named(tmp_path):
    root = coco(voc(tmp_path))
    with pytest.warns(UserWarning, match="has COCO annotations too: VOC's are read"):
        same_objects(layouts.read(root, "train"))


def test_sets_in_a_bucket_are_read_where_they_lie(tmp_path, monkeypatch):
    pytest.importorskip("gcsfs", reason="a bucket needs gcsfs: pip install '.[gcs]'")
    with serve() as (bucket, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for make in (voc, coco, darknet):
            root = make(tmp_path / make.__name__)
            for path in filter(Path.is_file, root.rglob("*")):
                bucket.write(f"{path.relative_to(tmp_path)}", path.read_bytes())
        for make in (voc, coco, darknet):
            data = layouts.read(f"gs://bucket/{make.__name__}", "train")
            same_objects(data)
            assert data.picture(0).shape == (HEIGHT, WIDTH, 3)


class Boxed(tfds.core.GeneratorBasedBuilder):
    """Two pictures of each split, with the features of TFDS's VOC."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features
        objects = {
            "label": features.ClassLabel(names=NAMES),
            "bbox": features.BBoxFeature(),
            "is_difficult": np.bool_,
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=features.FeaturesDict(
                {"image": features.Image(), "objects": features.Sequence(objects)}
            ),
        )

    def _split_generators(self, manager):
        return {split: self._generate_examples() for split in ("train", "validation")}

    def _generate_examples(self):
        for i, name in enumerate("ab"):
            yield (
                i,
                {
                    "image": Image.new("RGB", (WIDTH, HEIGHT), (i, i, i)),
                    "objects": [
                        {
                            "label": label,
                            "bbox": tfds.features.BBox(
                                y1 / HEIGHT, x1 / WIDTH, y2 / HEIGHT, x2 / WIDTH
                            ),
                            "is_difficult": label == "dog",
                        }
                        for (x1, y1, x2, y2), label in OBJECTS[name]
                    ],
                },
            )


def test_tfds_sets_have_their_boxes(tmp_path):
    Boxed(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    data = layouts.tfds("boxed", str(tmp_path), "train")
    assert data.names == NAMES
    by_pixel = {int(data.picture(i)[0, 0, 0]): data.truth(i) for i in range(2)}
    for i, name in enumerate("ab"):
        boxes = [box for box, _ in OBJECTS[name]]
        np.testing.assert_allclose(by_pixel[i].boxes, boxes, atol=1e-4)
        labels = [label for _, label in OBJECTS[name]]
        assert [NAMES[k] for k in by_pixel[i].classes] == labels
        assert by_pixel[i].difficult.tolist() == [x == "dog" for x in labels]
    assert data.picture(0).shape == (HEIGHT, WIDTH, 3)
    assert len(layouts.tfds("boxed", str(tmp_path), "test")) == 2
