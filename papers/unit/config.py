"""Configuration of UNIT, and the runs that a config stands for."""

import copy
import dataclasses
import functools
from dataclasses import field
from typing import Any

from common.contract import Loop, Run, UserError
from common.optim import Optim


@dataclasses.dataclass
class Model:
    """E_a, E_b, G_a, G_b. A block is a residual one of two convolutions."""

    family: str = (
        "shared"  # shared: the paper's; separate: the later code's; adaptation
    )
    share: bool = True  # last blocks of the encoders, first ones of the generators
    channels: tuple[int, int] = (3, 3)  # of the images of a and of b
    width: int = 64  # features of the first layer; each halving doubles them
    halvings: int = 2  # of the size, from the image to z
    private_blocks: int = 3  # in each encoder, and in each generator
    shared_blocks: int = 1
    norm: str = "none"  # of the strided layers of family shared; or instance
    dropout: float = 0.0  # at the end of each block
    init: str = "normal"  # N(0, 0.02^2); or he
    dtype: str = "float32"  # of activations; parameters are always float32


@dataclasses.dataclass
class Discriminator:
    """D_a and D_b: logits on a grid of patches."""

    kind: str = "patch"  # patch; shared: deep layers too; pyramid, averaged: 3 sizes
    width: int = 64  # features of the first layer; each layer doubles them
    layers: int = 6  # of stride 2
    private_layers: int = 2  # kind shared: those that a and b have each
    init: str = "normal"  # as model.init


@dataclasses.dataclass
class Losses:
    """The weights of the objective, lambda 0 to 4 of the paper."""

    gan: str = "nsgan"  # or lsgan
    adversarial: float = 10.0
    kl: float = 0.1  # of codes of images, to N(0, 1)
    reconstruction: float = 100.0  # an image through z and back
    cycle_kl: float = 0.1  # of codes of images, and of their translations
    cycle: float = 100.0  # an image into the other domain and back


@dataclasses.dataclass
class Data:
    source: str = "embedded"  # embedded: glyphs; files, tfds, generated, labelled
    root: str = ""  # files: with trainA, trainB, testA, testB; tfds: the data_dir
    name: str = ""  # tfds: such as cycle_gan/horse2zebra
    lists: str = ""  # files: a folder of lists, trainA.txt ...: paths below root
    pair: tuple[str, ...] = ("digits", "mnist5k")  # labelled: sets, or folders
    margins: tuple[int, ...] = (0, 0)  # labelled: pixels cut off all sides of a, of b
    short: int = 0  # the shorter side is scaled to this first; 0: as it is
    size: tuple[int, int] = (32, 32)  # rows, columns of a crop: random, later central
    flip: bool = False  # mirrored, every other time
    batch_size: int = 1  # images of each domain


@dataclasses.dataclass
class Adaptation:
    """The digit experiment: labels of a, none of b (rows `adapted`, `source_only`). Its
    digits are those of `data`, its channels those of `model`."""

    width: int = 96  # of the generators' first layer
    discriminator_width: int = 64
    dropout: tuple[float, ...] = (0.1, 0.3, 0.5, 0.5)  # after each layer of D
    alike: bool = False  # b's own layers start as copies of a's
    adversarial: float = 1.0
    kl: float = 1e-4
    reconstruction: float = 1e-3  # of squares, summed over pixels
    feature: float = 1e-4  # of D's features of x_ab and x_aa, squares summed
    classify: float = 10.0


@dataclasses.dataclass
class Record:
    """What a state remembers of its past, for `evaluate` to show."""

    frames: tuple[int, ...] = ()  # steps after which translations are kept
    rows: int = 4  # of the first batch, at most


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = 8
    shown: int = 6  # test images of each domain in a picture


@dataclasses.dataclass
class Predict:
    """How a user's images are translated. Nothing here changes training."""

    direction: str = "a2b"  # or b2a
    out: str = ""  # file or folder; "": workdir/predict, a video beside its input
    short: int = 0  # the shorter side is scaled to this first; 0: as it is
    frames: int = 0  # of a video; 0: all
    crf: int = 18  # H.264's quality, 0 (lossless) to 51


@dataclasses.dataclass
class Config:
    model: Model = field(default_factory=Model)
    discriminator: Discriminator = field(default_factory=Discriminator)
    losses: Losses = field(default_factory=Losses)
    adaptation: Adaptation = field(default_factory=Adaptation)
    data: Data = field(default_factory=Data)
    optim: Optim = field(default_factory=Optim)  # of both players
    loop: Loop = field(default_factory=Loop)
    record: Record = field(default_factory=Record)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    rows: tuple[str, ...] = ("unit",)  # the runs of this variant: names in ROWS
    weights: str = ""  # the generators start from these (.npz or .safetensors)
    seed: int = 0

    unit = "images"  # what a step reads, in the plural

    @property
    def items_per_step(self) -> int:
        return 2 * self.data.batch_size


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's tables."""
    unknown = [row for row in config.rows if row not in ROWS]
    if unknown or not config.rows:
        raise UserError(f"config.rows: no {unknown}; rows: {', '.join(ROWS)}")
    made = {row: _with(config, ROWS[row](config)) for row in config.rows}
    for changed in made.values():
        _check(changed)
    return {row: Run(changed) for row, changed in made.items()}


