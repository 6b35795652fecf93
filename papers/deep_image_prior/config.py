"""Configuration of Deep Image Prior, and the runs that a config stands for."""

import dataclasses
from dataclasses import field
from functools import partial
from typing import Any

from common.config import at_least, between, choice, dtype, of_source
from common.contract import Run, UserError
from common.nearest import refuse_unknown
from common.sections import Optim, Schedule, Training
from common.variants import runs_of


@dataclasses.dataclass
class Model:
    """The hourglass. Tuples over levels have one item a level, or one for all."""

    # skip: the hourglass; pixels: no net and no prior, the pixels are the parameters.
    family: str = choice("skip", "pixels")
    # z. noise: random; meshgrid: coordinates, 2 channels; image: data.guide.
    input: str = choice("noise", "meshgrid", "image")
    input_channels: int = at_least(1, 32)  # noise: its channels
    input_scale: float = at_least(0.0, 0.1)  # noise: uniform between 0 and this
    channels: int = choice(1, 3, default=3)  # of the picture
    down: tuple[int, ...] = at_least(1, (128,) * 5)  # features on the way down
    up: tuple[int, ...] = at_least(1, ())  # features on the way up; (): those of down
    skip: tuple[int, ...] = at_least(0, (4,))  # features of a skip connection; 0: none
    kernel_down: tuple[int, ...] = at_least(1, (3,))
    kernel_up: tuple[int, ...] = at_least(1, (3,))
    one_by_one: bool = True  # each level ends in a further 1x1 convolution
    upsample: tuple[str, ...] = choice("bilinear", "nearest", default=("bilinear",))
    downsample: str = choice("stride", "average")  # average: the mean of 2x2
    padding: str = choice("reflect", "zero")
    dtype: str = dtype()
    # Of matrix products and convolutions; in TF32 the fit does not settle.
    precision: str = choice("highest", "high", "default")

    def level(self, name: str, index: int) -> int | str:
        """A field's value for level `index`. Level 0 has the picture's size."""
        values = getattr(self, name) or self.down
        return values[0] if len(values) == 1 else values[index]


# The targets of figure 2: a picture, with noise added, with its pixels shuffled, and
# noise alone.
TARGETS = ("image", "image_noise", "shuffled", "noise")
TASKS = ("denoise", "sr", "inpaint", "restore", "jpeg", "flash")


@dataclasses.dataclass
class Data:
    source: str = choice("embedded", "files", "generated")
    root: str = of_source("files")  # files: a picture, or a folder of pictures
    pictures: tuple[str, ...] = ("astronaut",)  # by name; (): all of root
    # Top, left, height, width of the part that is used; (): all of the picture.
    box: tuple[int, ...] = at_least(0, (), lengths=(0, 4))
    # Height, width: a picture is scaled down to cover this, and cropped to it.
    size: tuple[int, int] = at_least(1, (64, 64))
    batch_size: int = at_least(1)  # rows: a row is one picture with a net of its own
    targets: tuple[str, ...] = choice(*TARGETS, default=("image",))
    guide: str = ""  # model.input "image": z's file; "": made from the true picture


@dataclasses.dataclass
class Task:
    """What happened to the picture, and so which energy is minimised."""

    name: str = choice(*TASKS)
    degrade: bool = True  # False: the picture is degraded already, the truth unknown
    sigma: float = at_least(0.0, 25.0)  # denoise, flash: the noise's deviation, of 255
    factor: int = at_least(1, 4)  # sr: how many times larger
    mask: str = "text"  # inpaint: a file, white where the picture is known; or text
    keep: float = between(0.0, 1.0, 0.5)  # restore: share of pixels that are known
    quality: int = between(1, 100, 10)  # jpeg: of the file
    jitter: float = at_least(0.0, 1 / 30)  # deviation of the noise added to z each step
    average: float = between(0.0, 1.0, 0.99)  # decay of the outputs' running average
    # The restored picture. average: the running average of the outputs; last: the last
    # step's output, with its jitter; clean: the output without jitter.
    result: str = choice("average", "last", "clean")


@dataclasses.dataclass
class Stop:
    """Backtracking, and the stop rule. A rule takes an answer, and training goes on."""

    backtrack_every: int = at_least(0)  # steps between checks; 0: never
    backtrack_drop: float = at_least(0.0, 5.0)  # dB that the fit may fall in between
    # variance: the outputs vary least; noise: the energy has come down to the noise's.
    rule: str = choice("none", "variance", "noise")
    after: int = at_least(0, 100)  # steps before the rule applies
    patience: int = at_least(1, 300)  # variance: steps to wait for a new minimum


