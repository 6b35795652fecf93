"""How `common.biaffine` learns a treebank, and how well its trees are."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key

from common import biaffine, optim, rng
from common.biaffine import Batch, Parser, Sizes
from common.metrics import Mean
from common.sections import Optim, Schedule
from common.text import trained_parser
from common.text.parses import Parsed


@struct.dataclass
class State:
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any
    opt_state: Any


class Plan(NamedTuple):
    """steps: of the whole training, in which the learning rate falls to 0."""

    sizes: Sizes
    steps: int
    lr: float = 3e-3

    def tx(self) -> optax.GradientTransformation:
        config = Optim(
            "adam", self.lr, Schedule(warmup=50), b2=0.95, clip_norm=5.0, ema=0.99
        )
        return optim.optimiser(config, optim.learning_rate(config, self.steps))


def init(plan: Plan, key: Key[Array, ""]) -> State:
    """The state before the first step."""
    params = trained_parser.initial(plan.sizes, rng.stream(key, 0, "init"))
    return State(jnp.zeros((), jnp.int32), key, params, plan.tx().init(params))


@partial(jax.jit, static_argnums=0, donate_argnums=1)
def train_step(
    plan: Plan, state: State, batch: Batch
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """One batch; "arc" and "label" are nats a word."""
    rngs = {"dropout": rng.stream(state.key, state.step, "dropout")}

    def loss_fn(params, rows, chunk):
        del chunk  # there is one
        net = Parser(plan.sizes)
        scores = net.apply({"params": params}, rows, train=True, rngs=rngs)
        real = biaffine.real_words(rows)
        parts = {
            name: Mean.of(loss, real)
            for name, loss in biaffine.losses(scores, rows).items()
        }
        count = parts["arc"].count
        loss = Mean(parts["arc"].total + parts["label"].total, count)
        return optim.Objective(loss, aux={n: mean.value for n, mean in parts.items()})

    found = optim.gradients(loss_fn, state.params, batch)
    updates, opt_state = plan.tx().update(found.grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    state = state.replace(step=state.step + 1, params=params, opt_state=opt_state)
    return state, found.aux


class Attachment(NamedTuple):
    """Shares of the words, signs among them: the head is right, "uas"; and the label
    with it, "las"."""

    uas: float
    las: float


def attachment(gold: Sequence[Parsed], found: Iterable[Parsed]) -> Attachment:
    """How many words have the right head; of the same sentences."""
    words = heads = labels = 0
    for right, one in zip(gold, found, strict=True):
        for i, head in enumerate(right.heads):
            same = one.heads[i] == head
            words += 1
            heads += same
            labels += same and one.arcs[i] == right.arcs[i]
    return Attachment(heads / max(words, 1), labels / max(words, 1))


def next_word(parsed: Parsed) -> Parsed:
    """The tree in which each word hangs on the next one: what no rule needs."""
    count = len(parsed)
    heads = (*range(1, count), -1)
    return Parsed(parsed.words, parsed.tags, heads, ("",) * count)
