"""Where the images of a and of b come from."""

import functools
from pathlib import Path

import numpy as np

from common.contract import UserError
from common.data import image_sources
from common.data.glyphs import glyphs, shared_characters
from common.data.image_set import ImageSet, Pictures
from common.data.pipeline import Source
from common.data.tfds_sets import Column, prepared
from common.files import storage
from common.files.pictures import PictureFiles, is_picture, picture_paths
from common.nearest import nearest
from papers.unit.config import Config
from papers.unit.digit_nets import CLASSES
from papers.unit.squares import Squares

DOMAINS = ("a", "b")
FONTS = {"a": "DejaVuSans", "b": "DejaVuSerif"}
GENERATED = {"train": 512, "valid": 64, "test": 64}


def domains(config: Config, split: str) -> dict[str, Source]:
    """Both domains' images in their own sizes: items {"image"}, and {"label"} where the
    config's source is "labelled". UserError if they are not where it says."""
    d = config.data
    match d.source:
        case "embedded":
            return _embedded(tuple(d.size))[split]
        case "generated":
            seed = [*GENERATED].index(split)
            n = GENERATED[split]
            return {x: Squares(x, tuple(d.size), n, seed) for x in DOMAINS}
        case "labelled":
            return _labelled(tuple(d.pair), d.root, split)
    make = _from_tfds if d.source == "tfds" else _from_files
    return {
        x: make(config, x)["train" if split == "train" else "test"] for x in DOMAINS
    }


def characters() -> dict[str, tuple[str, ...]]:
    """The embedded letters: "train_a" and "train_b" share none, so that there is no
    pair in training, and "valid" and "test" have 5 % of them each."""
    shared = shared_characters(tuple(FONTS.values()))
    order = np.random.default_rng(0).permutation(len(shared))
    held_out = len(shared) // 20
    half = (len(shared) - 2 * held_out) // 2
    parts = np.split(order, [held_out, 2 * held_out, 2 * held_out + half])
    names = ("valid", "test", "train_a", "train_b")
    return {
        name: tuple(shared[i] for i in np.sort(part))
        for name, part in zip(names, parts, strict=True)
    }


@functools.cache
def _embedded(size: tuple[int, int]) -> dict[str, dict[str, ImageSet]]:
    if size[0] != size[1]:
        raise UserError(
            f"config.data.size: embedded glyphs are squares, such as 32,32, not {size}"
        )
    chosen = characters()

    def drawn(domain: str, split: str) -> ImageSet:
        letters = chosen[f"train_{domain}" if split == "train" else split]
        return _unlabelled(glyphs(FONTS[domain], letters, size[0]))

    return {s: {x: drawn(x, s) for x in DOMAINS} for s in GENERATED}


def _unlabelled(pictures: np.ndarray | Pictures) -> ImageSet:
    return ImageSet(pictures, np.zeros(len(pictures), np.int32), ())


def _labelled(pair: tuple[str, str], root: str, split: str) -> dict[str, ImageSet]:
    a, b = (_named_set(name, root, split) for name in pair)
    if len(a.class_names) != len(b.class_names):
        counts = f"{len(a.class_names)} classes and {len(b.class_names)}"
        raise UserError(f"config.data.pair: {counts}; both sets need the same ones")
    for names in zip(a.class_names, b.class_names, strict=True):
        if len({*names}) > 1:
            classes = "class {!r} of a would be {!r} of b".format(*names)
            raise UserError(f"config.data.pair: {classes}; both need the same names")
    if len(a.class_names) > CLASSES:
        raise UserError(
            f"config.data.pair: {len(a.class_names)} classes; {CLASSES} at most"
        )
    return {"a": a, "b": b}


def _named_set(name: str, root: str, split: str) -> ImageSet:
    if name.startswith("tfds:"):
        return image_sources.load("tfds", split, name.removeprefix("tfds:"), root)
    if name in image_sources.EMBEDDED:
        return image_sources.load("embedded", split, name)
    if name and storage.path(name).is_dir():
        return image_sources.load("files", split, root=name)
    raise UserError(
        f"config.data.pair: {name!r} is no folder, no tfds:NAME and no embedded set; "
        f"{nearest(name, image_sources.EMBEDDED)}"
    )


def _from_files(config: Config, domain: str) -> dict[str, ImageSet]:
    d, channels = config.data, config.model.channels[DOMAINS.index(domain)]
    parts = [
        PictureFiles(_paths(d.root, d.lists, f"{split}{domain.upper()}"), channels)
        for split in ("train", "test")
    ]
    return _two_splits(f"train{domain.upper()}", *parts)


def _from_tfds(config: Config, domain: str) -> dict[str, ImageSet]:
    d = config.data
    train, test = (f"{split}{domain.upper()}" for split in ("train", "test"))
    builder = prepared(d.name, d.root, features=("image",), splits=(train,))
    there = [Column(builder.as_data_source(part), "image")
             for part in (train, test) if part in builder.info.splits]  # fmt: skip
    return _two_splits(train, *there)


def _two_splits(
    name: str, train: Pictures, test: Pictures | tuple = ()
) -> dict[str, ImageSet]:
    """Without a test split, each tenth image of the other is one."""
    whole = _unlabelled(train)
    if len(test):
        return {"train": whole, "test": _unlabelled(test)}
    if len(train) < 2:
        raise UserError(f"{name} has one image; give more, or a test set beside it")
    held_out = np.arange(len(train)) % 10 == 0
    kept, taken = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    return {"train": whole.take(kept), "test": whole.take(taken)}


@functools.cache
def _paths(root: str, lists: str, name: str) -> tuple[Path, ...]:
    """The pictures of trainA, trainB, testA or testB, listed once a process; none where
    there is no such test folder."""
    wanted = "folders trainA and trainB, and testA and testB where there are any"
    if not root:
        raise UserError(f"config.data.root: give a folder with the {wanted}")
    base = storage.path(root)
    if lists:
        return _listed(base, storage.path(lists) / f"{name}.txt")
    found = picture_paths(base / name)
    if not found and (name.startswith("train") or (base / name).is_dir()):
        raise UserError(
            f"config.data.root={root!r} has no images in {name}; expected: {wanted}"
        )
    return tuple(found)


def _listed(root: Path, path: Path) -> tuple[Path, ...]:
    if not path.is_file():
        raise UserError(f"config.data.lists: there is no file {str(path)!r}")
    lines = filter(None, map(str.strip, path.read_text("utf-8").splitlines()))
    found = tuple(_first_named(root, line) for line in lines)
    if not found:
        raise UserError(f"config.data.lists: {str(path)!r} names no image")
    # In a bucket each look takes long: what is missing is named when it is read.
    for picture in filter(storage.is_local, found):
        if not picture.is_file():
            raise UserError(f"{str(path)!r} names {str(picture)!r}, which is not there")
    return found


def _first_named(root: Path, line: str) -> Path:
    """The file that a whole line names, or else its first word: labels follow it."""
    path = root / line
    if is_picture(path) or (storage.is_local(path) and path.is_file()):
        return path
    return root / line.split()[0]
