"""Configuration of UNIT, and the runs that a config stands for."""

import dataclasses
from dataclasses import field
from typing import Any

from common.config import at_least, between, choice, dtype, of_source
from common.contract import Run, UserError
from common.sections import Training
from common.variants import pick, runs_of


@dataclasses.dataclass
class Model:
    """E_a, E_b, G_a, G_b. A block is a residual block of two convolutions."""

    # shared: the paper's; separate: the later code's; adaptation: the digit experiment.
    family: str = choice("shared", "separate", "adaptation")
    share: bool = True  # the encoders have the same last blocks, generators first ones
    channels: tuple[int, int] = choice(1, 3, default=(3, 3))  # of images of a and of b
    width: int = at_least(1, 64)  # features of the first layer; doubled at each halving
    halvings: int = between(0, 16, 2)  # how often the size is halved from image to z
    private_blocks: int = at_least(0, 3)  # each encoder's and each generator's own
    shared_blocks: int = at_least(0, 1)  # beside z, in encoders and in generators
    norm: str = choice("none", "instance")  # family shared: in the strided layers
    dropout: float = between(0.0, 1.0)  # at the end of each block
    init: str = choice("normal", "he")  # N(0, 0.02^2), or He's
    dtype: str = dtype()


@dataclasses.dataclass
class Discriminator:
    """D_a and D_b: logits on a grid of patches."""

    # shared: D_a and D_b have the same deep layers; pyramid, averaged: they look at the
    # image at three sizes.
    kind: str = choice("patch", "shared", "pyramid", "averaged")
    width: int = at_least(1, 64)  # features of the first layer; each layer doubles them
    layers: int = at_least(1, 6)  # of stride 2
    private_layers: int = at_least(1, 2)  # kind shared: the first layers, of a or of b
    init: str = choice("normal", "he")  # as model.init


@dataclasses.dataclass
class Losses:
    """The weights of the objective: lambda 0 to 4 of the paper, in this order."""

    gan: str = choice("nsgan", "lsgan")
    adversarial: float = at_least(0.0, 10.0)
    kl: float = at_least(0.0, 0.1)  # of images' codes, to N(0, I)
    reconstruction: float = at_least(0.0, 100.0)  # of an image, from its code
    cycle_kl: float = at_least(0.0, 0.1)  # of images' and translations' codes
    cycle: float = at_least(0.0, 100.0)  # of an image, from its translation's code


@dataclasses.dataclass
class Data:
    # embedded: letters of two fonts; labelled: the digit experiment's two sets, `pair`.
    source: str = choice("embedded", "files", "tfds", "generated", "labelled")
    # files: a folder with trainA and trainB, and with testA and testB where there are
    # any; tfds: the data_dir.
    root: str = of_source("files", "tfds")
    name: str = of_source("tfds")  # tfds: such as cycle_gan/horse2zebra
    # files: a folder of lists, trainA.txt ..., of paths below root
    lists: str = of_source("files")
    pair: tuple[str, str] = ("digits", "mnist5k")  # labelled: names of sets, or folders
    margins: tuple[int, int] = at_least(0, (0, 0))  # labelled: pixels cut off each side
    short: int = at_least(0)  # the shorter side is scaled to this first; 0: as it is
    # Height and width of a crop, which is random in training and central in tests.
    size: tuple[int, int] = at_least(1, (32, 32))
    flip: bool = False  # training images are mirrored every other time
    batch_size: int = at_least(1, 1)  # images of each domain


@dataclasses.dataclass
class Adaptation:
    """The digit experiment: labels of a, none of b (runs `adapted`, `source_only`).
    Its digits are those of `data`; of `model` only the channels count."""

    width: int = at_least(1, 96)  # of the generators' first layer
    discriminator_width: int = at_least(1, 64)
    # After each of D's four layers.
    dropout: tuple[float, ...] = between(0.0, 1.0, (0.1, 0.3, 0.5, 0.5), lengths=(4,))
    alike: bool = False  # b's own layers start as copies of a's
    # The weights of the objective.
    adversarial: float = at_least(0.0, 1.0)
    kl: float = at_least(0.0, 1e-4)
    reconstruction: float = at_least(0.0, 1e-3)  # squared errors, summed over pixels
    feature: float = at_least(0.0, 1e-4)  # squared distance of D's maps, x_ab to x_aa
    classify: float = at_least(0.0, 10.0)  # cross entropy of a's classes


@dataclasses.dataclass
class History:
    """What a state remembers of its past, for `evaluate` to show."""

    frames: tuple[int, ...] = at_least(0, ())  # steps whose translations are kept
    rows: int = at_least(1, 4)  # how many images of the first batch, at most


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
    # A file, .npz or .safetensors, that encoders and generators start from.
    weights: str = ""

    unit = "images"  # what a step reads, in the plural

    @property
    def items_per_step(self) -> int:
        return 2 * self.data.batch_size


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's tables."""
    return runs_of(config, lambda name: pick("run", name, RUNS)(config), _check)


def _adaptation(config: Config) -> dict[str, Any]:
    """The digit experiment's networks.

    Where the variant also has runs on other images, the digits are small and grey, and
    weights decay five times as fast, as in the released code.
    """
    nets = {"model.family": "adaptation"}
    digit_runs = {"adapted", "source_only"}
    if config.data.source == "labelled" or {*config.runs} <= digit_runs:
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
    d = config.data
    m = config.model
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
        least = 4 * 2**layers - 3  # the third grid of a smaller image is empty
        if min(d.size) < least:
            raise UserError(
                f"config.data.size: discriminators averaged of {layers} layers need "
                f"sides of at least {least}, not {d.size}"
            )


def _check_digits(config: Config) -> None:
    """UserError: the digit experiment cannot work with this config."""
    d = config.data
    channels = config.model.channels
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
    if config.adaptation.alike and len({*channels}) > 1:
        raise UserError(
            "config.adaptation.alike: copies need as many channels in b as in a, not "
            f"{channels}"
        )
    if config.weights:
        raise UserError(
            "config.weights: the digit experiment has no weights files; leave it "
            "empty, or adapted and source_only out of config.runs"
        )
