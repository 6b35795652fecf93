"""The smallest paper: logistic regression (Cox 1958), which draws one line.

All of the contract in one file, tested as every paper is. Copy it to
`papers/<name>/__init__.py` to begin: it trains, resumes, reports and predicts from
there. Points of the plane belong to class 1 above a line; a step of gradient descent
moves the line that a model draws.

    >>> import functools, jax
    >>> from tests import smallest_paper as paper
    >>> config = paper.get_config("smoke")
    >>> state = paper.init(config, jax.random.key(0))
    >>> data = paper.batches(config, "train")
    >>> step = jax.jit(functools.partial(paper.train_step, config))
    >>> state, metrics = step(state, next(data))
    >>> sorted(metrics)
    ['loss', 'lr']
"""

import dataclasses
from dataclasses import field
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jaxtyping import Array, Int, Key

from common import optim, rng, variants
from common.brief import Brief
from common.config import at_least
from common.contract import Claim, Run, Table, UserError, summary
from common.data.pipeline import pipeline
from common.lecture import equation, table
from common.losses import cross_entropy
from common.metrics import F1, Mean, over
from common.sections import Loop, Optim, Training

POINTS = {"train": 4000, "valid": 500, "test": 500}


@dataclasses.dataclass
class Data:
    batch_size: int = at_least(1, 32)


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 100)


@dataclasses.dataclass
class Config(Training):
    data: Data = field(default_factory=Data)
    optim: Optim = field(default_factory=lambda: Optim("sgd", 0.1))
    eval: Eval = field(default_factory=Eval)
    runs: tuple[str, ...] = ("line",)  # names in RUNS

    unit = "points"  # what a step reads, in the plural


def _default() -> Config:
    """A thousand steps; keeps the checkpoint with the largest F1."""
    return Config(loop=Loop(best="+f1"))


def _smoke() -> Config:
    """Twenty steps: what the tests run."""
    return Config(loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10))


VARIANTS = {"default": _default, "smoke": _smoke}
PARAM_COUNTS = {"default": 6}  # two classes, each with two weights and a bias
RUNS = {"line": {}, "slow": {"optim.lr": 0.001}}  # what each changes in the config

LECTURE = (  # what --mode=figures shows, as of common.lecture
    equation(
        "eq. 1",
        "how likely a point is above the line",
        "eval_step",
        formula=r"p(y = 1 \mid x) = \sigma(w^T x + b)",
    ),
    table("table 1", "of points it has not seen", results=("Test",)),
)

get_config = partial(variants.get, VARIANTS)


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table."""
    return variants.runs_of(config, lambda name: variants.pick("run", name, RUNS))


class Points:
    """Item i of a split: a point of the unit square, and whether it is above y = x."""

    def __init__(self, split: str) -> None:
        xy = np.random.default_rng([*split.encode()]).random((POINTS[split], 2))
        self._xy = xy.astype(np.float32)

    def __len__(self) -> int:
        return len(self._xy)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        x, y = self._xy[index]
        return {"point": self._xy[index], "label": np.int32(y > x)}


def batches(config: Config, split: str, *, process_index=0, process_count=1):
    """Batches of `batch_spec`."""
    share = {"process_index": process_index, "process_count": process_count}
    if split != "train":
        rows = config.eval.batch_size // process_count
        return pipeline(Points(split), batch_size=rows, repeat=False, **share)
    rows = config.data.batch_size // process_count
    points = Points(split)
    return pipeline(points, batch_size=rows, seed=config.seed, shuffle=True, **share)


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch."""
    rows = config.data.batch_size if split == "train" else config.eval.batch_size
    spec = {
        "point": jax.ShapeDtypeStruct((rows, 2), jnp.float32),
        "label": jax.ShapeDtypeStruct((rows,), jnp.int32),
    }
    mask = jax.ShapeDtypeStruct((rows,), jnp.float32)
    return spec if split == "train" else {**spec, "mask": mask}


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: dict
    opt_state: tuple


NET = nn.Dense(2)  # the logits of both classes


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step; `after` is unused: no run builds on another."""
    del after
    params = NET.init(rng.stream(key, 0, "init"), jnp.zeros((1, 2)))["params"]
    return State(jnp.zeros((), jnp.int32), key, params, _tx(config).init(params))


def train_step(config: Config, state: State, batch, *, axis_name=None):
    """One batch; `loss` in nats."""

    def loss_fn(params, rows, chunk):
        logits = NET.apply({"params": params}, rows["point"])
        return optim.Objective(Mean.of(cross_entropy(logits, rows["label"])))

    chunks = config.optim.accumulate
    found = optim.gradients(
        loss_fn, state.params, batch, chunks=chunks, axis_name=axis_name
    )
    updates, opt_state = _tx(config).update(found.grads, state.opt_state, state.params)
    metrics = {"loss": found.loss, "lr": _rate(config)(state.step)}
    state = state.replace(
        step=state.step + 1,
        params=optax.apply_updates(state.params, updates),
        opt_state=opt_state,
    )
    return state, metrics


def eval_step(config: Config, state: State, batch, *, axis_name=None):
    """Loss, and F1 of class 1 with its precision and recall."""
    params = optim.ema_params(state.opt_state, state.params)
    logits = NET.apply({"params": params}, batch["point"])
    label, mask = batch["label"], batch["mask"]
    f1 = F1.of(jnp.argmax(logits, -1) == 1, label == 1, mask)
    metrics = {
        "loss": Mean.of(cross_entropy(logits, label), mask),
        "f1": f1,
        "precision": f1.precision,
        "recall": f1.recall,
    }
    return {name: metric.across(axis_name) for name, metric in metrics.items()}


def evaluate(config: Config, trained):
    """Yields (name, value): the test split's metrics, and what is claimed."""
    rows = []
    for name, (c, state) in trained.items():
        step = partial(jax.jit(partial(eval_step, c)), state)
        found = over(step, batches(c, "test"))
        rows.append([name, *found.values()])
    yield "Test", Table(("run", *found), rows)
    f1 = found["f1"]
    claim = Claim("a line divides the plane", "it does", f"F1 {f1:.2f}", f1 > 0.9)
    yield "Summary", summary("The smallest paper", [claim])


def inference_inputs(config: Config):
    """Any number of points."""
    return {"point": ("rows, 2", "float32")}


def inference(config: Config, state: State, inputs):
    """The probability of both classes."""
    params = optim.ema_params(state.opt_state, state.params)
    logits = NET.apply({"params": params}, inputs["point"])
    return {"probabilities": jax.nn.softmax(logits)}


def predict(config: Config, state: State, inputs: str):
    """The class of a point, given as "x,y"."""
    try:
        x, y = map(float, inputs.split(","))
    except ValueError:
        raise UserError(f"--input={inputs!r}: write a point as x,y") from None
    logits = NET.apply({"params": state.params}, jnp.array([[x, y]]))
    yield f"class {int(jnp.argmax(logits))}\n"


def _tx(config: Config) -> optax.GradientTransformation:
    return optim.optimiser(config.optim, _rate(config))


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)
