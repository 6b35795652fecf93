"""Training DKN and the models beside it: the state, one step, the loss of a batch.

A state holds one model for each of `config.seeds`: they read the same batches and share
nothing but entity vectors.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key

from common import optim, rng
from common.brief import Brief
from common.metrics import Gathered, Mean
from papers.dkn import data, measure, vectors
from papers.dkn.baselines import NETWORKS
from papers.dkn.config import Config


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any  # each leaf [seeds, ...]
    opt_state: Any  # as well
    tables: Any  # {"entity": [entities, d], "context": ...}, where they do not train
    snapshots: Any  # parameters along training, [snapshots, seeds, ...]


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step; `after` holds the run of entity vectors, where
    there is one."""
    tables = vectors.tables(config, rng.stream(key, 0, "vectors"), after or {})
    seeds = jnp.arange(config.seeds)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(rng.stream(key, 0, "init"), seeds)
    params = jax.jit(jax.vmap(lambda key: {"net": _random(config, key, tables)}))(keys)
    if config.vectors.trained:
        copies = (config.seeds, 1, 1)
        params["tables"] = jax.tree.map(lambda x: jnp.tile(x, copies), tables)
        tables = {}
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=params,
        opt_state=jax.vmap(_tx(config).init)(params),
        tables=tables,
        snapshots=_places(config, params),
    )


def _places(config: Config, params: Any) -> Any:
    if not config.snapshots:
        return {}
    return jax.tree.map(lambda x: jnp.zeros((config.snapshots, *x.shape)), params)


def _random(config: Config, key: Key[Array, ""], tables: Any) -> Any:
    one = {
        name: jnp.zeros((1, *x.shape[1:]), x.dtype)
        for name, x in data.batch_spec(config).items()
    }
    return network(config).init(key, one, tables)["params"]


def network(config: Config) -> Any:
    """The network of the config, a module that is called as `model.DKN`."""
    return NETWORKS[config.model.network](config)


def apply(
    config: Config, params: Any, tables: Any, batch: Any, dropout: Any = None
) -> tuple[Float[Array, "rows candidates"], Any]:
    """Logits, and the shares of the clicks, of one of the seeds."""
    rngs = {} if dropout is None else {"dropout": dropout}
    return network(config).apply(
        {"params": params["net"]},
        batch,
        params.get("tables", tables),
        train=dropout is not None,
        rngs=rngs,
    )


def log_loss(
    logits: Float[Array, "*n"], label: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    """-log of the probability that sigmoid(logits) gives the label: eq. 13."""
    logits = logits.astype(jnp.float32)
    return jax.nn.softplus(logits) - label * logits


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """One batch of impressions; `loss` is the log loss of a candidate, a mean over the
    seeds."""
    dropout = rng.stream(state.key, state.step, "dropout", axis_name)

    def loss_fn(params, rows, chunk):
        keys = jax.random.split(jax.random.fold_in(dropout, chunk), config.seeds)

        def of_seed(params, key):
            logits, _ = apply(config, params, state.tables, rows, key)
            return log_loss(logits, rows["label"])

        losses = jnp.sum(jax.vmap(of_seed)(params, keys), axis=0)
        return optim.Objective(Mean.of(losses, rows["shown"]))

    found = optim.gradients(
        loss_fn,
        state.params,
        batch,
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )
    updates, opt_state = jax.vmap(_tx(config).update)(
        found.grads, state.opt_state, state.params
    )
    metrics = {"loss": found.loss / config.seeds, "lr": _rate(config)(state.step)}
    params = optax.apply_updates(state.params, updates)
    state = state.replace(
        step=state.step + 1,
        params=params,
        opt_state=opt_state,
        snapshots=_with_snapshot(config, state.snapshots, state.step + 1, params),
    )
    return state, metrics


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Any]:
    """The mean "loss" over candidates and seeds, and as "outputs" the logits of every
    seed [rows, candidates, seeds], with their labels."""
    params = optim.ema_params(state.opt_state, state.params)
    logits = logits_of(config, params, state.tables, batch)
    shown = batch["shown"] * batch["mask"][:, None]
    loss = jnp.mean(log_loss(logits, batch["label"]), axis=0)
    outputs = {"logits": jnp.moveaxis(logits, 0, -1)}
    outputs |= {name: batch[name] for name in ("label", "shown", "row")}
    metrics = {
        "loss": Mean.of(loss, shown),
        "outputs": Gathered(outputs, batch["mask"]),
    }
    return {name: metric.across(axis_name) for name, metric in metrics.items()}


def validate(config: Config, outputs: dict[str, Any]) -> dict[str, float]:
    """Means over the seeds: "auc", and "f1" at a probability of 1/2."""
    del config
    found = outputs["outputs"]
    shown = found["shown"] > 0
    label = found["label"][shown]
    scores = [x[shown] for x in np.moveaxis(found["logits"], -1, 0)]
    return {
        "auc": float(np.mean([measure.auc(label, x) for x in scores])),
        "f1": float(np.mean([measure.f1(label, x > 0) for x in scores])),
    }


def logits_of(
    config: Config, params: Any, tables: Any, batch: dict
) -> Float[Array, "seeds rows candidates"]:
    """Logits of every seed's model."""
    return jax.vmap(lambda one: apply(config, one, tables, batch)[0])(params)


def _with_snapshot(config: Config, snapshots: Any, step: Array, params: Any) -> Any:
    if not config.snapshots:
        return snapshots
    every = config.loop.steps // config.snapshots
    place = step // every - 1
    due = (step % every == 0) & (place < config.snapshots)

    def write(kept):
        return jax.tree.map(lambda kept, x: kept.at[place].set(x), kept, params)

    return jax.lax.cond(due, write, lambda kept: kept, snapshots)


def _tx(config: Config) -> optax.GradientTransformation:
    """Of one seed's model."""
    return optim.optimiser(config.optim, _rate(config))


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)
