"""Configuration of UNIT, and the runs that a config stands for."""

import dataclasses
from dataclasses import field
from typing import Any

from common.config import at_least, between, choice, dtype, pick, runs_of
from common.contract import Run, UserError
from common.sections import Training


@dataclasses.dataclass
class Model:
    """E_a, E_b, G_a, G_b. A block is a residual one of two convolutions."""

    # shared: the paper's; separate: the later code's; adaptation: the digit experiment.
    family: str = choice("shared", "separate", "adaptation")
    share: bool = True  # last blocks of the encoders, first ones of the generators
    channels: tuple[int, int] = choice(1, 3, default=(3, 3))  # of images of a and of b
    width: int = at_least(1, 64)  # features of the first layer; each halving doubles
    halvings: int = between(0, 16, 2)  # of the size, from the image to z
    private_blocks: int = at_least(0, 3)  # in each encoder, and in each generator
    shared_blocks: int = at_least(0, 1)
    norm: str = choice("none", "instance")  # of the strided layers of family shared
    dropout: float = between(0.0, 1.0)  # at the end of each block
    init: str = choice("normal", "he")  # N(0, 0.02^2), or He's
    dtype: str = dtype()


@dataclasses.dataclass
class Discriminator:
    """D_a and D_b: logits on a grid of patches."""

    # shared: deep layers too; pyramid, averaged: at three sizes.
    kind: str = choice("patch", "shared", "pyramid", "averaged")
    width: int = at_least(1, 64)  # features of the first layer; each layer doubles them
    layers: int = at_least(1, 6)  # of stride 2
    private_layers: int = at_least(1, 2)  # kind shared: those that a and b have each
    init: str = choice("normal", "he")  # as model.init


@dataclasses.dataclass
class Losses:
    """The weights of the objective, lambda 0 to 4 of the paper."""

    gan: str = choice("nsgan", "lsgan")
    adversarial: float = at_least(0.0, 10.0)
    kl: float = at_least(0.0, 0.1)  # of codes of images, to N(0, 1)
    reconstruction: float = at_least(0.0, 100.0)  # an image through z and back
    cycle_kl: float = at_least(0.0, 0.1)  # of codes of images and of translations
    cycle: float = at_least(0.0, 100.0)  # an image into the other domain and back


@dataclasses.dataclass
class Data:
    # embedded: glyphs; labelled: the digit experiment's two sets, `pair`.
    source: str = choice("embedded", "files", "tfds", "generated", "labelled")
    root: str = ""  # files: with trainA, trainB, testA, testB; tfds: the data_dir
    name: str = ""  # tfds: such as cycle_gan/horse2zebra
    lists: str = ""  # files: a folder of lists, trainA.txt ...: paths below root
    pair: tuple[str, str] = ("digits", "mnist5k")  # labelled: sets, or folders
    margins: tuple[int, int] = at_least(0, (0, 0))  # labelled: pixels cut off all sides
    short: int = at_least(0)  # the shorter side is scaled to this first; 0: as it is
    # Rows and columns of a crop, which is random in training and central in tests.
    size: tuple[int, int] = at_least(1, (32, 32))
    flip: bool = False  # mirrored, every other time
    batch_size: int = at_least(1, 1)  # images of each domain


@dataclasses.dataclass
class Adaptation:
    """The digit experiment: labels of a, none of b (runs `adapted`, `source_only`). Its
    digits are those of `data`, its channels those of `model`."""

    width: int = at_least(1, 96)  # of the generators' first layer
    discriminator_width: int = at_least(1, 64)
    # After each of D's four layers.
    dropout: tuple[float, ...] = between(0.0, 1.0, (0.1, 0.3, 0.5, 0.5), lengths=(4,))
    alike: bool = False  # b's own layers start as copies of a's
    adversarial: float = at_least(0.0, 1.0)
    kl: float = at_least(0.0, 1e-4)
    reconstruction: float = at_least(0.0, 1e-3)  # of squares, summed over pixels
    feature: float = at_least(0.0, 1e-4)  # of D's features of x_ab and x_aa, squares
    classify: float = at_least(0.0, 10.0)


@dataclasses.dataclass
class History:
    """What a state remembers of its past, for `evaluate` to show."""

    frames: tuple[int, ...] = at_least(0, ())  # steps whose translations are kept
    rows: int = at_least(1, 4)  # of the first batch, at most


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 8)
    shown: int = at_least(1, 6)  # test images of each domain in a picture


@dataclasses.dataclass
class Predict:
    """How a user's images are translated. Nothing here changes training."""

    direction: str = choice("a2b", "b2a")
    out: str = ""  # file or folder; "": workdir/predict, a video beside its input
    short: int = at_least(0)  # the shorter side is scaled to this first; 0: as it is
    frames: int = at_least(0)  # of a video; 0: all
    crf: int = between(0, 51, 18)  # H.264's quality, 0 (lossless) to 51


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    discriminator: Discriminator = field(default_factory=Discriminator)
    losses: Losses = field(default_factory=Losses)
    adaptation: Adaptation = field(default_factory=Adaptation)
    data: Data = field(default_factory=Data)
    history: History = field(default_factory=History)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    runs: tuple[str, ...] = ("unit",)  # names in RUNS
    weights: str = ""  # the generators start from these (.npz or .safetensors)

    unit = "images"  # what a step reads, in the plural

    @property
    def items_per_step(self) -> int:
        return 2 * self.data.batch_size


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's tables."""
    return runs_of(config, lambda name: pick("run", name, RUNS)(config), _check)


def _adaptation(config: Config) -> dict[str, Any]:
    """The digit experiment's nets; and where other runs translate other images, small
    grey digits and five times the decay, as released."""
    nets, alone = {"model.family": "adaptation"}, {"adapted", "source_only"}
    if config.data.source == "labelled" or {*config.runs} <= alone:
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


# Each run: what it changes in the config.
RUNS = {
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


def _check(config: Config) -> None:
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


def _check_digits(config: Config) -> None:
    """Of the digit experiment."""
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
    if a.alike and len({*config.model.channels}) > 1:
        raise UserError(
            "config.adaptation.alike: copies need as many channels in b as in a, not "
            f"{config.model.channels}"
        )
    if config.weights:
        raise UserError(
            "config.weights: the digit experiment has no weights files; leave it "
            "empty, or adapted and source_only out of config.runs"
        )
