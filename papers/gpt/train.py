"""Training GPT: state, one step, and the evaluation of a batch.

A state holds one model or several members, which share nothing but the program: seeds
of a fine-tuning run, and the depths to which it takes over what was pre-trained.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key, UInt32

from common import optim, rng
from common.brief import Brief
from common.metrics import Gathered, Mean
from papers.gpt import data, objective, tasks, weights
from papers.gpt.config import Config
from papers.gpt.optimiser import factor, released_adam

# XLA spreads its products over the cores, and two devices wait for each other.
CPU_DEVICES = 1


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any  # each leaf [members, ...]
    opt_state: Any  # as well
    tokenizer: UInt32[Array, ""]  # mark of the text's vocabulary; 0: none yet
    snapshots: Any  # parameters along pre-training, [1 + snapshots, members, ...]


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step; `after` holds the pre-trained run, where this
    one takes over parameters. Models of one seed start alike, whatever they take over.
    """
    seed = jnp.arange(config.members) % config.finetune.seeds
    keys = jax.vmap(jax.random.fold_in, (None, 0))(rng.stream(key, 0, "init"), seed)
    params = jax.jit(jax.vmap(partial(_random, config)))(keys)
    if after:
        ((_, pretrained),) = after.values()
        params = transferred(
            config, params, optim.ema_params(pretrained.opt_state, pretrained.params)
        )
    elif config.weights:
        one = jax.tree.map(lambda x: x[0], params)
        released = weights.load(config.weights, config.model, one)
        params = transferred(config, params, jax.tree.map(lambda x: x[None], released))
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=params,
        opt_state=jax.vmap(_tx(config).init)(params),
        tokenizer=jnp.zeros((), jnp.uint32),
        snapshots=_no_snapshots(config, params),
    )


def _random(config: Config, key: Key[Array, ""]) -> Any:
    """The parameters of one model before any training."""
    net = objective.network(config)
    if not config.task:
        return net.init(key, jnp.zeros((1, 2), jnp.int32))["params"]
    shape = data.shape(config)
    tokens = jnp.zeros((1, shape.n_inputs, 2), jnp.int32)
    extract = jnp.zeros((1, shape.n_inputs), jnp.int32)
    return net.init(key, tokens, extract, shape.form, method="task")["params"]


def transferred(config: Config, params: Any, pretrained: Any) -> Any:
    """`params` with the embeddings and the first layers of `pretrained`, as many as the
    depth of each member says: 0 takes over the embeddings alone, -1 nothing.

    Args:
      params: leaves [members, ...].
      pretrained: leaves [1, ...].
    """
    depths = np.repeat(config.depths, config.finetune.seeds if config.task else 1)
    first = {"tokens": 0, "positions": 0, "lstm": 1, "output": 1, "norm": 1}
    first |= {f"blocks_{i}": i + 1 for i in range(config.model.n_layers)}

    def chosen(least, own, other):
        def choose(own, other):
            taken = (depths >= least).reshape(-1, *[1] * (own.ndim - 1))
            return jnp.where(taken, other, own)

        return jax.tree.map(choose, own, other)

    taken = {
        name: chosen(first[name], params[name], pretrained[name])
        for name in params.keys() & first.keys()
    }
    return {**params, **taken}


def _no_snapshots(config: Config, params: Any) -> Any:
    """Places for the snapshots, the first of which is of the start."""
    if not config.snapshots:
        return {}

    def places(x):
        empty = jnp.zeros((1 + config.snapshots, *x.shape), x.dtype)
        return empty.at[0].set(x)

    return jax.tree.map(places, params)


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """Trains on one batch of windows or of a task's examples; `loss` is in nats."""
    dropout = rng.stream(state.key, state.step, "dropout", axis_name)
    rows = jax.tree.map(partial(_to_members, config), _without_mark(batch))

    def loss_fn(params, rows, chunk):
        keys = jax.random.split(jax.random.fold_in(dropout, chunk), config.members)
        found = jax.vmap(partial(objective.losses, config), in_axes=(0, 1, 0))(
            params, rows, keys
        )
        parts = {name: Mean.of(part) for name, part in found.parts.items()}
        return optim.Objective(Mean.of(jnp.sum(found.total, axis=0)), aux=parts)

    found = optim.gradients(
        loss_fn,
        state.params,
        rows,
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )
    updates, opt_state = jax.vmap(_tx(config).update)(
        found.grads, state.opt_state, state.params
    )
    metrics = {
        "loss": found.loss / config.members,
        **{name: part.value for name, part in found.aux.items()},
        "grad_norm": optax.tree.norm(found.grads),
        "lr": _rate(config)(state.step),
    }
    params = optax.apply_updates(state.params, updates)
    state = state.replace(
        step=state.step + 1,
        params=params,
        opt_state=opt_state,
        tokenizer=jnp.max(batch["tokenizer"]),
        snapshots=_with_snapshot(config, state.snapshots, state.step + 1, params),
    )
    return state, metrics


