"""What `predict` says of a picture, beside what a paper's exported program makes of the
same pixels, in the same numbers."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common import colour
from common.config import changed
from common.pixels import squeeze_grey
from papers.captioning.items import View

SIDES = {"rows": 1, "height": 9, "width": 14}  # where a program takes any


def picture(shape: str) -> np.ndarray:
    """Pixels of the shape that a program takes, far from black and white."""
    _, *sides = (int(SIDES.get(n, n)) for n in shape.split(", "))
    return np.random.default_rng(0).integers(80, 160, sides).astype(np.uint8)


def of_classes(module, config, state, path, pixels, call):
    *_, records = module.predict(config, state, str(path))
    classes = records.rows[0]["classes"]
    (found,) = call({"image": pixels[None]})["probabilities"]
    assert len(classes) == config.predict.top_k
    return [x["probability"] for x in classes], np.sort(found)[::-1][: len(classes)]


def upscaled(module, config, state, path, pixels, call):
    """The network's is Y, which a picture of greys has as its luma."""
    (_, high), _ = module.predict(config, state, str(path))
    low = colour.luma(np.repeat(pixels, 3, axis=-1) / np.float32(255))
    found = call({"low": low.reshape(1, *pixels.shape).astype(np.float32)})["high"]
    said = colour.luma(high / 255.0)
    assert 0.1 < said.mean() < 0.9
    # `predict` rounds to levels of grey.
    return np.round(255 * said), np.round(255 * np.asarray(found)).reshape(said.shape)


def translated(module, config, state, path, pixels, call):
    (_, found), _ = module.predict(config, state, str(path))
    (translation,) = call({"image": pixels[None]})["translation"]
    return found.astype(int), squeeze_grey(np.asarray(translation)).astype(int)


def boxes(module, config, state, path, pixels, call):
    """[score, x1, y1, x2, y2] of each, the likeliest first, in a picture of the
    network's own size."""
    least = config.eval.suppression.score_threshold
    shown = changed(config, {"predict.threshold": least})
    values = dict(module.predict(shown, state, str(path)))
    rows = [row[2:] for row in values["Found"].rows]
    found = {
        name: np.asarray(x[0]) for name, x in call({"image": pixels[None]}).items()
    }
    height, width = pixels.shape[:2]
    own = np.clip(found["boxes"], 0, [width, height, width, height])
    own = np.concatenate([found["scores"][:, None], own], axis=-1)[found["present"]]
    assert rows
    return rows, own


def captions(module, config, state, path, pixels, call):
    """log p of each."""
    values = dict(module.predict(config, state, str(path)))
    said = [row[2] for row in values["Captions"].rows]
    (log_p,) = call({"image": View.of(config.data)(pixels)[None]})["log_p"]
    return said, log_p[: len(said)]


READERS = {
    "captioning": captions,
    "distillation": of_classes,
    "espcn": upscaled,
    "resnet": of_classes,
    "unit": translated,
    "yolov3": boxes,
}


def both(module, config, state, call, folder: Path, name: str) -> tuple[Any, Any]:
    """(what `predict` says, what the program does). call: inputs -> outputs."""
    ((shape, _),) = module.inference_inputs(config).values()
    pixels = picture(shape)
    path = folder / "a.png"
    Image.fromarray(squeeze_grey(pixels)).save(path)
    return READERS[name](module, config, state, path, pixels, call)
