"""Training the parser and the generator: the state, one step, the loss of a batch."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key, UInt8

from common import optim, rng
from common.beams import Beams, search
from common.brief import Brief
from common.losses import cross_entropy
from common.metrics import Gathered, Mean
from papers.amr_summarization import data
from papers.amr_summarization.config import Config
from papers.amr_summarization.model import Network
from papers.amr_summarization.sequences import held_out
from papers.amr_summarization.sequences.vocabulary import END, START, UNKNOWN

CPU_DEVICES = 1  # XLA spreads its products over the cores: 0.19 CPU seconds a step


@struct.dataclass
class State(Brief):
    """items, symbols: the vocabulary, as of `Vocabulary.arrays`."""

    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any
    opt_state: Any
    items: UInt8[Array, "items bytes"]
    symbols: UInt8[Array, "symbols bytes"]


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step; `after` is unused: no run builds on another."""
    del after
    names = data.vocabulary(config).arrays(config.model.items, config.model.symbols)
    one = {
        name: jnp.zeros((1, *x.shape[1:]), x.dtype)
        for name, x in data.batch_spec(config).items()
    }
    draw = jax.jit(network(config).init)
    params = draw(rng.stream(key, 0, "init"), one)["params"]
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=params,
        opt_state=_tx(config).init(params),
        items=jnp.asarray(names.items),
        symbols=jnp.asarray(names.symbols),
    )


def network(config: Config) -> Network:
    nested = config.direction == "parser"
    return Network(config.model, data.positions(config), nested)


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """One batch of packed rows; `loss` is in nats a piece, over known pieces."""
    dropout = rng.stream(state.key, state.step, "dropout", axis_name)

    def loss_fn(params, rows, chunk):
        rngs = {"dropout": jax.random.fold_in(dropout, chunk)}
        logits = network(config).apply({"params": params}, rows, True, rngs=rngs)
        losses = cross_entropy(logits, rows["target"])
        return optim.Objective(Mean.of(losses, known(rows)))

    found = optim.gradients(
        loss_fn,
        state.params,
        batch,
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )
    updates, opt_state = _tx(config).update(found.grads, state.opt_state, state.params)
    metrics = {"loss": found.loss, "lr": _rate(config)(state.step)}
    state = state.replace(
        step=state.step + 1,
        params=optax.apply_updates(state.params, updates),
        opt_state=opt_state,
    )
    return state, metrics


def known(rows: dict) -> Bool[Array, "batch time"]:
    """True at pieces that the network can write."""
    return (rows["segment"] > 0) & (rows["target"] != UNKNOWN)


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Any]:
    """The mean "loss" of a piece, the share of pieces that are likeliest where they
    should be, "accuracy", and as "outputs" what greedy search writes: ids of pieces,
    beside the number of the pair."""
    params = optim.ema_params(state.opt_state, state.params)
    logits = network(config).apply({"params": params}, batch)
    counted = known(batch) * batch["mask"][:, None]
    losses = cross_entropy(logits, batch["target"])
    right = jnp.argmax(logits, axis=-1) == batch["target"]
    found = written(config, params, state.symbols, batch, beams=1)
    outputs = {"pieces": found.tokens[:, 0], "pair": batch["pair"]}
    metrics = {
        "loss": Mean.of(losses, counted),
        "accuracy": Mean.of(right, counted),
        "outputs": Gathered(outputs, batch["mask"]),
    }
    return {name: metric.across(axis_name) for name, metric in metrics.items()}


def validate(config: Config, outputs: dict[str, Any]) -> dict[str, float]:
    """Of the parser "smatch", of the generator "bleu", both in [0, 1]."""
    found = outputs["outputs"]
    return held_out.scores(config, found["pieces"], found["pair"])


def written(
    config: Config,
    params: Any,
    symbols: UInt8[Array, "symbols bytes"],
    batch: dict,
    beams: int,
    alpha: float = 0.0,
) -> Beams:
    """What a search writes for the sources of a batch, one a row."""
    net = network(config)
    variables = {"params": params}
    memory = net.apply(variables, batch, method="encode")
    allowed = choices(symbols, batch["source_segment"])

    def step(previous, state):
        logits, state = net.apply(variables, memory, previous, state, method="step")
        return jax.nn.log_softmax(jnp.where(allowed, logits, -jnp.inf)), state

    rows = batch["item"].shape[0]
    return search(
        step,
        net.apply(variables, memory, beams, method="begin"),
        jnp.full(rows, START),
        beams=beams,
        steps=data.single_lengths(config)[1],
        end=END,
        size=allowed.shape[-1],
        alpha=alpha,
    )


def choices(
    symbols: UInt8[Array, "symbols bytes"], segment: Int[Array, "batch source"]
) -> Bool[Array, "batch 1 choices"]:
    """True at what may be written: symbols that have a name, and items that exist."""
    named = jnp.any(symbols > 0, axis=1) & (jnp.arange(len(symbols)) >= END)
    named = jnp.broadcast_to(named, (segment.shape[0], len(symbols)))
    return jnp.concatenate([named, segment > 0], axis=1)[:, None]


def _tx(config: Config) -> optax.GradientTransformation:
    return optim.optimiser(config.optim, _rate(config))


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)
