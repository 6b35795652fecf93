"""Configuration of ResNets, and the runs that a config stands for."""

import copy
import dataclasses
from dataclasses import field

from common.contract import Loop, Run, UserError
from common.optim import Optim


@dataclasses.dataclass
class Model:
    family: str = "cifar"  # imagenet: 7x7 stem and four stages; cifar: 3x3 and three
    depth: int = 20  # imagenet: 18, 34, 50, 101, 152; cifar: 6n + 2
    width: int = 16  # channels of the first stage; imagenet: 64
    num_classes: int = 10
    shortcut: str = (
        "A"  # A pads with zeros, B projects on change, C always; none: plain
    )
    stride_on: str = (
        "1x1"  # in bottlenecks; the paper's first 1x1, or torchvision's 3x3
    )
    zero_gamma: bool = False  # a residual branch starts at 0 (not in the paper)
    dtype: str = "float32"  # of activations; parameters are always float32
    remat: bool = False  # recompute blocks in the backward pass
    scan: str = "auto"  # equal blocks in a loop: always, never; auto: not on a CPU


@dataclasses.dataclass
class Data:
    source: str = "embedded"  # embedded, files, tfds, generated
    name: str = ""  # embedded: mnist5k, digits; tfds: the data set
    root: str = ""  # files: a folder; tfds: the data_dir
    size: int = 28  # pixels a side that the network sees
    channels: int = 1
    batch_size: int = 128
    augment: str = "none"  # none; shift; cifar: and flips; imagenet: scale, colour
    padding: int = 4  # pixels that shift and cifar move by
    short: tuple[int, int] = (256, 480)  # imagenet: range of the short side's length
    subtract: str = "pixel"  # the mean image of the training split; imagenet: constants
    mean_of: int = 10_000  # training images that the mean image is taken over, at most


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = 100
    short: int = 0  # resize the short side to it, then crop; 0: resize to size x size
    test: str = "centre"  # centre, ten_crops, multi_scale
    scales: tuple[int, ...] = (224, 256, 384, 480, 640)  # of multi_scale
    train_images: int = 10_000  # of the training split that are measured too, at most
    responses: bool = True  # and the layers' responses (figure 7)


@dataclasses.dataclass
class Predict:
    """How images are classified. Nothing here changes training."""

    top: int = 5
    class_names: str = ""  # a file, a name a line; "": the data set's
    batch_size: int = 32


@dataclasses.dataclass
class Config:
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    optim: Optim = field(default_factory=Optim)
    loop: Loop = field(default_factory=Loop)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    rows: tuple[str, ...] = ("main",)  # the runs: main, plain_DEPTH, resnet_DEPTH
    weights: str = ""  # start from these torchvision weights (.npz or .safetensors)
    seed: int = 0

    unit = "images"  # what a step reads, in the plural

    @property
    def items_per_step(self) -> int:
        return self.data.batch_size


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table."""
    made = {row: Run(_row(config, row)) for row in config.rows}
    for run in made.values():
        _check(run.config)
    return made


def _row(config: Config, row: str) -> Config:
    """`config` itself, or with the depth and kind of net that the row names."""
    config = copy.deepcopy(config)
    kind, _, depth = row.partition("_")
    if row == "main":
        return config
    if kind not in ("plain", "resnet") or not depth.isdigit():
        raise UserError(
            f"config.rows: no {row!r}; write main, plain_DEPTH or resnet_DEPTH"
        )
    config.model.depth = int(depth)
    if kind == "plain":
        config.model.shortcut = "none"
    elif config.model.shortcut == "none":
        raise UserError(f"config.rows: {row} needs config.model.shortcut=A, B or C")
    return config


def _check(config: Config) -> None:
    """UserError for values that no field's type rules out."""
    for name, choices in CHOICES.items():
        section, _, field_name = name.partition(".")
        if getattr(getattr(config, section), field_name) not in choices:
            raise UserError(f"config.{name}: choose one of {', '.join(choices)}")
    d, e = config.data, config.eval
    if "imagenet" in (d.augment, d.subtract) and d.channels != 3:
        raise UserError("ImageNet's augmentation and mean need config.data.channels=3")
    if d.augment == "imagenet" and not d.size <= d.short[0] <= d.short[1]:
        raise UserError(
            "config.data.short: two lengths that rise from config.data.size"
        )
    if 0 < e.short < d.size:
        raise UserError("config.eval.short: 0, or at least config.data.size")
    if not e.scales or min(e.scales) < 1:
        raise UserError("config.eval.scales: lengths of at least 1")
    least = {"data.batch_size": 1, "eval.batch_size": 1, "predict.batch_size": 1,
             "optim.accumulate": 1, "data.mean_of": 1, "eval.train_images": 1,
             "data.padding": 0}  # fmt: skip
    for name, value in least.items():
        section, _, field_name = name.partition(".")
        if getattr(getattr(config, section), field_name) < value:
            raise UserError(f"config.{name} must be at least {value}")
    if d.batch_size % config.optim.accumulate:
        raise UserError("config.optim.accumulate must divide config.data.batch_size")
    blocks(config.model)


CHOICES = {
    "model.family": ("imagenet", "cifar"),
    "model.shortcut": ("A", "B", "C", "none"),
    "model.stride_on": ("1x1", "3x3"),
    "model.scan": ("auto", "always", "never"),
    "model.dtype": ("float32", "bfloat16", "float16", "float64"),
    "data.augment": ("none", "shift", "cifar", "imagenet"),
    "data.subtract": ("pixel", "imagenet"),
    "eval.test": ("centre", "ten_crops", "multi_scale"),
}

# Table 1 of the paper: blocks of each stage.
IMAGENET_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


def blocks(model: Model) -> tuple[int, ...]:
    """Blocks of each stage; UserError for a depth that the family has not."""
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
    """Blocks of three convolutions rather than two: ImageNet's from 50 layers on."""
    return model.family == "imagenet" and model.depth >= 50
