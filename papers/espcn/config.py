"""Configuration of ESPCN and SRCNN, and the runs that a config stands for."""

import dataclasses
from dataclasses import field
from typing import Any

from common.config import above, at_least, between, choice, dtype, of_source
from common.contract import Run, UserError
from common.sections import Training
from common.variants import pick, runs_of


@dataclasses.dataclass
class Model:
    scale: int = at_least(2, 3)
    channels: int = choice(1, 3)  # 1: Y, and bicubic chroma beside it; 3: RGB
    # last: by a shuffle, as ESPCN; first: by bicubic interpolation, as SRCNN.
    upscaling: str = choice("last", "first")
    kernels: tuple[int, ...] = at_least(1, (5, 3, 3))
    features: tuple[int, ...] = at_least(1, (64, 32))  # of all layers but the last
    activation: str = choice("tanh", "relu")
    dtype: str = dtype()


@dataclasses.dataclass
class Data:
    source: str = choice("embedded", "files", "generated")
    # files: a folder with images of any kind and size, in it and below.
    root: str = of_source("files")
    # files: the folder of the test images. "": root's T91 and Set5 are read if both are
    # there; else every tenth image of root is a test image.
    test_root: str = of_source("files")
    images: int = at_least(0)  # so many of root's, evenly spaced by name; 0: all
    patch: int = at_least(4, 17)  # low-resolution pixels a side
    # Low-resolution pixels between patches. The paper's number is 17 minus 1 for each
    # layer with an odd kernel.
    stride: int = at_least(1, 14)
    batch_size: int = at_least(1, 16)
    augment: bool = False  # turn and mirror patches: the square's eight symmetries


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    test_root: str = ""  # a folder of other test images; "": those of config.data
    most: int = at_least(1, 516)  # pixels a side; validation sees an image's middle
    batch_size: int = at_least(1, 2)
    strips: int = at_least(0, 4)  # test images in the picture
    crop: int = at_least(8, 96)  # pixels a side of the shown part of an image
    frame: tuple[int, int] = at_least(1, (360, 640))  # height, width of a timed input


@dataclasses.dataclass
class Predict:
    """How images are upscaled. Nothing here changes training."""

    out: str = ""  # file or folder; "": workdir/predict, a video beside its input
    bucket: int = at_least(1, 64)  # sizes are padded to multiples: fewer compilations
    frames: int = at_least(0)  # of a video; 0: all
    crf: int = between(0, 51, 18)  # H.264's quality, 0 (lossless) to 51


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    last_layer_rate: float = above(0.0, 1.0)  # its learning rate / the others'
    runs: tuple[str, ...] = ("espcn",)  # names in RUNS
    weights: str = ""  # a file (.npz or .safetensors) that ESPCNs start from

    unit = "patches"  # what a step reads, in the plural


RELU = {"model.activation": "relu"}
SRCNN = {"model.upscaling": "first", **RELU}

# Each run: what it changes in the config.
RUNS: dict[str, dict[str, Any]] = {
    "espcn": {},
    "espcn_tanh": {"model.activation": "tanh"},
    "espcn_relu": RELU,
    "srcnn_9_1_5": {**SRCNN, "model.kernels": (9, 1, 5)},
    "srcnn_9_5_5": {**SRCNN, "model.kernels": (9, 5, 5)},
}


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table."""
    return runs_of(config, lambda name: pick("run", name, RUNS), _check)


def _check(config: Config) -> None:
    m = config.model
    if len(m.kernels) != len(m.features) + 1:
        raise UserError(
            "config.model.kernels has one size more than config.model.features"
        )
    if any(k % 2 == 0 for k in m.kernels):
        raise UserError("config.model.kernels are odd: images keep their size")
    if config.eval.most // m.scale < config.data.patch:
        raise UserError("config.eval.most is smaller than a patch of the training")
