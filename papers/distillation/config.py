"""Configuration of distillation."""

import dataclasses
from dataclasses import field

from common.contract import Loop
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
    # But for its classes and dtype; its blocks are looped only if scan says "always".
    resnet: ResNet = field(default_factory=ResNet)
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
    distilled_at: tuple[float, ...] = (1.0,)  # temperatures of the distilled model
    temperature: float = 2.0  # where the transfer set lacks classes
    hard_weight: float = 0.0  # of the labels in both
    longer: float = 4.0  # steps of `distilled` and `small`, in those of the others
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
    rows: tuple[str, ...] = ("baseline", "ensemble", "distilled")  # names in rows.ROWS
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
