"""The part of a config that all papers share: `Training` and its sections."""

import dataclasses
from dataclasses import field

from common.config import (
    above,
    at_least,
    between,
    choice,
    fields,
    only_fields,
    rule_of,
    seed,
)
from common.contract import Table


@dataclasses.dataclass
class Loop:
    """`config.loop` of every paper: when to train, log, evaluate and save."""

    steps: int = at_least(0, 1000)
    log_every: int = at_least(1, 20)  # steps whose mean is a line of metrics.jsonl
    eval_every: int = at_least(0, 200)  # steps; 0 evaluates at the end only
    save_every: int = at_least(0, 200)  # steps between checkpoints; 0: by the clock
    save_minutes: float = at_least(0.0, 10.0)  # longest time between checkpoints
    keep: int = at_least(1, 2)  # newest checkpoints kept, besides the best
    best: str = ""  # metric of the best: least "loss", or largest "+accuracy"

    def best_is(self) -> str:
        """What `best` asks for: "the least loss", "the largest accuracy"; or ""."""
        which = "largest" if self.best.startswith("+") else "least"
        return self.best and f"the {which} {self.best.lstrip('+')}"


# For `only`: another field, and its values that read a field.
ADAM = ("name", "adam", "adamw")
STEPS = ("decay", "step")
SLOPES = ("decay", "cosine", "linear")


@dataclasses.dataclass
class Schedule:
    """`config.optim.schedule`: the learning rate over a run. All rates are fractions of
    the peak, `optim.lr`."""

    decay: str = choice("cosine", "constant", "linear", "step")
    warmup: int = at_least(0)  # steps in which the rate rises from 0 to the peak
    warmup_at: float = between(0.0, 1.0)  # above 0: warm up at this rate, without rise
    decay_from_warmup: bool = True  # the decay starts after it; False: at step 0
    floor: float = between(0.0, 1.0, only=SLOPES)  # the rate at the end
    steps: int = at_least(0, only=SLOPES)  # where it ends falling; 0: with the run
    boundaries: tuple[int, ...] = at_least(0, (), only=STEPS)  # where the rate falls
    factor: float = above(0.0, 0.1, only=STEPS)  # each fall multiplies it by this


@dataclasses.dataclass
class Optim:
    """`config.optim` of every paper."""

    name: str = choice("adam", "adamw", "sgd")
    lr: float = at_least(0.0, 1e-3)  # the peak
    schedule: Schedule = field(default_factory=Schedule)
    b1: float = between(0.0, 1.0, 0.9, only=ADAM)
    b2: float = between(0.0, 1.0, 0.999, only=ADAM)
    eps: float = above(0.0, 1e-8, only=ADAM)
    momentum: float = between(0.0, 1.0, 0.9, only=("name", "sgd"))
    weight_decay: float = at_least(0.0)  # adamw: decoupled; adam, sgd: an L2 loss
    clip_norm: float = at_least(0.0)  # largest norm of the whole gradient; 0: any
    accumulate: int = at_least(1)  # equal chunks of a batch, one computed at a time
    ema: float = between(0.0, 1.0)  # decay of the parameters' running average; 0: none


@dataclasses.dataclass
class Training:
    """The base class of a paper's Config.

    A Config adds sections of its own, among them `data`, which has the `batch_size`.
    Its `unit` is what a batch consists of, in the plural: "images".

    Sections `eval` and `predict` never change training. They may differ between calls
    on one workdir; all other fields must stay the same.
    """

    optim: Optim = field(default_factory=Optim)
    loop: Loop = field(default_factory=Loop)
    runs: tuple[str, ...] = ("main",)  # names of the models to train
    seed: int = seed()

    def __init_subclass__(cls) -> None:
        """From here on `config.loop.stepz = 5` is a UserError."""
        only_fields(cls)

    @property
    def items_per_step(self) -> int:
        """How many items, in `unit`, a step reads."""
        return self.data.batch_size

    def _repr_html_(self) -> str:
        """What a notebook shows: a row a field."""
        rows = [[name, repr(value), str(rule_of(f))] for name, f, value in fields(self)]
        return Table(("field", "value", "may be"), rows)._repr_html_()
