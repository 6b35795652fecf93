"""A small set in VOC's layout: bright rectangles on black pictures of any size."""

import numpy as np
from PIL import Image

OBJECT = (
    "<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{x1}"
    "</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
)
COLOURS = {"cat": (255, 40, 40), "dog": (40, 40, 255)}


def write(root, items, splits=None):
    """items: {name: ((height, width), [(class, x1, y1, x2, y2), ...])}; boxes are in
    continuous pixels. splits: {"train": [names], ...}."""
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, ((height, width), objects) in items.items():
        pixels = np.zeros((height, width, 3), np.uint8)
        parts = []
        for label, x1, y1, x2, y2 in objects:
            pixels[y1:y2, x1:x2] = COLOURS.get(label, (255, 255, 255))
            # VOC counts pixels from 1, and the last is inside.
            parts.append(
                OBJECT.format(
                    name=label, difficult=0, x1=x1 + 1, y1=y1 + 1, x2=x2, y2=y2
                )
            )
        Image.fromarray(pixels).save(root / f"JPEGImages/{name}.png")
        size = f"<size><width>{width}</width><height>{height}</height></size>"
        (root / f"Annotations/{name}.xml").write_text(
            f"<annotation><filename>{name}.png</filename>{size}{''.join(parts)}"
            "</annotation>"
        )
    for split, names in (splits or {}).items():
        (root / f"ImageSets/Main/{split}.txt").write_text("\n".join(names) + "\n")
    return root


def cats_and_dogs(root):
    """Six pictures, portrait and landscape, in three splits."""
    items = {
        f"p{i}": (
            ((60, 120), (120, 60), (64, 64))[i % 3],
            [("cat", 4 + i, 6, 24 + i, 40), ("dog", 30, 20 + i, 54, 50 + i)],
        )
        for i in range(6)
    }
    splits = {"train": ["p0", "p1", "p2", "p3"], "val": ["p4"], "test": ["p5"]}
    return write(root, items, splits)