def _without_mark(batch: dict) -> dict:
    return {name: array for name, array in batch.items() if name != "tokenizer"}


def _to_members(config: Config, x: Array) -> Array:
    """The rows of every member, [rows, members, ...]: a task's, [rows, seeds, ...], are
    the same at each depth; a window has one member."""
    if not config.task:
        return x[:, None]
    return jnp.concatenate([x] * len(config.depths), axis=1)


def _with_snapshot(config: Config, snapshots: Any, step: Array, params: Any) -> Any:
    if not config.snapshots:
        return snapshots
    every = config.loop.steps // config.snapshots
    due = (step % every == 0) & (step // every <= config.snapshots)

    def write(kept):
        return jax.tree.map(lambda kept, x: kept.at[step // every].set(x), kept, params)

    return jax.lax.cond(due, write, lambda kept: kept, snapshots)


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Any]:
    """Of a text: the loss in nats a token, of the tokens that the mask counts. Of a
    task: means over the members of the losses of labelled examples, and the members'
    logits as "outputs"."""
    params = optim.ema_params(state.opt_state, state.params)
    evaluated = _task_metrics if config.task else _text_metrics
    metrics = evaluated(config, params, batch)
    return {name: metric.across(axis_name) for name, metric in metrics.items()}


def _text_metrics(config: Config, params: Any, batch: dict) -> dict[str, Mean]:
    (one,) = each_member(params)
    nll = objective.language_nll(config, one, batch, dropout=None)
    return {"loss": Mean.of(nll, batch["mask"])}


def _task_metrics(config: Config, params: Any, batch: dict) -> dict[str, Any]:
    found = jax.vmap(lambda p: objective.losses(config, p, batch, dropout=None))(params)
    labelled = batch["example_mask"] * (batch["label"] >= 0)
    losses = {"loss": found.total, **found.parts}
    means = {n: Mean.of(jnp.mean(x, axis=0), labelled) for n, x in losses.items()}
    answers = {"logits": jnp.swapaxes(found.logits, 0, 1), "label": batch["label"]}
    if "soft" in batch:
        answers["soft"] = batch["soft"]
    return {**means, "outputs": Gathered(answers, labelled)}


def each_member(params: Any) -> list[Any]:
    """The parameters of every member."""
    members = len(jax.tree.leaves(params)[0])
    return [jax.tree.map(lambda x, i=i: x[i], params) for i in range(members)]


def validate(config: Config, outputs: dict[str, Any]) -> dict[str, float]:
    """The task's metrics, means over the members."""
    if not config.task:
        return {}
    scores = member_scores(config, outputs["outputs"])
    return {name: float(np.mean([s[name] for s in scores])) for name in scores[0]}


def member_scores(config: Config, answers: dict[str, Any]) -> list[dict[str, float]]:
    """{metric: value} of every member, from the gathered outputs of `eval_step`."""
    task = data.task(config)
    labels = tasks.expected(answers["soft"]) if task.scored else answers["label"]
    return [
        tasks.measure(task, tasks.predictions(task, logits), labels)
        for logits in np.swapaxes(answers["logits"], 0, 1)
    ]


def _tx(config: Config) -> optax.GradientTransformation:
    """Of one member. Fine-tuning has the released code's Adam."""
    if config.task:
        return released_adam(config.optim, config.loop.steps, config.finetune.warmup)
    return optim.optimiser(config.optim, _rate(config))


def _rate(config: Config) -> optax.Schedule:
    if not config.task:
        return optim.learning_rate(config.optim, config.loop.steps)
    peak, steps, warmup = config.optim.lr, config.loop.steps, config.finetune.warmup
    return lambda step: peak * factor(step, steps, warmup)
