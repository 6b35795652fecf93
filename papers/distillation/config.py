"""Configuration of distillation."""

import dataclasses
from dataclasses import field

from common.config import above, at_least, between, choice, dtype
from common.sections import Training
from papers.resnet.config import Model as ResNet


@dataclasses.dataclass
class Net:
    """A classifier of images."""

    kind: str = choice("mlp", "resnet")
    hidden: tuple[int, ...] = at_least(1, (1200, 1200), only=("kind", "mlp"))
    dropout_input: float = between(0.0, 1.0, only=("kind", "mlp"))
    dropout: float = between(0.0, 1.0, only=("kind", "mlp"))  # after each hidden layer
    # Largest norm of a hidden unit's incoming weights; 0: any.
    max_norm: float = at_least(0.0, only=("kind", "mlp"))
    # Classes and dtype are this net's; blocks are looped only if scan is "always".
    resnet: ResNet = field(default_factory=ResNet)
    jitter: int = at_least(0)  # pixels by which its training images are moved, at most
    dtype: str = dtype()


@dataclasses.dataclass
class Data:
    source: str = choice("embedded", "files", "tfds", "generated")
    name: str = ""  # of the embedded, tfds or generated set
    root: str = ""  # files: a folder; tfds: the data_dir
    # Height, width, channels to resize to; (): as they are.
    image: tuple[int, ...] = at_least(1, (), lengths=(0, 3))
    classes: int = at_least(0)  # 0: those of the set, which its runs then have here
    batch_size: int = at_least(1, 128)  # images a step; all models of a run see them
    share: float = above(0.0, 1.0, most=1.0)  # of the training split
    own_share: bool = False  # each seed has its own share, and its own batches
    without: tuple[int, ...] = at_least(0, ())  # classes left out of the training split
    only: tuple[int, ...] = at_least(0, ())  # classes it is confined to; (): all


@dataclasses.dataclass
class Distill:
    temperatures: tuple[float, ...] = above(0.0, (1.0,))  # `seeds` models at each
    hard_weight: float = between(0.0, 1.0, 1.0)  # of the labels' loss; 1: no teacher
    average: str = choice("arithmetic", "geometric")  # of the teachers' probabilities
    targets: str = choice("cached", "live")  # the teachers' logits; live: every step's
    file: str = ""  # read the teacher's logits from this file (teacher.save)
    keep_teacher: bool = True  # in the student's state, for `predict`


@dataclasses.dataclass
class Experiment:
    """What the runs of the tables are."""

    members: int = at_least(1, 10)  # of the ensemble
    seeds: int = at_least(1, 3)  # students a run
    distilled_at: tuple[float, ...] = above(0.0, (1.0,))  # of the distilled model
    temperature: float = above(0.0, 2.0)  # where the transfer set lacks classes
    hard_weight: float = between(0.0, 1.0)  # of the labels in both
    # Steps of `distilled` and `small`, in those of the others.
    longer: float = above(0.0, 4.0)
    share: float = above(0.0, 0.03, most=1.0)  # of the training split, for few labels
    temperatures: tuple[float, ...] = above(
        0.0, (1.0, 2.0, 4.0, 8.0)
    )  # with few labels
    without: int = at_least(0, 3)  # the class that the transfer set lacks
    only: tuple[int, ...] = at_least(0, (7, 8))  # classes a transfer set is confined to
    clusters: int = at_least(1, 3)  # specialists


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 500)  # images
    soften: tuple[float, ...] = above(0.0, (1.0, 2.0, 5.0, 20.0))  # of the picture
    digits: int = at_least(0, 5)  # images in it
    timed_steps: int = at_least(0, 10)  # of the ensemble and of one model, in turns
    write: str = ""  # write the ensemble's logits of the training split to this file


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
        return self.student if self.role == "student" else self.teacher

    @property
    def members(self) -> int:
        """Models that the run trains side by side, temperature by temperature."""
        return self.seeds * len(self.distill.temperatures)

    @property
    def taught(self) -> bool:
        return self.distill.hard_weight < 1
