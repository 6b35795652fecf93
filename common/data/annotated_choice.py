"""The set with boxes that a config's section of data names."""

import functools
import warnings
from typing import Protocol

from common.contract import UserError
from common.data import annotated_layouts
from common.data.annotated import AnnotatedImages
from common.data.annotated_coco import COCO_IDS

# Of a set that no folder is named for yet: VOC's.
PLANNED_CLASSES = 20


class Named(Protocol):
    """The fields that say which set it is.

    source: "files", "tfds", a set of the paper's own, or "auto": files where there is a
      `root`, else composed scenes.
    root: the folder of files, or TFDS's data_dir. name: the TFDS set.
    names: the classes in the order of their numbers; (): those of the set.
    """

    source: str
    root: str
    name: str
    names: tuple[str, ...]


def source_of(data: Named) -> str:
    """`data.source`, and in the place of "auto" "files" or "scenes"."""
    if data.source != "auto":
        return data.source
    return "files" if data.root else "scenes"


def is_read(data: Named) -> bool:
    """Whether the set comes from a disk, and is not made."""
    return source_of(data) in ("files", "tfds")


def is_named(data: Named) -> bool:
    """Whether the set is there to be read: shapes can be asked for without one."""
    return source_of(data) != "files" or bool(data.root)


def read(data: Named, split: str) -> AnnotatedImages:
    """A split of the set on the disk, its classes numbered as `data.names` lists them.

    UserError: it cannot be read, or has a class that is not listed.
    """
    return _read(source_of(data), data.root, data.name, tuple(data.names), split)


@functools.lru_cache(maxsize=6)
def _read(
    source: str, root: str, name: str, names: tuple[str, ...], split: str
) -> AnnotatedImages:
    if source == "tfds":
        found = annotated_layouts.tfds(name, root, split)
        return found.with_names(names) if names else found
    if not root:
        raise UserError(
            "config.data.root: name a folder with boxes, in the layout of VOC, COCO or "
            "darknet"
        )
    return annotated_layouts.read(root, split, names)


def category_ids(data: Named, classes: int) -> tuple[int, ...]:
    """The numbers of a network's classes in COCO's json: those of the training set,
    where it can be read; for 80 classes COCO's own, which have gaps; else 1, 2, ..."""
    numbers = tuple(range(1, classes + 1))
    if is_read(data):
        try:
            found = read(data, "train").category_ids
            return found if len(found) == classes else numbers
        except UserError as error:
            if classes != len(COCO_IDS) and data.root:
                unknown = "COCO's json counts categories from 1"
                warnings.warn(f"{unknown}, not as the set: {error}", stacklevel=2)
    return COCO_IDS if classes == len(COCO_IDS) else numbers
