"""Training an embedding: the state, one step over tables or over rows, validation."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key

from common import optim, rng
from common.brief import Brief
from common.metrics import Mean
from papers.knowledge_graph import constraints, data, embeddings, ranks, weights
from papers.knowledge_graph.config import Config
from papers.knowledge_graph.embeddings import entity_rows, relation_rows
from papers.knowledge_graph.objective import entity_ids, losses


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any  # {table: rows}, of `embeddings.shapes`
    opt_state: Any


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step: random tables; those of `config.weights` where
    that is given; TransE's vectors where TransR comes after it."""
    entities, relations = data.sizes(config)
    params = embeddings.random(
        config.model, rng.stream(key, 0, "init"), entities, relations
    )
    if config.weights:
        params = weights.load(config.weights, config, params)
    for _, state in (after or {}).values():
        vectors = optim.ema_params(state.opt_state, state.params)
        params |= {name: vectors[name] for name in ("entities", "relations")}
    params = constraints.of_tables(config.model, params)
    opt_state = _tx(config).init(params) if config.update == "tables" else ()
    return State(jnp.zeros((), jnp.int32), key, params, opt_state)


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """One step on a batch of `data.batch_spec`. "loss" is the mean over triples and
    negatives, "violations" the share of negatives within the margin."""
    step = {"tables": _step_tables, "rows": _step_rows}[config.update]
    params, opt_state, metrics = step(config, state, batch, axis_name)
    ids = _everywhere(entity_ids(batch), axis_name)
    relations = _everywhere(batch["relation"], axis_name)
    if config.update == "rows":
        params = constraints.of_rows(config.model, params, relations, ids)
    params = constraints.of_projected(config.model, params, relations, ids)
    metrics["lr"] = _rate(config)(state.step)
    state = state.replace(step=state.step + 1, params=params, opt_state=opt_state)
    return state, metrics


def _everywhere(x: Array, axis_name: str | None) -> Array:
    """The rows of all devices of a pmap."""
    return x if axis_name is None else jax.lax.all_gather(x, axis_name, tiled=True)


def _step_tables(config: Config, state: State, batch: dict, axis_name: str | None):
    """The optimiser of `config.optim` moves whole tables."""

    def loss_fn(params, rows, chunk):
        relation = relation_rows(params, rows["relation"])
        entities = entity_rows(params, entity_ids(rows))
        loss, shares = losses(config, relation, entities, rows)
        return optim.Objective(loss, aux={n: m.value for n, m in shares.items()})

    found = optim.gradients(
        loss_fn,
        state.params,
        batch,
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )
    grads = found.grads
    if config.loss.total == "sum":
        count = Mean.of(batch["valid"]).across(axis_name).total
        grads = jax.tree.map(lambda g: g * count, grads)
    updates, opt_state = _tx(config).update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    return params, opt_state, {"loss": found.loss, **found.aux}


def _step_rows(config: Config, state: State, batch: dict, axis_name: str | None):
    """SGD moves the rows that the batch names, at a cost that does not depend on the
    size of the tables: they are updated in place where the caller donates the state."""
    ids = embeddings.row_ids(state.params, entity_ids(batch), batch["relation"])

    def total(entities, relation):
        loss, shares = losses(config, relation, entities, batch)
        return loss.total, (loss, shares)

    grad_fn = jax.grad(total, argnums=(0, 1), has_aux=True)
    rows = (
        entity_rows(state.params, entity_ids(batch)),
        relation_rows(state.params, batch["relation"]),
    )
    (entity_grads, relation_grads), (loss, shares) = grad_fn(*rows)
    loss = loss.across(axis_name)
    scale = 1 if config.loss.total == "sum" else 1 / jnp.maximum(loss.count, 1e-9)
    rate = _rate(config)(state.step) * scale
    params = dict(state.params)
    for name, grad in (entity_grads | relation_grads).items():
        grad = _everywhere(grad, axis_name)
        place = _everywhere(ids[name], axis_name)
        params[name] = params[name].at[place].add(-rate * grad)
    metrics = {n: m.across(axis_name).value for n, m in shares.items()}
    return params, (), {"loss": loss.value, **metrics}


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Mean]:
    """Means over validation triples: "loss", and of the filtered ranks of both sides
    "mr", "mrr" and "hits@10"."""
    params = optim.ema_params(state.opt_state, state.params)
    relation = relation_rows(params, batch["relation"])
    entities = entity_rows(params, entity_ids(batch))
    masked = {**batch, "valid": batch["valid"] * batch["mask"][:, None]}
    loss, _ = losses(config, relation, entities, masked)
    count, _ = data.sizes(config)
    found = ranks.of_batch(config.model, params, batch, count)
    mask = jnp.broadcast_to(batch["mask"][:, None], found.shape)
    metrics = {n: Mean.of(f(found), mask) for n, f in ranks.METRICS.items()}
    metrics = {n: metrics[n] for n in ("mr", "mrr", "hits@10")}
    return {n: m.across(axis_name) for n, m in {"loss": loss, **metrics}.items()}


def tables(
    config: Config, state: State
) -> tuple[Float[Array, "entities d_entity"], Float[Array, "relations d_relation"]]:
    """The vectors of all entities and of all relations, in the order of the graph's
    names, as they were trained: not yet projected, nor normalised."""
    params = optim.ema_params(state.opt_state, state.params)
    entities, _ = data.sizes(config)
    return params["entities"][:entities], params["relations"]


def _tx(config: Config) -> optax.GradientTransformation:
    after = [constraints.transform(config.model)]
    return optim.optimiser(config.optim, _rate(config), decayed=None, after=after)


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)
