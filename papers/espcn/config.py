"""Configuration of ESPCN and SRCNN, and the runs that a config stands for."""

import copy
import dataclasses
from dataclasses import field
from typing import Any

from common.contract import Loop, Run, UserError
from common.optim import Optim


@dataclasses.dataclass
class Model:
    scale: int = 3
    channels: int = 1  # 1: Y alone, chroma by bicubic; 3: RGB
    upscaling: str = "last"  # last: sub-pixel shuffle, ESPCN; first: bicubic, SRCNN
    kernels: tuple[int, ...] = (5, 3, 3)
    features: tuple[int, ...] = (64, 32)  # of all layers but the last
    activation: str = "tanh"  # tanh, relu
    dtype: str = "float32"  # of activations; parameters are always float32


@dataclasses.dataclass
class Data:
    source: str = "embedded"  # embedded, files, generated
    # files: images of any kind and size, in this folder and below
    root: str = ""
    # files: the test images; "": root's T91 and Set5, or each tenth image of root
    test_root: str = ""
    images: int = 0  # of root, evenly spaced by name; 0: all
    patch: int = 17  # low-resolution pixels a side
    stride: int = 14  # between patches: 17 less the odd kernels, as in the paper
    batch_size: int = 16
    augment: bool = False  # the square's eight symmetries


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    most: int = 516  # pixels a side; validation sees the middle of a larger image
    batch_size: int = 2
    strips: int = 4  # test images that are shown
    crop: int = 96  # pixels a side of what is shown
    frame: tuple[int, int] = (360, 640)  # height and width of the timed input


@dataclasses.dataclass
class Predict:
    """How images are upscaled. Nothing here changes training."""

    out: str = ""  # file or folder; "": workdir/predict, a video beside its input
    bucket: int = 64  # images are padded to multiples of it: few shapes to compile
    frames: int = 0  # of a video; 0: all
    crf: int = 18  # H.264's quality, 0 (lossless) to 51


@dataclasses.dataclass
class Config:
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    optim: Optim = field(default_factory=Optim)
    loop: Loop = field(default_factory=Loop)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    rows: tuple[str, ...] = ("espcn",)  # the runs of this variant: names in ROWS
    weights: str = ""  # ESPCNs start from these weights (.npz or .safetensors)
    seed: int = 0

    unit = "patches"  # what a step reads, in the plural

    @property
    def items_per_step(self) -> int:
        return self.data.batch_size


# The rows of the comparison, and what each changes in the variant's model.
ROWS: dict[str, dict[str, Any]] = {
    "espcn": {},
    "espcn_tanh": {"activation": "tanh"},
    "espcn_relu": {"activation": "relu"},
    "srcnn_9_1_5": {
        "upscaling": "first", "kernels": (9, 1, 5), "activation": "relu",
    },
    "srcnn_9_5_5": {
        "upscaling": "first", "kernels": (9, 5, 5), "activation": "relu",
    },
}  # fmt: skip


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table."""
    unknown = [row for row in config.rows if row not in ROWS]
    if unknown or not config.rows:
        raise UserError(f"config.rows: no {unknown}; rows: {', '.join(ROWS)}")
    made = {row: Run(_row(config, row)) for row in config.rows}
    for run in made.values():
        _check(run.config)
    return made


def _row(config: Config, row: str) -> Config:
    config = copy.deepcopy(config)
    config.model = dataclasses.replace(config.model, **ROWS[row])
    return config


def _check(config: Config) -> None:
    """UserError for values that no field's type rules out."""
    for name, choices in CHOICES.items():
        section, _, field_name = name.partition(".")
        if getattr(getattr(config, section), field_name) not in choices:
            shown = ", ".join(map(str, choices))
            raise UserError(f"config.{name}: choose one of {shown}")
    for name, least in LEAST.items():
        section, _, field_name = name.partition(".")
        if getattr(getattr(config, section), field_name) < least:
            raise UserError(f"config.{name} must be at least {least}")
    m, e = config.model, config.eval
    if len(m.kernels) != len(m.features) + 1:
        raise UserError(
            "config.model.kernels has one size more than config.model.features"
        )
    if any(k < 1 or k % 2 == 0 for k in m.kernels):
        raise UserError("config.model.kernels are odd: images keep their size")
    if e.most // m.scale < config.data.patch:
        raise UserError("config.eval.most is smaller than a patch of the training")
    if config.data.batch_size % config.optim.accumulate:
        raise UserError("config.optim.accumulate must divide config.data.batch_size")


CHOICES = {
    "model.channels": (1, 3),
    "model.upscaling": ("last", "first"),
    "model.activation": ("tanh", "relu"),
    "model.dtype": ("float32", "bfloat16", "float16", "float64"),
    "data.source": ("embedded", "files", "generated"),
}
LEAST = {
    "model.scale": 2, "data.patch": 4, "data.stride": 1, "data.batch_size": 1,
    "data.images": 0, "eval.batch_size": 1, "eval.crop": 8, "predict.bucket": 1,
    "predict.frames": 0,
}  # fmt: skip