def _adaptation(config: Config) -> dict[str, Any]:
    """The digit experiment's nets; and where other rows translate other images, small
    grey digits and five times the decay, as released."""
    nets, alone = {"model.family": "adaptation"}, {"adapted", "source_only"}
    if config.data.source == "labelled" or {*config.rows} <= alone:
        return nets
    return {
        **nets,
        "model.channels": (1, 1),
        "data.source": "labelled",
        "data.size": (16, 16),
        "data.short": 0,
        "data.flip": False,
        "optim.weight_decay": 5 * config.optim.weight_decay,
    }


# Each row: what it changes in the config.
ROWS = {
    "unit": lambda c: {},
    "not_shared": lambda c: {"model.share": False},
    "no_cycle": lambda c: {"losses.cycle_kl": 0.0, "losses.cycle": 0.0},
    "adapted": _adaptation,
    "source_only": lambda c: {
        **_adaptation(c),
        "adaptation.adversarial": 0.0,
        "adaptation.feature": 0.0,
    },
}


def _with(config: Config, changes: dict[str, Any]) -> Config:
    """A copy of `config` with other values in these dotted fields."""
    config = copy.deepcopy(config)
    for name, value in changes.items():
        *path, last = name.split(".")
        setattr(functools.reduce(getattr, path, config), last, value)
    return config


CHOICES = {
    "model.family": ("shared", "separate", "adaptation"),
    "model.norm": ("none", "instance"),
    "model.init": ("normal", "he"),
    "discriminator.init": ("normal", "he"),
    "discriminator.kind": ("patch", "shared", "pyramid", "averaged"),
    "losses.gan": ("nsgan", "lsgan"),
    "data.source": ("embedded", "files", "tfds", "generated", "labelled"),
    "predict.direction": ("a2b", "b2a"),
}
LEAST = {
    "model.width": 1, "model.halvings": 0, "model.private_blocks": 0,
    "model.shared_blocks": 0, "discriminator.width": 1, "discriminator.layers": 1,
    "discriminator.private_layers": 1, "data.short": 0, "data.batch_size": 1,
    "record.rows": 1, "eval.batch_size": 1, "eval.shown": 1, "predict.short": 0,
    "predict.frames": 0,
}  # fmt: skip


def _check(config: Config) -> None:
    """UserError for values that no field's type rules out."""
    for name, choices in CHOICES.items():
        section, _, field_name = name.partition(".")
        if getattr(getattr(config, section), field_name) not in choices:
            raise UserError(f"config.{name}: choose one of {', '.join(choices)}")
    for name, least in LEAST.items():
        section, _, field_name = name.partition(".")
        if getattr(getattr(config, section), field_name) < least:
            raise UserError(f"config.{name} must be at least {least}")
    d, m = config.data, config.model
    multiple = 2**m.halvings
    if any(side < multiple or side % multiple for side in d.size):
        raise UserError(
            f"config.data.size: {m.halvings} halvings need sides that {multiple} "
            f"divides, not {d.size}"
        )
    if d.short and d.short < min(d.size):
        raise UserError(f"config.data.short is less than a crop of {d.size}")
    if m.family == "adaptation":
        _check_digits(config)
    elif config.discriminator.kind == "averaged":
        layers = config.discriminator.layers
        least = 4 * 2**layers - 3  # else the third grid is empty
        if min(d.size) < least:
            raise UserError(
                f"config.data.size: discriminators averaged of {layers} layers need "
                f"sides of at least {least}, not {d.size}"
            )
    if len(d.pair) != 2 or len(d.margins) != 2:
        raise UserError("config.data.pair and config.data.margins: one of a, one of b")
    if d.batch_size % config.optim.accumulate:
        raise UserError("config.optim.accumulate must divide config.data.batch_size")


def _check_digits(config: Config) -> None:
    """The same of the digit experiment."""
    d, a = config.data, config.adaptation
    if d.source != "labelled":
        raise UserError(
            "config.data.source: the digit experiment needs labelled, and its two sets "
            "in config.data.pair"
        )
    if d.size[0] != d.size[1] or d.size[0] % 16:
        raise UserError(
            f"config.data.size: the digit experiment needs squares whose side 16 "
            f"divides, such as 32,32, not {d.size}"
        )
    if d.short:
        raise UserError("config.data.short: labelled images are resized whole; leave 0")
    if len(a.dropout) != 4:
        raise UserError(f"config.adaptation.dropout: four rates, not {len(a.dropout)}")
    if a.alike and len({*config.model.channels}) > 1:
        raise UserError(
            "config.adaptation.alike: copies need as many channels in b as in a, not "
            f"{config.model.channels}"
        )
    if config.weights:
        raise UserError(
            "config.weights: the digit experiment has no weights files; leave it "
            "empty, or adapted and source_only out of config.rows"
        )
