"""The two labelled sets of the digit experiment, `data.pair`."""

from common.contract import UserError
from common.data import image_sources
from common.data.image_set import ImageSet
from common.files import storage
from common.nearest import nearest
from papers.unit.digits.networks import CLASSES
from papers.unit.directions import by_domain


def labelled(pair: tuple[str, str], root: str, split: str) -> dict[str, ImageSet]:
    """Both sets, by domain. UserError: one is missing, or their classes differ."""
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
    return by_domain((a, b))


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
