"""Configuration of distillation, and the runs that a config stands for."""

import copy
import dataclasses
import functools
from dataclasses import field

from common.contract import Loop, Run, UserError
from common.optim import Optim
from papers.resnet.config import Model as ResNet


@dataclasses.dataclass
class Net:
    """A classifier of images."""

    kind: str = "mlp"  # or resnet
    hidden: tuple[int, ...] = (1200, 1200)
    dropout_input: float = 0.0  # of an mlp, as the next two
    dropout: float = 0.0  # after each hidden layer
    max_norm: float = 0.0  # largest norm of a hidden unit's incoming weights; 0: any
    resnet: ResNet = field(default_factory=ResNet)  # but for its classes
    jitter: int = 0  # pixels by which its training images are moved, at most
    dtype: str = "float32"  # of activations; parameters are always float32


@dataclasses.dataclass
class Data:
    source: str = "embedded"  # embedded, files, tfds, generated
    name: str = ""  # of the embedded, tfds or generated set
    root: str = ""  # files: a folder; tfds: the data_dir
    image: tuple[int, ...] = ()  # height, width, channels to resize to; (): as they are
    classes: int = 0  # 0: those of the set
    batch_size: int = 128  # images a step; every model of a run sees the same ones
    share: float = 1.0  # of the training split
    own_share: bool = False  # each seed has its own share, and its own batches
    without: tuple[int, ...] = ()  # classes left out of the training split
    only: tuple[int, ...] = ()  # classes it is confined to; (): all


@dataclasses.dataclass
class Distill:
    temperatures: tuple[float, ...] = (1.0,)  # `seeds` models are trained at each
    hard_weight: float = 1.0  # of the labels' loss; 1: no teacher
    average: str = "arithmetic"  # of the teachers' probabilities, or geometric
    targets: str = "cached"  # the teachers' logits, or live: computed at every step
    file: str = ""  # read the teacher's logits from this file (teacher.save)
    keep_teacher: bool = True  # in the student's state, for `predict`


@dataclasses.dataclass
class Experiment:
    """What the rows of the tables are."""

    members: int = 10  # of the ensemble
    seeds: int = 3  # students a row
    distilled_at: tuple[float, ...] = (1.0, 2.0)  # temperatures of the distilled model
    temperature: float = 2.0  # where the transfer set lacks classes
    hard_weight: float = 0.1  # of the labels in both
    share: float = 0.03  # of the training split, for the rows with few labels
    temperatures: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)  # of these rows
    without: int = 3  # the class that the transfer set lacks
    only: tuple[int, ...] = (7, 8)  # the classes that a transfer set is confined to
    clusters: int = 3  # specialists


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = 500  # images
    soften: tuple[float, ...] = (1.0, 2.0, 5.0, 20.0)  # temperatures of the picture
    digits: int = 5  # images in it
    timed_steps: int = 10  # of the ensemble and of one model, in turns
    write: str = ""  # write the ensemble's logits of the training split to this file


@dataclasses.dataclass
class Predict:
    top_k: int = 5
    temperature: float = 1.0


@dataclasses.dataclass
class Config:
    teacher: Net = field(default_factory=Net)
    student: Net = field(default_factory=Net)
    data: Data = field(default_factory=Data)
    distill: Distill = field(default_factory=Distill)
    experiment: Experiment = field(default_factory=Experiment)
    optim: Optim = field(default_factory=Optim)
    loop: Loop = field(default_factory=Loop)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    rows: tuple[str, ...] = ("baseline", "ensemble", "distilled")  # names in ROWS
    role: str = "teacher"  # which net this run trains: teacher, student, specialist
    seeds: int = 1  # models trained side by side, from different starts
    seed: int = 0

    unit = "images"

    @property
    def items_per_step(self) -> int:
        return self.data.batch_size

    @property
    def net(self) -> Net:
        return self.student if self.role == "student" else self.teacher

    @property
    def members(self) -> int:
        """Models that the run trains side by side, temperature by temperature."""
        return self.seeds * len(self.distill.temperatures)

    @property
    def taught(self) -> bool:
        return self.distill.hard_weight < 1


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's tables."""
    unknown = [row for row in config.rows if row not in ROWS]
    if unknown:
        raise UserError(f"config.rows: no {unknown[0]!r}; rows: {', '.join(ROWS)}")
    found = {}
    for row in config.rows:
        changes, after = ROWS[row](config)
        changed = _checked(_with(config, changes))
        if after is None or (changed.taught and config.distill.file):
            found[row] = Run(changed)
        elif after in config.rows:
            found[row] = Run(changed, (after,))
        else:
            raise UserError(f"config.rows: {row!r} comes after {after!r}: add it")
    return found


