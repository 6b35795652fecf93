"""Paths on a disk and in a bucket. A failure means that a file in a bucket reads
otherwise than on a disk, or that an unreachable one is not told in a line."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from common.contract import UserError
from common.data import text_layouts
from common.files import numbered_arrays, storage, weights
from common.text.build import build, load
from tests.bucket import serve


@pytest.fixture(scope="module")
def bucket():
    pytest.importorskip("gcsfs", reason="a bucket needs gcsfs: pip install '.[gcs]'")
    patch = pytest.MonkeyPatch()
    with serve() as (bucket, environment):
        for name, value in environment.items():
            patch.setenv(name, value)
        yield bucket
        patch.undo()


def fill(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        if storage.is_local(folder):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_a_path_on_a_disk_is_pathlibs():
    assert storage.path("runs/x") == Path("runs/x")
    assert storage.path("~/runs") == Path.home() / "runs"
    assert storage.local(Path("weights.npz")) == Path("weights.npz")


def test_what_cannot_be_reached_is_told_in_one_line(monkeypatch):
    with pytest.raises(UserError, match="gs://"):
        storage.path("s3://bucket/x")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install '\.\[gcs\]'"):
        storage.path("gs://bucket/x")


def test_a_bucket_that_is_not_there(bucket):
    with pytest.raises(UserError, match="no bucket gs://another"):
        storage.path("gs://another/x")


HIDDEN = (
    ".ipynb_checkpoints/b.txt", "._b.txt", "__MACOSX/b.txt", "a/.git/c.txt",
    "a/Thumbs.db", "a/.DS_Store",
)  # fmt: skip


@pytest.mark.parametrize("place", ["disk", "bucket"])
def test_what_a_system_left_in_a_folder_is_passed_over(bucket, tmp_path, place):
    """Below a folder that is hidden itself, too: its user has named it."""
    folder = tmp_path / ".cache" / "set"
    if place == "bucket":
        folder = storage.path("gs://bucket/.cache/set")
    fill(folder, {"B.txt": "b", "a/c.txt": "c", **dict.fromkeys(HIDDEN, "hidden")})
    assert storage.files_below(folder) == [folder / "B.txt", folder / "a" / "c.txt"]
    assert storage.entries(folder) == {"a": folder / "a", "b.txt": folder / "B.txt"}
    assert storage.folders(folder) == [folder / "a"]


def test_folders_that_are_links_are_read_once(tmp_path):
    """A link beside its folder, one to another disk, one to a folder above itself, and
    two that lead nowhere."""
    root = tmp_path / "root"
    fill(root, {"a/b.txt": "b"})
    fill(tmp_path / "disk", {"c/d.txt": "d", "c/.git/e.txt": "hidden"})
    (root / "LINK").symlink_to(root / "a")
    (root / "a/above").symlink_to(root)
    (root / "disk").symlink_to(tmp_path / "disk")
    (root / "same").symlink_to(tmp_path / "disk/c")
    (root / "nowhere.txt").symlink_to(tmp_path / "no")
    (root / "loop").symlink_to(root / "loop")
    expected = [root / "a/b.txt", root / "disk/c/d.txt"]
    assert storage.files_below(root) == expected


def test_files_in_a_bucket_are_files(bucket):
    folder = storage.path("gs://bucket/folder")
    assert not folder.exists()
    fill(folder, {"b.txt": "b", "a/c.txt": "c"})
    assert folder.is_dir()
    assert sorted(p.name for p in folder.iterdir()) == ["a", "b.txt"]
    fill(folder, dict.fromkeys(HIDDEN, "hidden"))
    assert [str(p) for p in storage.files_below(folder)] == [
        "gs://bucket/folder/a/c.txt",
        "gs://bucket/folder/b.txt",
    ]
    assert not (folder / "new").exists()
    bucket.write("folder/new", b"by another host")  # what was looked for is seen
    assert (folder / "new").read_text() == "by another host"


def test_a_growing_file_is_put_back_whole(bucket):
    path = storage.path("gs://bucket/log")
    copy = storage.local(path)
    assert not copy.exists()
    with copy.open("a") as file:
        for line in ("first\n", "second\n"):
            file.write(line)
            file.flush()
            storage.put_back(copy, path)
            assert path.read_text().endswith(line)
    assert storage.local(path).read_text() == "first\nsecond\n"
    assert storage.local(path) != copy


@pytest.mark.parametrize(
    "files",
    [
        {"enwik8": "0123456789" * 30},
        {"wiki.train.tokens": "a b\n", "wiki.valid.tokens": "c\n",
         "wiki.test.tokens": "d\n"},
        {f"chapter {i}/page.txt": f"page {i}\n" * 9 for i in range(20)},
    ],
    ids=["one", "triple", "tree"],
)  # fmt: skip
def test_text_in_a_bucket_reads_as_on_a_disk(bucket, tmp_path, files, request):
    name = f"gs://bucket/{request.node.callspec.id}"
    fill(tmp_path, files)
    fill(storage.path(name), files)
    assert text_layouts.files(name) == text_layouts.files(tmp_path)


def test_a_vocabulary_in_a_bucket(bucket):
    built = build("word", "ein Wörterbuch ein".encode())
    built.save("gs://bucket/vocab.json")
    assert load("gs://bucket/vocab.json") == built


@pytest.mark.parametrize(
    ("kind", "file"), [("npz", ""), ("safetensors", ""), ("ckpt", ".index")]
)
def test_weights_in_a_bucket(bucket, kind, file):
    arrays = {"a": np.arange(6.0, dtype=np.float32).reshape(2, 3)}
    weights.write(f"gs://bucket/weights.{kind}", arrays)
    assert f"weights.{kind}{file}" in bucket.objects
    read = weights.read(f"gs://bucket/weights.{kind}")
    np.testing.assert_array_equal(read["a"], arrays["a"])


@pytest.mark.parametrize("place", ["disk", "bucket"])
def test_a_file_is_replaced_once_all_is_written(bucket, tmp_path, place):
    folder = storage.path("gs://bucket/new" if place == "bucket" else tmp_path)
    path = folder / "w"
    with storage.replacing(path) as new:
        new.write_bytes(b"one")
    with pytest.raises(OSError, match="full"), storage.replacing(path) as new:
        write_a_part(new)
    assert path.read_bytes() == b"one"
    with storage.replacing(path) as new:
        new.write_bytes(b"two")
    assert path.read_bytes() == b"two"
    assert [other.name for other in folder.iterdir()] == ["w"]


def write_a_part(path):
    path.write_bytes(b"t")
    raise OSError("the disk is full")


def test_weights_in_a_folder_of_a_bucket(bucket):
    folder = storage.path("gs://bucket/numbered")
    shapes_file = folder / "params_shapes.json"
    numbered_arrays.write(shapes_file, [np.ones((2, 3)), np.zeros(4)])
    found = weights.read("gs://bucket/numbered")
    assert [array.shape for array in found.values()] == [(2, 3), (4,)]
    weights.write("gs://bucket/checkpoints/model.ckpt", {"a": np.arange(3.0)})
    found = weights.read("gs://bucket/checkpoints")
    np.testing.assert_array_equal(found["a"], np.arange(3.0))
