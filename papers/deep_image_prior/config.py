"""Configuration of Deep Image Prior, and the runs that a config stands for."""

import copy
import dataclasses
from dataclasses import field

from common.contract import Loop, Run, UserError
from common.optim import Optim


@dataclasses.dataclass
class Model:
    """The hourglass. Tuples over levels have one item a level, or one for all."""

    family: str = "skip"  # skip: the hourglass; pixels: the image itself, no prior
    input: str = "noise"  # z: noise; meshgrid, of 2 channels; image: data.guide
    input_channels: int = 32  # of noise
    input_scale: float = 0.1  # noise is uniform between 0 and this
    channels: int = 3  # of the picture
    down: tuple[int, ...] = (128, 128, 128, 128, 128)  # features on the way down
    up: tuple[int, ...] = ()  # and up; (): the same
    skip: tuple[int, ...] = (4,)  # features of the skip connections; 0: none
    kernel_down: tuple[int, ...] = (3,)
    kernel_up: tuple[int, ...] = (3,)
    one_by_one: bool = True  # a 1x1 convolution after each on the way up
    upsample: tuple[str, ...] = ("bilinear",)  # or nearest
    downsample: str = "stride"  # or average: the mean of 2x2
    padding: str = "reflect"  # or zero
    dtype: str = "float32"  # of activations; parameters are always float32
    precision: str = "highest"  # of products: the fit fails to settle in TF32

    def level(self, name: str, index: int) -> int | str:
        """The item of a field's tuple that is for level `index`, 0 the largest."""
        values = getattr(self, name) or self.down
        return values[0] if len(values) == 1 else values[index]


@dataclasses.dataclass
class Data:
    source: str = "embedded"  # embedded, files, generated
    root: str = ""  # files: a picture, or a folder of them
    pictures: tuple[str, ...] = ("astronaut",)  # embedded: names; files: (): all
    box: tuple[int, ...] = ()  # top, left, height, width: cut out first; (): all of it
    size: tuple[int, int] = (64, 64)  # rows, columns: scaled down to, centre cropped
    batch_size: int = 1  # rows: a row is one picture with a net of its own
    targets: tuple[str, ...] = ("image",)  # image_noise, shuffled, noise: impedance
    guide: str = ""  # z "image": the picture to use; "": made from the true one


@dataclasses.dataclass
class Task:
    """What happened to the picture, and so which energy is minimised."""

    name: str = "denoise"  # denoise, sr, inpaint, restore, jpeg, flash
    degrade: bool = True  # False: the picture is degraded already, the truth unknown
    sigma: float = 25.0  # denoise, flash: of the Gaussian noise, of 255
    factor: int = 4  # sr
    mask: str = "text"  # inpaint: a picture, white where the image is known; or text
    keep: float = 0.5  # restore: share of pixels that are known
    quality: int = 10  # jpeg
    jitter: float = 1 / 30  # deviation of the noise that is added to z at each step
    average: float = 0.99  # decay of the running average of outputs; 0: the last one
    result: str = "average"  # average; last: at the last noisy z; clean: at z itself


@dataclasses.dataclass
class Stop:
    """Backtracking, and when an answer is taken; training goes on behind it."""

    backtrack_every: int = 0  # steps between checks; 0: never
    backtrack_drop: float = 5.0  # dB that the fit may fall from one check to the next
    rule: str = "none"  # variance: of the outputs is least; noise: the fit reaches it
    after: int = 100  # steps before a rule is asked
    patience: int = 300  # variance: steps without a new minimum


@dataclasses.dataclass
class Record:
    """What a state remembers of its past, for `evaluate` to show."""

    every: int = 10  # steps
    frames: tuple[int, ...] = (10, 100, 400)  # iterations whose output is kept


@dataclasses.dataclass
class Eval:
    """How results are shown. Nothing here changes training."""

    shown: int = 2  # rows of a run that have pictures


@dataclasses.dataclass
class Predict:
    """How a user's picture is restored. Nothing here changes training."""

    task: str = "denoise"  # denoise, sr, inpaint, restore, jpeg
    mask: str = ""  # a picture, white where known; "": transparent or black pixels
    factor: int = 4
    steps: int = 0  # at most; 0: config.loop.steps
    rule: str = "variance"  # as stop.rule
    progress: int = 100  # steps between lines; 0: none
    preview: int = 500  # steps between pictures; 0: none
    out: str = ""  # file or folder of the result, besides workdir/predict; "": none


