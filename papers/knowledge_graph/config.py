"""Configuration of TransE, TransH, TransR and TransD."""

import dataclasses
from dataclasses import field

from common.config import above, at_least, between, choice, of_source
from common.sections import Optim, Schedule, Training

FILES = ("source", "files")


@dataclasses.dataclass
class Model:
    embedding: str = choice("transe", "transh", "transr", "transd")
    d_entity: int = at_least(1, 50)
    d_relation: int = at_least(1, 50)  # TransE and TransH: d_entity
    distance: str = choice("l1", "l2", "squared")
    # Score unit vectors, as OpenKE does: h, r and t after their projection.
    normalised: bool = False
    # Of the rows that a step moved. ball: norms of at most 1, as TransH, TransR and
    # TransD have them, those of projected entities among them; sphere: entities of norm
    # 1, as TransE; none: rows stay as the step left them.
    constraint: str = choice("none", "ball", "sphere")
    init: str = choice("uniform", "xavier")  # uniform: within 6 / sqrt(d), as TransE
    pad_rows: int = at_least(1)  # tables have a multiple of it: they divide over chips


@dataclasses.dataclass
class Loss:
    total: str = choice("mean", "sum")  # over the triples and negatives of a batch
    orthogonality: float = at_least(0.0)  # TransH: C of eq. 4 for the epsilon of eq. 2
    epsilon: float = above(0.0, 1e-3)


@dataclasses.dataclass
class Each:
    """Where runs differ: one value for all, or one for each of `config.runs`."""

    margin: tuple[float, ...] = above(0.0, (1.0,))
    rate: tuple[float, ...] = above(0.0, (1.0,))  # learning rate / optim.lr
    steps: tuple[int, ...] = at_least(0, (0,))  # 0: loop.steps


@dataclasses.dataclass
class Data:
    source: str = choice("countries", "files", "tfds", "function", "generated")
    # files: the folder; tfds: where it was prepared
    root: str = of_source("files", "tfds", "function")
    # tfds: the set; function: "module:function", which gets the root
    name: str = of_source("tfds", "function")
    # Without a root: the sizes of the set that a variant is for.
    entities: int = at_least(0, only=FILES)
    relations: int = at_least(0, only=FILES)
    batch_size: int = at_least(1, 512)  # triples
    negatives: int = at_least(1, 4)  # of each triple
    # Which side a negative replaces. bernoulli: tph / (tph + hpt), of the relation.
    corruption: str = choice("bernoulli", "uniform")
    filtered: bool = True  # no negative is a triple of the training set


@dataclasses.dataclass
class Eval:
    """How trained embeddings are measured. Nothing here changes training."""

    triples: int = at_least(1, 512)  # of the validation set that training ranks
    batch_size: int = at_least(1, 16)  # of them at once
    block: int = at_least(
        1, 32
    )  # test questions of one relation that are ranked at once
    most: int = at_least(0)  # test triples that are ranked, evenly spaced; 0: all


@dataclasses.dataclass
class Predict:
    """What is asked of trained embeddings. Nothing here changes training."""

    top: int = at_least(1, 10)  # answers of a question
    out: str = ""  # folder, .vec or .safetensors that the tables are written to


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    loss: Loss = field(default_factory=Loss)
    each: Each = field(default_factory=Each)
    data: Data = field(default_factory=Data)
    optim: Optim = field(
        default_factory=lambda: Optim(lr=0.01, schedule=Schedule("constant"))
    )
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    # rows: plain SGD of the rows that a batch names, whatever the tables' size. tables:
    # any optimiser, over whole tables.
    update: str = choice("tables", "rows")
    runs: tuple[str, ...] = ("transe",)  # names in `runs.RUNS`
    seeds: int = between(1, 100, 1)  # every run so many times, each with another seed
    weights: str = ""  # tables that training starts from, as `predict.out` writes them

    unit = "triples"  # what a step reads, in the plural
