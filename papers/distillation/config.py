"""Configuration of distillation."""

import dataclasses
from dataclasses import field

from common.config import above, at_least, between, choice, dtype, of_source
from common.sections import Training
from papers.resnet.config import Model as ResNet


@dataclasses.dataclass
class Net:
    """A classifier of images."""

    kind: str = choice("mlp", "resnet")
    hidden: tuple[int, ...] = at_least(1, (1200, 1200), only=("kind", "mlp"))
    dropout_input: float = between(0.0, 1.0, only=("kind", "mlp"))
    dropout: float = between(0.0, 1.0, only=("kind", "mlp"))  # after each hidden layer
    # The largest norm that a hidden unit's incoming weights may have; 0: any.
    max_norm: float = at_least(0.0, only=("kind", "mlp"))
    # Its num_classes and dtype are replaced by this net's; only scan="always" loops.
    resnet: ResNet = field(default_factory=ResNet)
    jitter: int = at_least(0)  # pixels that training images are moved by, at most
    dtype: str = dtype()


@dataclasses.dataclass
class Data:
    source: str = choice("embedded", "files", "tfds", "generated")
    name: str = ""  # the embedded, tfds or generated set
    root: str = of_source("files", "tfds")  # files: a folder; tfds: the data_dir
    # Images are resized to this height, width and channels; (): they stay as they are.
    image: tuple[int, ...] = at_least(1, (), lengths=(0, 3))
    classes: int = at_least(0)  # 0: those of the set; a run has their number here
    batch_size: int = at_least(1, 128)  # images a step; all models of a run see them
    share: float = above(0.0, 1.0, most=1.0)  # fraction of the training split
    own_share: bool = False  # each seed has its own share, and its own batches
    without: tuple[int, ...] = at_least(0, ())  # classes left out of the training split
    only: tuple[int, ...] = at_least(0, ())  # the only classes left in it; (): all


@dataclasses.dataclass
class Distill:
    temperatures: tuple[float, ...] = above(0.0, (1.0,))  # each has `seeds` students
    hard_weight: float = between(0.0, 1.0, 1.0)  # of the labels' loss; 1: no teacher
    average: str = choice("arithmetic", "geometric")  # the teachers' mean probability
    # The teachers' logits are computed once (cached) or at every step (live).
    targets: str = choice("cached", "live")
    file: str = ""  # the teacher's logits are read from this file (teacher.write)
    keep_teacher: bool = True  # the student's state holds the teacher, for `predict`


@dataclasses.dataclass
class Experiment:
    """The numbers that the runs of the tables are made of (runs.py)."""

    members: int = at_least(1, 10)  # models of the ensemble
    seeds: int = at_least(1, 3)  # students of each run
    distilled_at: tuple[float, ...] = above(0.0, (1.0,))  # temperatures of `distilled`
    temperature: float = above(0.0, 2.0)  # of `soft_without` and `soft_only`
    hard_weight: float = between(0.0, 1.0)  # of the labels in those and in `distilled`
    longer: float = above(0.0, 4.0)  # times as many steps for `distilled` and `small`
    # Few labels: this fraction of the training split, in `hard_part` and `soft_part`.
    share: float = above(0.0, 0.03, most=1.0)
    temperatures: tuple[float, ...] = above(0.0, (1.0, 2.0, 4.0, 8.0))  # of `soft_part`
    without: int = at_least(0, 3)  # the class that the transfer set lacks
    only: tuple[int, ...] = at_least(0, (7, 8))  # the only classes of `soft_only`
    clusters: int = at_least(1, 3)  # number of specialists


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 500)  # images
    # Temperatures and images of the picture "Soft targets".
    soften: tuple[float, ...] = above(0.0, (1.0, 2.0, 5.0, 20.0))
    digits: int = at_least(0, 5)
    timed_steps: int = at_least(0, 10)  # steps in each measurement; 0: measures none
    write: str = ""  # the ensemble's logits of the training split go to this file


@dataclasses.dataclass
class Predict:
    top_k: int = at_least(1, 5)
    temperature: float = above(0.0, 1.0)


@dataclasses.dataclass
class Config(Training):
    teacher: Net = field(default_factory=Net)
    student: Net = field(default_factory=Net)
    data: Data = field(default_factory=Data)
    distill: Distill = field(default_factory=Distill)
    experiment: Experiment = field(default_factory=Experiment)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    runs: tuple[str, ...] = ("baseline", "ensemble", "distilled")  # names in runs.RUNS
    role: str = choice("teacher", "student", "specialist")  # which net this run trains
    seeds: int = at_least(1)  # models trained side by side, from different starts

    unit = "images"

    @property
    def net(self) -> Net:
        """The network that this run trains."""
        return self.student if self.role == "student" else self.teacher

    @property
    def members(self) -> int:
        """Models that the run trains side by side, temperature by temperature."""
        return self.seeds * len(self.distill.temperatures)

    @property
    def taught(self) -> bool:
        """Whether a teacher's soft targets are part of the loss."""
        return self.distill.hard_weight < 1
