"""The sources of the images of a and of b."""

import functools
from pathlib import Path

import numpy as np

from common.contract import UserError
from common.data.glyphs import glyphs, shared_characters
from common.data.image_set import ImageSet, Pictures
from common.data.pipeline import Source
from common.data.tfds_sets import Column, prepared
from common.files import storage, texts
from common.files.pictures import PictureFiles, is_picture, picture_paths
from papers.unit.config import Config
from papers.unit.digits.data import labelled
from papers.unit.directions import DOMAINS, by_domain
from papers.unit.squares import Squares

FONTS = {"a": "DejaVuSans", "b": "DejaVuSerif"}
GENERATED = {"train": 512, "valid": 64, "test": 64}


def domains(config: Config, split: str) -> dict[str, Source]:
    """Both domains' images in their own sizes: items {"image", "label"}, whose labels
    mean something where `data.source` is "labelled", and the "mask" of what can be read
    but in training. UserError: there are no images where the config says."""
    d = config.data
    if d.source == "generated":
        seed = [*GENERATED].index(split)
        n = GENERATED[split]
        return {x: Squares(x, tuple(d.size), n, seed) for x in DOMAINS}
    sets = _sets(config, split)
    return sets if split == "train" else {x: s.with_mask() for x, s in sets.items()}


def _sets(config: Config, split: str) -> dict[str, ImageSet]:
    d = config.data
    match d.source:
        case "embedded":
            return _embedded(tuple(d.size))[split]
        case "labelled":
            return labelled(tuple(d.pair), d.root, split)
    read = _from_tfds if d.source == "tfds" else _from_files
    part = "train" if split == "train" else "test"
    return {domain: read(config, domain)[part] for domain in DOMAINS}


def characters() -> dict[str, tuple[str, ...]]:
    """The embedded letters by part: "train_a", "train_b", "valid", "test".

    The parts share no letter, so that training has no pairs. Validation and test have
    5 % of the letters each, in both fonts.
    """
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


def _from_files(config: Config, domain: str) -> dict[str, ImageSet]:
    d = config.data
    channels = by_domain(config.model.channels)[domain]
    parts = [
        PictureFiles(_paths(d.root, d.lists, f"{split}{domain.upper()}"), channels)
        for split in ("train", "test")
    ]
    return _two_splits(f"train{domain.upper()}", *parts)


def _from_tfds(config: Config, domain: str) -> dict[str, ImageSet]:
    d = config.data
    train, test = (f"{split}{domain.upper()}" for split in ("train", "test"))
    builder = prepared(d.name, d.root, features=("image",), splits=(train,))
    columns = [
        Column(builder.as_data_source(part), "image")
        for part in (train, test)
        if part in builder.info.splits
    ]
    return _two_splits(train, *columns)


def _two_splits(
    name: str, train: Pictures, test: Pictures | tuple = ()
) -> dict[str, ImageSet]:
    """{"train", "test"}. Without a test split, every tenth image is held out for it."""
    whole = _unlabelled(train)
    if len(test):
        return {"train": whole, "test": _unlabelled(test)}
    if len(train) < 2:
        raise UserError(f"{name} has one image; give more, or a test set beside it")
    held_out = np.arange(len(train)) % 10 == 0
    return {
        "train": whole.take(np.flatnonzero(~held_out)),
        "test": whole.take(np.flatnonzero(held_out)),
    }


@functools.cache
def _paths(root: str, lists: str, name: str) -> tuple[Path, ...]:
    """The pictures of trainA, trainB, testA or testB; none of a test folder that does
    not exist. A process lists a folder once."""
    wanted = "folders trainA and trainB, and testA and testB where there are any"
    if not root:
        raise UserError(f"config.data.root: give a folder with the {wanted}")
    base = storage.path(root)
    if lists:
        return _listed(base, storage.path(lists) / f"{name}.txt")
    folder = storage.entries(base).get(name.lower()) if base.is_dir() else None
    pictures = picture_paths(folder) if folder else []
    if not pictures and (name.startswith("train") or folder):
        raise UserError(
            f"config.data.root={root!r} has no images in {name}; expected: {wanted}"
        )
    return tuple(pictures)


def _listed(root: Path, path: Path) -> tuple[Path, ...]:
    """The pictures below `root` that the lines of the file `path` name."""
    if not path.is_file():
        raise UserError(f"config.data.lists: there is no file {str(path)!r}")
    pictures = tuple(_first_named(root, line) for line in texts.lines(path))
    if not pictures:
        raise UserError(f"config.data.lists: {str(path)!r} names no image")
    # Asking a bucket for each picture would take long. One that is missing there is
    # reported when it is read.
    for picture in filter(storage.is_local, pictures):
        if not picture.is_file():
            raise UserError(f"{str(path)!r} names {str(picture)!r}, which is not there")
    return pictures


def _first_named(root: Path, line: str) -> Path:
    """The file that the whole line names, or else that its first word names: in some
    lists labels follow the path."""
    path = root / line
    if is_picture(path) or (storage.is_local(path) and path.is_file()):
        return path
    return root / line.split()[0]