def _soft(config: Config, **changes) -> dict:
    """A student of the ensemble."""
    e = config.experiment
    soft = {"temperatures": (e.temperature,), "hard_weight": e.hard_weight}
    changes = {"role": "student", "seeds": e.seeds, **changes}
    return {**{f"distill.{name}": value for name, value in soft.items()}, **changes}


def _part(config: Config) -> dict:
    """A few labels: each seed its own."""
    return {"data.share": config.experiment.share, "data.own_share": True}


def _hard(config: Config, **changes) -> dict:
    return {"role": "student", "seeds": config.experiment.seeds, **changes}


# Each row: what it changes in the config, and the run that it comes after.
ROWS = {
    "baseline": lambda c: ({}, None),
    "ensemble": lambda c: ({"seeds": c.experiment.members}, None),
    "small": lambda c: (_hard(c), None),
    "distilled": lambda c: (
        _soft(c, **{"distill.temperatures": c.experiment.distilled_at}), "ensemble"
    ),
    "hard_part": lambda c: (_hard(c, **_part(c)), None),
    "soft_part": lambda c: (
        _soft(c, **_part(c), **{"distill.temperatures": c.experiment.temperatures,
                                "distill.hard_weight": 0.0}),
        "baseline",
    ),
    "hard_without": lambda c: (
        _hard(c, **{"data.without": (c.experiment.without,)}), None
    ),
    "soft_without": lambda c: (
        _soft(c, **{"data.without": (c.experiment.without,)}), "ensemble"
    ),
    "soft_only": lambda c: (_soft(c, **{"data.only": c.experiment.only}), "ensemble"),
    "specialists": lambda c: (
        {"role": "specialist", "seeds": c.experiment.clusters}, "baseline"
    ),
}  # fmt: skip


def _with(config: Config, changes: dict) -> Config:
    """A copy of `config` with other values in these dotted fields."""
    config = copy.deepcopy(config)
    for name, value in changes.items():
        *path, last = name.split(".")
        setattr(functools.reduce(getattr, path, config), last, value)
    return config


def _checked(config: Config) -> Config:
    """The config; UserError for values that no field's type rules out."""
    d = config.distill
    for name, value, choices in (
        ("average", d.average, ("arithmetic", "geometric")),
        ("targets", d.targets, ("cached", "live")),
    ):
        if value not in choices:
            raise UserError(
                f"config.distill.{name}: choose one of {', '.join(choices)}"
            )
    for name, net in ("teacher", config.teacher), ("student", config.student):
        if net.kind not in ("mlp", "resnet"):
            raise UserError(f"config.{name}.kind: choose mlp or resnet")
    if config.role == "specialist" and config.net.kind != "mlp":
        raise UserError("specialists are made of config.teacher.kind=mlp")
    if not d.temperatures or min(d.temperatures) <= 0:
        raise UserError("temperatures must be above 0, and at least one")
    if not 0 <= d.hard_weight <= 1:
        raise UserError("the weight of the hard labels must be between 0 and 1")
    if not 0 < config.data.share <= 1:
        raise UserError("the share of the training split must be above 0, at most 1")
    if len(config.data.image) not in (0, 3):
        raise UserError("config.data.image is height,width,channels, or nothing")
    for name, value in (("members", config.members), ("top_k", config.predict.top_k),
                        ("batch size", config.data.batch_size),
                        ("eval batch size", config.eval.batch_size)):  # fmt: skip
        if value < 1:
            raise UserError(f"the {name} must be at least 1, not {value}")
    if config.data.batch_size % config.optim.accumulate:
        raise UserError("config.optim.accumulate must divide config.data.batch_size")
    return config
