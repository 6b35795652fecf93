"""What the configs of all papers have: `Training`, and its sections."""

import dataclasses
from dataclasses import field

from common.config import above, at_least, between, choice, seed


@dataclasses.dataclass
class Loop:
    """`config.loop` of every paper: how long to train, and how often to look."""

    steps: int = at_least(0, 1000)
    log_every: int = at_least(1, 20)  # steps a line of metrics.jsonl averages over
    eval_every: int = at_least(0, 200)  # steps; 0 evaluates at the end only
    save_every: int = at_least(0, 200)  # steps between checkpoints; 0: by the clock
    save_minutes: float = at_least(0.0, 10.0)  # and at least this often
    keep: int = at_least(1, 2)  # newest checkpoints kept, besides the best
    best: str = ""  # metric whose best checkpoint is kept: "loss", or "+accuracy"


ADAM = ("name", "adam", "adamw")
STEPS = ("decay", "step")
SLOPES = ("decay", "cosine", "linear")


@dataclasses.dataclass
class Schedule:
    """`config.optim.schedule`: the learning rate over a run, as fractions of its peak,
    `optim.lr`."""

    decay: str = choice("cosine", "constant", "linear", "step")
    warmup: int = at_least(0)  # steps in which the rate rises from 0 to the peak
    warmup_at: float = between(0.0, 1.0)  # not 0: the rate stays here instead of rising
    decay_from_warmup: bool = True  # False: the decay counts its steps from step 0
    floor: float = between(0.0, 1.0, only=SLOPES)  # where the decay ends
    boundaries: tuple[int, ...] = at_least(0, (), only=STEPS)  # steps that multiply ...
    factor: float = above(0.0, 0.1, only=STEPS)  # ... the rate by this


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
    weight_decay: float = at_least(0.0)  # adamw: decoupled; adam, sgd: an L2 gradient
    clip_norm: float = at_least(0.0)  # of the whole gradient; 0 never clips
    accumulate: int = at_least(1)  # chunks that a batch is computed in
    ema: float = between(0.0, 1.0)  # decay of the parameters' average; 0 keeps none


@dataclasses.dataclass
class Training:
    """A paper's Config is one of these, with sections of its own: `data` has the
    `batch_size`, and `unit` says what a batch consists of, in the plural.

    Sections `eval` and `predict` say how a trained model is looked at: they may differ
    between calls on one workdir, everything else may not.
    """

    optim: Optim = field(default_factory=Optim)
    loop: Loop = field(default_factory=Loop)
    runs: tuple[str, ...] = ("main",)  # the rows of the variant's table
    seed: int = seed()

    @property
    def items_per_step(self) -> int:
        """How many of `unit` a step reads."""
        return self.data.batch_size
