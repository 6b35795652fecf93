"""TFDS sets of pictures with boxes, as voc/2007 and coco/2017, prepared on a disk or in
a bucket. Reading them needs no TensorFlow."""

import io
from typing import Any

import numpy as np
from PIL import Image

from common.contract import UserError
from common.data.annotated import AnnotatedImages
from common.data.annotated_files import Annotation, assembled
from common.data.tfds_sets import Column, prepared
from common.pixels import Picture, with_channels

_PARTS = {"train": "train", "valid": "validation", "test": "test"}


def splits(name: str, data_dir: str = "") -> dict[str, AnnotatedImages]:
    """The splits that have boxes.

    Raises:
      UserError: the set is not prepared, or has no "image" and "objects" with "bbox"
        and "label".
    """
    from tensorflow_datasets import decode

    builder = prepared(name, data_dir, features=("image", "objects"))
    objects = builder.info.features["objects"].feature
    names = getattr(objects["label"], "names", None) if "label" in objects else None
    if names is None or "bbox" not in objects:
        raise UserError(f"the objects of TFDS set {name!r} have no bbox and label")
    encoded = {"image": decode.SkipDecoding()}
    found = {}
    for split, part in _PARTS.items():
        if part not in builder.info.splits:
            continue
        data = _set(
            name,
            builder.as_data_source(part),
            builder.as_data_source(part, decoders=encoded),
            tuple(names),
        )
        if any(map(len, data.truths)):  # the test split of COCO has no boxes
            found[split] = data
    if not found:
        raise UserError(f"TFDS set {name!r} has no split with boxes")
    return found


def _set(
    name: str, source: Any, encoded: Any, names: tuple[str, ...]
) -> AnnotatedImages:
    """All records are read once, and their pictures left encoded."""
    annotations = [_annotation(name, encoded[i], i) for i in range(len(encoded))]
    return assembled(annotations, names, pixels=_Colours(Column(source, "image")))


def _annotation(name: str, item: Any, index: int) -> Annotation:
    """TFDS's boxes are y1, x1, y2, x2, as parts of the sides."""
    with Image.open(io.BytesIO(item["image"])) as picture:
        size = picture.size[::-1]
    objects = item["objects"]
    image_id = item.get("image/id", index)
    return Annotation(
        path=None,
        size=size,
        boxes=np.asarray(objects["bbox"], np.float64).reshape(-1, 4)[:, [1, 0, 3, 2]],
        classes=objects["label"],
        image_id=int(image_id),
        source=f"TFDS set {name}, item {index}",
        crowd=objects.get("is_crowd"),
        difficult=objects.get("is_difficult"),
        area=objects.get("area"),
        relative=True,
    )


class _Colours:
    """Pictures in RGB."""

    def __init__(self, source: Column) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Picture:
        return with_channels(self._source[index], 3)
