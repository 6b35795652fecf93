"""Training Transformer-XL: state, one step, and the evaluation of a split.

`State.memory` carries the memory: a step reads it, and writes its own hidden states
there for the next step.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key

from common import optim, rng
from common.brief import Brief
from common.metrics import Mean
from papers.transformer_xl import weights
from papers.transformer_xl.config import Config
from papers.transformer_xl.data import segment_length
from papers.transformer_xl.memory import Memory, empty_memory
from papers.transformer_xl.model import TransformerXL

LN_2 = 0.6931471805599453  # nats in a bit
# With a mesh's fsdp part: W_r is split over its outputs. Split over its inputs, each
# device's R W_r is a summand, and two all-reduces a layer make the sum.
SHARDING = (("position/kernel", (1, 2, 0)),)


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any
    opt_state: Any
    memory: Memory = struct.field(metadata={"batch_axis": 0, "training_only": True})


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step; `after` is unused: no run builds on another."""
    del after
    c = config.model
    params = _params(config, rng.stream(key, 0, "init"))
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=params,
        opt_state=_tx(config).init(params),
        memory=empty_memory(c, config.data.batch_size, c.mem_len, config.data.ext_len),
    )


def _params(config: Config, key: Key[Array, ""]) -> Any:
    """Random parameters, or the released ones of `config.weights`."""
    c = config.model
    tokens = jnp.zeros((1, 2), jnp.int32)

    def random(key):
        memory = empty_memory(c, 1, 0)
        return TransformerXL(c).init(key, tokens, tokens, memory, method="nll")[
            "params"
        ]

    if config.weights:
        return weights.load(config.weights, c, jax.eval_shape(random, key))
    return jax.jit(random)(key)


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """Trains on one segment of every stream. `batch` is that of data.py; `loss` is in
    nats per token."""
    model = TransformerXL(config.model)
    dropout = rng.stream(state.key, state.step, "dropout", axis_name)
    counted = batch["mask"] * _counted(config, batch["mask"].shape[1])

    def loss_fn(params, rows, chunk):
        nll, memory = model.apply(
            {"params": params},
            rows["inputs"],
            rows["targets"],
            rows["memory"],
            train=True,
            dense=False,
            rngs={"dropout": jax.random.fold_in(dropout, chunk)},
            method="nll",
        )
        return optim.Objective(Mean.of(nll, rows["counted"]), rows=memory)

    rows = {
        "inputs": batch["inputs"],
        "targets": batch["targets"],
        "counted": counted,
        "memory": state.memory.forget(batch["first"]),
    }
    found = optim.gradients(
        loss_fn,
        state.params,
        rows,
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )
    updates, opt_state = _tx(config).update(found.grads, state.opt_state, state.params)
    metrics = {
        "loss": found.loss,
        "grad_norm": optax.tree.norm(found.grads),
        "lr": _rate(config)(state.step),
    }
    state = state.replace(
        step=state.step + 1,
        params=optax.apply_updates(state.params, updates),
        opt_state=opt_state,
        memory=found.rows,
    )
    return state, metrics


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Mean]:
    """Loss in nats and in bits per token of a stretch of text [batch, length *
    segments]. It is read as `validated` says, with a memory of its own that starts
    empty."""
    params = optim.ema_params(state.opt_state, state.params)
    nll = stream_nll(validated(config), params, batch["inputs"], batch["targets"])
    loss = Mean.of(nll, batch["mask"]).across(axis_name)
    return {"loss": loss, "bits": Mean(loss.total / LN_2, loss.count)}


def validated(config: Config) -> Config:
    """The config with which a split is read while training: shorter segments where
    `eval` has such, and a memory that is longer by as much, so that the last token of a
    segment sees as many as in training. The long memory of `eval` is left to the end.
    """
    length = segment_length(config)
    if length == config.data.length:
        return config
    mem_len = config.model.mem_len + config.data.length - length
    return dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, mem_len=mem_len),
        data=dataclasses.replace(config.data, length=length),
    )


def evaluated(config: Config) -> Config:
    """The config with the lengths of segment and memory that `eval` says. A model
    without recurrence reads as many tokens at once as in training, of which the first
    `eval.ext_len` are read again."""
    e = config.eval
    if not config.model.mem_len:
        length = config.data.length + config.data.ext_len - e.ext_len
        data = dataclasses.replace(config.data, length=length, ext_len=e.ext_len)
        return dataclasses.replace(config, data=data)
    model = dataclasses.replace(
        config.model, mem_len=e.mem_len, clamp_len=e.clamp_len, window=e.window
    )
    data = dataclasses.replace(config.data, length=e.length, ext_len=e.ext_len)
    return dataclasses.replace(config, model=model, data=data)


def stream_nll(
    config: Config,
    params: Any,
    inputs: Int[Array, "batch stream"],
    targets: Int[Array, "batch stream"],
) -> Float[Array, "batch stream"]:
    """-log p in nats of every target, read in segments of `data.length` with memory."""
    c = config.model
    length = config.data.length
    model = TransformerXL(c)

    def segment(memory, tokens):
        nll, memory = model.apply({"params": params}, *tokens, memory, method="nll")
        return memory, nll

    def segments(x):
        return jnp.moveaxis(x.reshape(x.shape[0], -1, length), 1, 0)

    memory = empty_memory(c, inputs.shape[0], c.mem_len, config.data.ext_len)
    if config.eval.count_zeros:
        memory = memory.replace(valid=jnp.full_like(memory.valid, c.mem_len))
    _, nll = jax.lax.scan(segment, memory, (segments(inputs), segments(targets)))
    return jnp.moveaxis(nll, 0, 1).reshape(inputs.shape)


def _tx(config: Config) -> optax.GradientTransformation:
    return optim.optimiser(config.optim, _rate(config))


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)


def _counted(config: Config, length: int) -> Float[Array, "time"]:
    """1 where a position's loss counts: everywhere, or in a segment's second half."""
    half = length // 2 if config.half_loss else 0
    return (jnp.arange(length) >= half).astype(jnp.float32)