@dataclasses.dataclass
class Config:
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    task: Task = field(default_factory=Task)
    optim: Optim = field(default_factory=lambda: Optim(lr=0.01, schedule="constant"))
    stop: Stop = field(default_factory=Stop)
    record: Record = field(default_factory=Record)
    loop: Loop = field(default_factory=Loop)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    rows: tuple[str, ...] = ("main",)  # the runs: names in ROWS
    seed: int = 0

    unit = "pictures"  # what a step reads, in the plural

    @property
    def items_per_step(self) -> int:
        return self.data.batch_size


TASKS = ("denoise", "sr", "inpaint", "restore", "jpeg", "flash")
TARGETS = ("image", "image_noise", "shuffled", "noise")
CHOICES = {
    "model.family": ("skip", "pixels"),
    "model.input": ("noise", "meshgrid", "image"),
    "model.downsample": ("stride", "average"),
    "model.padding": ("reflect", "zero"),
    "data.source": ("embedded", "files", "generated"),
    "task.name": TASKS,
    "task.result": ("average", "last", "clean"),
    "stop.rule": ("none", "variance", "noise"),
    "predict.task": TASKS[:-1],
    "predict.rule": ("none", "variance", "noise"),
}
IMPEDANCE_STEPS = 400  # from then on a small net fits small noise too
ROWS = ("main", "denoise", "sr", "inpaint", "restore", "jpeg", "flash", "impedance")


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table: a task each; "_pixels" are without prior."""
    made = {row: Run(_row(config, row)) for row in config.rows}
    for run in made.values():
        check(run.config)
    return made


def _row(config: Config, row: str) -> Config:
    """`config` itself, or what the run's name makes of it."""
    config = copy.deepcopy(config)
    name = row.removesuffix("_pixels")
    if name not in ROWS:
        raise UserError(f"config.rows: no {row!r}; there are {', '.join(ROWS)}")
    if row.endswith("_pixels"):
        config.model.family = "pixels"
    if name == "impedance":
        config.task.name, config.task.jitter = "denoise", 0.0
        config.data.targets = TARGETS
        config.data.batch_size = max(config.data.batch_size, len(TARGETS))
        config.data.pictures = config.data.pictures[:1]
        config.stop.rule = "none"
        config.loop.steps = min(config.loop.steps, IMPEDANCE_STEPS)
    elif name != "main":
        config.task.name = name
        smooth = name in ("denoise", "jpeg", "flash", "sr")
        config.task.result = "average" if smooth else "clean"
        if name == "flash":
            config.model.input, config.task.jitter = "image", 0.0
    return config


def check(config: Config) -> None:
    """UserError for values that no field's type rules out."""
    for name, choices in CHOICES.items():
        section, _, field_name = name.partition(".")
        if getattr(getattr(config, section), field_name) not in choices:
            raise UserError(f"config.{name}: choose one of {', '.join(choices)}")
    m, levels = config.model, len(config.model.down)
    for name in ("up", "skip", "kernel_down", "kernel_up", "upsample"):
        if len(getattr(m, name)) not in (1, levels) and (name, m.up) != ("up", ()):
            raise UserError(
                f"config.model.{name}: one value, or one for {levels} levels"
            )
    if set(m.upsample) - {"bilinear", "nearest"}:
        raise UserError("config.model.upsample: choose one of bilinear, nearest")
    d, asked = config.data, config.predict
    if not d.targets or set(d.targets) - {*TARGETS}:
        raise UserError(f"config.data.targets: choose from {', '.join(TARGETS)}")
    if d.box and (len(d.box) != 4 or min(d.box) < 0 or 0 in d.box[2:]):
        raise UserError(f"config.data.box={d.box}: top, left, height, width")
    multiple = 2**levels if m.family == "skip" else 1
    if any(side < multiple or side % multiple for side in d.size):
        raise UserError(
            f"config.data.size: the {levels} levels of config.model.down need sides "
            f"that {multiple} divides, not {d.size}"
        )
    counts = {
        "task.factor": config.task.factor,
        "predict.factor": asked.factor,
        "predict.steps, or config.loop.steps": asked.steps or config.loop.steps,
        "data.batch_size": d.batch_size,
        "record.every": config.record.every,
    }
    for name, count in counts.items():
        if count < 1:
            raise UserError(f"config.{name}: at least 1, not {count}")
    if config.task.name == "sr" and any(s % config.task.factor for s in d.size):
        raise UserError("config.task.factor must divide config.data.size")
