"""A trained run's scores: of every seed the state along training that validation
prefers, and with it the candidates of validation and test."""

import dataclasses
import functools
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from common.host import to_host
from common.metrics import over
from common.optim import ema_params
from papers.dkn import data, sources, train
from papers.dkn.config import Config, Eval
from papers.dkn.measure import Outputs, auc, best_threshold


class Case(NamedTuple):
    """A user's clicks and candidates, and the attention between them."""

    clicks: list[str]
    candidates: list[str]  # with what was clicked marked
    weights: Float[np.ndarray, "candidates clicks"]


def chosen(config: Config, state: Any, step: Any = None) -> tuple[Any, list[int]]:
    """A state with the parameters of each seed's best snapshot, by AUC on validation,
    and the snapshots' numbers from 1; without snapshots the last parameters, and [].
    """
    bare = state.replace(
        params=ema_params(state.opt_state, state.params), opt_state=(), snapshots={}
    )
    if not config.snapshots:
        return bare, []
    measured = []
    step = step or jax.jit(partial(train.eval_step, config))
    for place in range(config.snapshots):
        params = jax.tree.map(lambda x, i=place: x[i], state.snapshots)
        outputs = outputs_of(config, bare.replace(params=params), "valid", step)
        measured.append([auc(found.label, found.score) for found in outputs])
    best = np.argmax(measured, axis=0)
    seeds = np.arange(config.seeds)
    params = jax.tree.map(lambda x: x[best, seeds], state.snapshots)
    return bare.replace(params=params), [int(i) + 1 for i in best]


def outputs_of(
    config: Config, state: Any, split: str, step: Any = None
) -> list[Outputs]:
    """Each seed's scores of the candidates shown in a split."""
    step = step or jax.jit(partial(train.eval_step, config))
    found = over(lambda batch: step(state, batch), data.batches(config, split))
    gathered = found["outputs"]
    shown = gathered["shown"] > 0
    rows = sources.corpus(config).splits[split]
    group, time = (
        np.broadcast_to(x[gathered["row"]][:, None], shown.shape)[shown]
        for x in (rows.group, rows.time)
    )
    return [
        Outputs(gathered["label"][shown], logits[shown], group, time)
        for logits in np.moveaxis(gathered["logits"], -1, 0)
    ]


@dataclasses.dataclass(frozen=True)
class Scored:
    """A run, and every seed's numbers of the test."""

    name: str
    config: Config
    state: Any  # with the chosen parameters
    snapshots: list[int]
    test: list[Outputs]
    metrics: list[dict[str, float]]

    @classmethod
    def of(cls, name: str, config: Config, state: Any) -> "Scored":
        step = jax.jit(partial(train.eval_step, config))  # one program for all passes
        state, snapshots = chosen(config, state, step)
        splits = {s: outputs_of(config, state, s, step) for s in ("valid", "test")}
        metrics = [
            test.metrics(best_threshold(valid.label, valid.score))
            for valid, test in zip(splits["valid"], splits["test"], strict=True)
        ]
        return cls(name, config, state, snapshots, splits["test"], metrics)

    def values(self, metric: str) -> Float[np.ndarray, "seeds"]:
        return np.array([m[metric] for m in self.metrics])

    @functools.cached_property
    def auc(self) -> Float[np.ndarray, "seeds"]:
        return self.values("AUC")

    def case(self, shown: Eval) -> Case | None:
        """The user with the most test impressions whose history is long enough: their
        clicks, and the candidates of those impressions."""
        if self.config.model.network != "dkn":
            return None
        corpus = sources.corpus(self.config)
        rows = corpus.splits["test"]
        clicks = np.sum(rows.history > 0, axis=1)
        fits = np.flatnonzero(clicks >= min(shown.case_clicks, clicks.max()))
        user = np.argmax(np.bincount(rows.user[fits]))
        first = fits[rows.user[fits] == user][0]
        history = rows.history[first]
        mine = np.flatnonzero(rows.user == user)
        pairs = [
            (int(news), label > 0)
            for row in mine
            for news, label in zip(rows.candidates[row], rows.label[row], strict=True)
            if news
        ][: shown.case_candidates]
        weights = attention(
            self.config, self.state, history, np.array([news for news, _ in pairs])
        )
        kept = np.flatnonzero(history)[-shown.case_clicks :]
        return Case(
            [corpus.titles[i] for i in history[kept]],
            [corpus.titles[i] + " (clicked)" * bool(hit) for i, hit in pairs],
            weights[:, kept],
        )


def attention(
    config: Config, state: Any, history: np.ndarray, candidates: np.ndarray
) -> Float[np.ndarray, "candidates clicks"]:
    """The mean over the seeds of the clicks' weights, for candidates of the corpus."""
    rows = _one_row(config, history, candidates)
    batch = data.with_titles(data.titles(config), rows)
    return score(config, state, batch)[1]


def _one_row(config: Config, history: np.ndarray, candidates: np.ndarray):
    """A batch of one row without labels."""
    empty = np.zeros((1, len(candidates)), np.float32)
    zero = np.zeros(1, np.int32)
    news = np.concatenate([history, candidates])[None].astype(np.int32)
    return {"news": news, "label": empty, "shown": 1 + empty, "user": zero, "row": zero}


def score(config: Config, state: Any, batch: Mapping[str, np.ndarray]):
    """Of a batch of one row: probabilities [candidates], means over the seeds, and the
    clicks' weights [candidates, clicks], None for a network without them."""

    @jax.jit
    def run(params, tables):
        return jax.vmap(lambda one: train.apply(config, one, tables, batch))(params)

    logits, weights = to_host(run(state.params, state.tables))
    probability = np.mean(1 / (1 + np.exp(-logits[:, 0])), axis=0)
    return probability, None if weights is None else np.mean(weights[:, 0], axis=0)
