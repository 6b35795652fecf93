"""Training: the state, one step, the evaluation of a batch.

A state holds one model for each of `config.seeds`: they read the same batches and share
nothing.
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
from papers.sptree import (
    data,
    measure,
    objective,
    optimiser,
    relations,
    scoring,
    word_vectors,
)
from papers.sptree.config import Config
from papers.sptree.corpus import corpus, sizes
from papers.sptree.model import Extractor, Outputs, initial
from papers.sptree.relations import Pairs
from papers.sptree.sources import semeval


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any  # each leaf [seeds, ...]
    opt_state: Any  # as well


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step. What `after`, a run that learnt entities alone,
    has learnt, is taken over seed by seed."""
    seeds = jnp.arange(config.seeds)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(rng.stream(key, 0, "init"), seeds)
    params = jax.jit(jax.vmap(lambda key: _random(config, key)))(keys)
    for _, earlier in (after or {}).values():
        params = params | {
            # A copy: the steps of this run give up the memory of their states.
            name: jax.tree.map(jnp.copy, part)
            for name, part in earlier.params.items()
        }
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=params,
        opt_state=jax.vmap(_tx(config, jnp.zeros((), jnp.int32)).init)(params),
    )


def _random(config: Config, key: Key[Array, ""]) -> Any:
    one = {
        name: jnp.zeros((1, *x.shape[1:]), x.dtype)
        for name, x in data.batch_spec(config).items()
    }
    one["length"] += 1
    params = initial(network(config), key, one)
    if not config.data.vectors:
        return params
    words = corpus(config).vocabulary.words
    vectors = word_vectors.read(config.data.vectors)
    for reader in {"reader", "relation_reader"} & params.keys():
        table = params[reader]["words"]
        table["embedding"] = word_vectors.rows(table["embedding"], words, vectors)
    return params


def network(config: Config) -> Extractor:
    return Extractor(config, sizes(config))


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """One batch of sentences; `loss` is in nats a sentence, a mean over the seeds."""
    dropout = rng.stream(state.key, state.step, "dropout", axis_name)
    # By the sentence, and so the same on all devices.
    sampling = rng.stream(state.key, state.step, "sampling")
    net = network(config)

    def loss_fn(params, rows, chunk):
        keys = jax.random.split(jax.random.fold_in(dropout, chunk), config.seeds)
        shown = objective.shown(sampling, rows, config.learning.sampling)

        def of_seed(params, key):
            rngs = {"dropout": key}
            outputs = net.apply({"params": params}, rows, shown, train=True, rngs=rngs)
            return objective.losses(outputs, rows, config.learning.wrong_entities)

        found = jax.vmap(of_seed)(params, keys)
        parts = {
            name: Mean.of(jnp.sum(x, 0), rows["mask"]) for name, x in found.items()
        }
        total = Mean.of(sum(jnp.sum(x, 0) for x in found.values()), rows["mask"])
        return optim.Objective(total, aux={name: x.value for name, x in parts.items()})

    found = optim.gradients(
        loss_fn,
        state.params,
        batch,
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )
    tx = _tx(config, state.step)
    updates, opt_state = jax.vmap(tx.update)(found.grads, state.opt_state, state.params)
    metrics = {"loss": found.loss, **found.aux}
    metrics = {name: value / config.seeds for name, value in metrics.items()}
    metrics["lr"] = _rate(config)(state.step)
    state = state.replace(
        step=state.step + 1,
        params=optax.apply_updates(state.params, updates),
        opt_state=opt_state,
    )
    return state, metrics


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Any]:
    """The mean "loss" of a sentence over the seeds, and as "outputs" the rows of
    `answers` of every seed, [rows, seeds, ...]."""
    params = predicted_params(state)
    net = network(config)

    def of_seed(params):
        outputs = net.apply({"params": params}, batch)
        found = objective.losses(outputs, batch, config.learning.wrong_entities)
        return sum(found.values()), answers(config, outputs)

    loss, found = jax.vmap(of_seed)(params)
    found = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), found)
    found["row"] = batch["row"]
    metrics = {
        "loss": Mean.of(jnp.mean(loss, 0), batch["mask"]),
        "outputs": Gathered(found, batch["mask"]),
    }
    return {name: metric.across(axis_name) for name, metric in metrics.items()}


def predicted_params(state: State) -> Any:
    """The parameters that predict: the averages, where they are kept."""
    return optim.ema_params(state.opt_state, state.params)


def answer(
    config: Config, net: Extractor, params: Any, batch: dict
) -> dict[str, Array]:
    """`answers` of one seed's parameters."""
    own = net.clone(config=config)
    return answers(config, own.apply({"params": params}, batch))


def answers(config: Config, outputs: Outputs) -> dict[str, Array]:
    """What the network says, in arrays whose shapes do not depend on the bucket:
    "labels" [rows, words]; "pairs" [rows, pairs, 3], both last words and the class, -1
    where there is no pair; "sure" [rows, pairs], the probability of the class; "lost"
    [rows], entities that were not paired; "far" [rows], pairs whose path is longer than
    `data.path`."""
    labels = outputs.labels
    words = max(*config.data.buckets, labels.shape[1])
    labels = jnp.pad(labels, ((0, 0), (0, words - labels.shape[1])))
    if outputs.pairs is None:
        return {"labels": labels}
    pairs: Pairs = outputs.pairs
    classes = relations.decide(outputs.forward, outputs.backward)
    rows = jnp.stack([pairs.first, pairs.last, classes], -1)
    rows = jnp.where(pairs.real[..., None], rows, -1)
    entities = min(config.data.entities, words)
    most = entities * (entities - 1) // 2
    rows = jnp.pad(
        rows, ((0, 0), (0, most - rows.shape[1]), (0, 0)), constant_values=-1
    )
    sure = relations.confidence(outputs.forward, outputs.backward, classes)
    sure = jnp.pad(sure, ((0, 0), (0, most - sure.shape[1])))
    far = jnp.sum(pairs.real & ~pairs.whole, -1)
    counts = {"lost": pairs.lost, "far": far}
    return {"labels": labels, "pairs": rows, "sure": sure, **counts}


def validate(config: Config, outputs: dict[str, Any]) -> dict[str, float]:
    """Means over the seeds: the micro F1 of entities and of relations on validation,
    and SemEval's "macro_f1" where the corpus is that."""
    found = outputs["outputs"]
    gold = [corpus(config).sentences["valid"][row] for row in found["row"]]
    said = [scoring.read(config, found, gold, seed) for seed in range(config.seeds)]
    scores = [scoring.score(gold, one) for one in said]
    names = (
        ["entities"]
        if config.learning.task == "entities"
        else ["entities", "relations"]
    )
    values = {
        f"{n}_f1": float(np.mean([getattr(s, n).f1 for s in scores])) for n in names
    }
    if config.data.source in semeval.SOURCES:
        official = [measure.semeval_score(gold, one) for one in said]
        values["macro_f1"] = float(np.mean(official))
    return values


def _tx(config: Config, step: Int[Array, ""]) -> optax.GradientTransformation:
    """Of one seed's model."""
    return optimiser.transform(config, _rate(config), step)


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)
