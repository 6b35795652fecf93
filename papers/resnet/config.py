"""Configuration of ResNets, and the runs that a config stands for."""

import dataclasses
from dataclasses import field
from functools import partial
from typing import Any

from common.config import at_least, choice, dtype, of_source
from common.contract import Run, UserError
from common.sections import Training
from common.variants import runs_of


@dataclasses.dataclass
class Model:
    # cifar: a 3x3 stem and three stages. imagenet: a 7x7 stem and four stages.
    family: str = choice("cifar", "imagenet")
    depth: int = at_least(1, 20)  # cifar: 6n + 2; imagenet: 18 to 200
    width: int = at_least(1, 16)  # channels of the first stage; imagenet: 64
    num_classes: int = at_least(1, 10)
    # A pads with zeros, B projects where the shape changes, C always; none: plain nets.
    shortcut: str = choice("A", "B", "C", "none")
    # The strided layer of a bottleneck: the paper's first 1x1, or torchvision's 3x3.
    stride_on: str = choice("1x1", "3x3")
    zero_gamma: bool = False  # a residual branch starts at 0 (not in the paper)
    dtype: str = dtype()
    remat: bool = False  # recompute blocks in the backward pass
    # Whether the equal blocks of a stage run in one loop; auto: 8 or more, 64 on a CPU.
    scan: str = choice("auto", "always", "never")


@dataclasses.dataclass
class Data:
    source: str = choice("embedded", "files", "tfds", "generated")
    name: str = ""  # embedded: mnist5k, digits; tfds: the data set
    root: str = of_source("files", "tfds")  # files: a folder; tfds: the data_dir
    size: int = at_least(1, 28)  # pixels a side that the network sees
    channels: int = choice(1, 3)
    batch_size: int = at_least(1, 128)
    # shift moves images; cifar mirrors them too; imagenet: scale, crop, mirror, colour.
    augment: str = choice("none", "shift", "cifar", "imagenet")
    padding: int = at_least(0, 4)  # pixels that shift and cifar move by, at most
    # imagenet: the shorter side gets a random length in this range.
    short: tuple[int, int] = at_least(1, (256, 480))
    # imagenet: resize the whole picture and cut, or only what the crop shows. It is
    # faster; 2 pixels in 1,000 are rounded otherwise.
    resize: str = choice("whole", "crop", only=("augment", "imagenet"))
    # What is subtracted: the mean training image, or ImageNet's mean colour.
    subtract: str = choice("pixel", "imagenet")
    mean_of: int = at_least(1, 10_000)  # training images in that mean, at most


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 100)
    # The shorter side is resized to this, and the centre cut out; 0: resizes the whole.
    short: int = at_least(0)
    test: str = choice("centre", "ten_crops", "multi_scale")
    scales: tuple[int, ...] = at_least(1, (224, 256, 384, 480, 640))  # of multi_scale
    train_images: int = at_least(1, 10_000)  # training images measured too, at most
    responses: bool = True  # measure the layers' responses (figure 7)


@dataclasses.dataclass
class Predict:
    """How images are classified. Nothing here changes training."""

    top_k: int = at_least(1, 5)  # classes of a picture, the most probable first
    class_names: str = ""  # a file, one name a line; "": the data set's
    batch_size: int = at_least(1, 32)


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    runs: tuple[str, ...] = ("main",)  # main, plain_DEPTH, resnet_DEPTH
    weights: str = ""  # start from these torchvision weights (.npz or .safetensors)

    unit = "images"  # what a step reads, in the plural


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table."""
    return runs_of(config, partial(_changes, config), _check)


def _changes(config: Config, run: str) -> dict[str, Any]:
    """The depth and the kind of net that a run's name says."""
    kind, _, depth = run.partition("_")
    if run == "main":
        return {}
    if kind not in ("plain", "resnet") or not depth.isdecimal():
        raise UserError(
            f"config.runs: no {run!r}; write main, plain_DEPTH or resnet_DEPTH"
        )
    if kind == "resnet" and config.model.shortcut == "none":
        raise UserError(f"config.runs: {run} needs config.model.shortcut=A, B or C")
    plain = {"model.shortcut": "none"} if kind == "plain" else {}
    return {"model.depth": int(depth), **plain}


def _check(config: Config) -> None:
    d = config.data
    if "imagenet" in (d.augment, d.subtract) and d.channels != 3:
        raise UserError("ImageNet's augmentation and mean need config.data.channels=3")
    if d.augment == "imagenet" and not d.size <= d.short[0] <= d.short[1]:
        raise UserError(
            "config.data.short: two lengths that rise from config.data.size"
        )
    if 0 < config.eval.short < d.size:
        raise UserError("config.eval.short: 0, or at least config.data.size")
    if not config.eval.scales:
        raise UserError("config.eval.scales: give one length at least")
    blocks(config.model)


# Table 1 of the paper: layers -> blocks of each stage.
IMAGENET_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),  # of He et al. 2016, here with the blocks of the others
}


def blocks(model: Model) -> tuple[int, ...]:
    """Blocks of each stage; UserError: the family has no net of this depth."""
    if model.family == "imagenet":
        if model.depth not in IMAGENET_BLOCKS:
            depths = ", ".join(map(str, IMAGENET_BLOCKS))
            raise UserError(f"config.model.depth={model.depth}: one of {depths}")
        return IMAGENET_BLOCKS[model.depth]
    if model.depth < 8 or model.depth % 6 != 2:
        raise UserError(
            f"config.model.depth={model.depth}: 6n + 2, such as 8, 20, 32, 44, 56, 110"
        )
    return (model.depth // 6,) * 3


def bottleneck(model: Model) -> bool:
    """Whether a block has three convolutions rather than two: ImageNet's nets have them
    from 50 layers on."""
    return model.family == "imagenet" and model.depth >= 50