@dataclasses.dataclass
class History:
    """What a state remembers of its past, for `evaluate` to show."""

    every: int = at_least(1, 10)  # steps between samples of the qualities
    frames: tuple[int, ...] = at_least(1, (10, 100, 400))  # steps whose output is kept


@dataclasses.dataclass
class Eval:
    """How results are shown. Nothing here changes training."""

    shown: int = at_least(0, 2)  # rows of a batch in tables and pictures


@dataclasses.dataclass
class Predict:
    """How a user's picture is restored. Nothing here changes training."""

    task: str = choice(*TASKS[:-1])
    mask: str = ""  # a file, white where known; "": hides transparent or black pixels
    keep_known: bool = True  # inpaint, restore: False: the net's own output everywhere
    factor: int = at_least(1, 4)
    steps: int = at_least(0)  # at most; 0: loop.steps
    rule: str = choice("variance", "none", "noise")  # as stop.rule
    progress: int = at_least(0, 100)  # steps between lines of progress; 0: none
    preview: int = at_least(0, 500)  # steps between pictures on the way; 0: none
    out: str = ""  # file or folder for the result, a copy of workdir/predict's


def constant_adam(lr: float) -> Optim:
    """Adam at one rate, as in all of the released notebooks."""
    return Optim(lr=lr, schedule=Schedule("constant"))


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    task: Task = field(default_factory=Task)
    optim: Optim = field(default_factory=lambda: constant_adam(0.01))
    stop: Stop = field(default_factory=Stop)
    history: History = field(default_factory=History)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    runs: tuple[str, ...] = ("main",)  # names in RUNS; with "_pixels" added: no prior

    unit = "pictures"  # what a step reads, in the plural


IMPEDANCE_STEPS = 400  # after these a small net has fitted a small picture of noise too
RUNS = ("main", *TASKS, "impedance")


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table: each is a task. UserError: a guide that none of
    them reads."""
    found = runs_of(config, partial(_changes, config), check_more)
    if config.data.guide and all(
        r.config.model.input != "image" for r in found.values()
    ):
        raise UserError(
            "config.data.guide is for config.model.input=image, as in the run flash; "
            f"of {', '.join(found)} none reads it"
        )
    return found


def _changes(config: Config, run: str) -> dict[str, Any]:
    """What a run's name changes in the config."""
    name = run.removesuffix("_pixels")
    refuse_unknown("run", name, RUNS)
    changes = {"model.family": "pixels"} if run != name else {}
    if name == "impedance":
        d = config.data
        return changes | {
            "task.name": "denoise",
            "task.jitter": 0.0,
            "data.targets": TARGETS,
            "data.batch_size": max(d.batch_size, len(TARGETS)),
            "data.pictures": d.pictures[:1],
            "stop.rule": "none",
            "loop.steps": min(config.loop.steps, IMPEDANCE_STEPS),
        }
    if name != "main":
        smooth = name in ("denoise", "jpeg", "flash", "sr")
        changes |= {
            "task.name": name,
            "task.result": "average" if smooth else "clean",
        }
    if name == "flash":
        changes |= {"model.input": "image", "task.jitter": 0.0}
    return changes


def check_more(config: Config) -> None:
    """UserError: values are wrong together, each of which alone is allowed."""
    m = config.model
    d = config.data
    levels = len(m.down)
    if not levels:
        raise UserError("config.model.down: give the features of one level at least")
    for name in ("up", "skip", "kernel_down", "kernel_up", "upsample"):
        if len(getattr(m, name)) not in (1, levels) and (name, m.up) != ("up", ()):
            raise UserError(
                f"config.model.{name}: one value, or one for {levels} levels"
            )
    if any(k % 2 == 0 for k in (*m.kernel_down, *m.kernel_up)):
        raise UserError("config.model.kernel_down and kernel_up: kernels are odd")
    if not d.targets:
        raise UserError(f"config.data.targets: choose from {', '.join(TARGETS)}")
    if 0 in d.box[2:]:
        raise UserError("config.data.box: top, left, height, width, these two not 0")
    multiple = 2**levels if m.family == "skip" else 1
    if any(side < multiple or side % multiple for side in d.size):
        raise UserError(
            f"config.data.size: the {levels} levels of config.model.down need sides "
            f"that {multiple} divides, not {d.size}"
        )
    if not (config.predict.steps or config.loop.steps):
        raise UserError("config.predict.steps, or config.loop.steps: at least 1")
    if config.task.name == "sr" and any(s % config.task.factor for s in d.size):
        raise UserError("config.task.factor must divide config.data.size")
