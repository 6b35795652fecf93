"""The losses of the paper, each with a value a row (section 3).

    L1  the language model of pre-training (eq. 1)
    L2  the task (eq. 4)
    L3 = L2 + λ L1 on the texts of the task (eq. 5)

As in the released code, L1 of L3 is a mean over the tokens of each text first, and then
over the texts; every answer of a choice counts as a text.

A row of a task has no members' axis: `train` maps these functions over the members.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from common.losses import cross_entropy
from papers.gpt import data, tasks
from papers.gpt.config import Config
from papers.gpt.model import GPT

Batch = dict[str, Array]
Dropout = Key[Array, ""] | None  # None: no dropout, as when nothing is trained


class Losses(NamedTuple):
    """`total` is minimised; the rest is reported."""

    total: Float[Array, "batch"]
    parts: dict[str, Float[Array, "batch"]]
    logits: Float[Array, "batch outputs"] | None = None


def network(config: Config) -> GPT:
    """The network of the run, with a head where it has a task."""
    return GPT(config.model, data.shape(config).n_outputs if config.task else 0)


def losses(config: Config, params: Any, rows: Batch, dropout: Dropout) -> Losses:
    """L1 of windows, or L3 of a task's examples, in nats."""
    if config.task:
        return task_losses(config, params, rows, dropout)
    nll = language_nll(config, params, rows, dropout)
    return Losses(jnp.mean(nll, axis=1), {})


def language_nll(
    config: Config, params: Any, rows: Batch, dropout: Dropout
) -> Float[Array, "batch time"]:
    """-log p of every target of a batch of windows (eq. 1)."""
    windows = rows["inputs"], rows["targets"]
    return _applied(config, params, dropout, *windows, method="nll")


def task_losses(config: Config, params: Any, rows: Batch, dropout: Dropout) -> Losses:
    """L3 = L2 + λ L1; without dropout L1 is there for λ = 0 too."""
    weight = config.finetune.aux_weight
    logits, nll = _applied(
        config,
        params,
        dropout,
        rows["tokens"],
        rows["extract"],
        data.shape(config).form,
        lm=weight > 0 or dropout is None,
        method="task",
    )
    task_loss = label_loss(logits, rows)
    if nll is None:
        return Losses(task_loss, {"task_loss": task_loss}, logits)
    lm_loss = text_loss(nll, rows)
    parts = {"task_loss": task_loss, "lm_loss": lm_loss}
    return Losses(task_loss + weight * lm_loss, parts, logits)


def label_loss(
    logits: Float[Array, "batch outputs"], rows: Batch
) -> Float[Array, "batch"]:
    """-log p of the label (eq. 4), or of the distribution that stands for a score."""
    if "soft" in rows:
        return -jnp.sum(rows["soft"] * jax.nn.log_softmax(logits), axis=-1)
    return cross_entropy(logits, rows["label"])


def text_loss(
    nll: Float[Array, "batch choice time-1"], rows: Batch
) -> Float[Array, "batch"]:
    """The mean over an example's texts of each text's mean -log p."""
    *_, weights = tasks.lm_targets(rows["tokens"], rows["mask"])
    count = jnp.maximum(jnp.sum(weights, axis=-1), 1)
    return jnp.mean(jnp.sum(nll * weights, axis=-1) / count, axis=-1)


def _applied(config: Config, params: Any, dropout: Dropout, *rows: Any, **how: Any):
    train = dropout is not None
    rngs = {"dropout": dropout} if train else {}
    return network(config).apply(
        {"params": params}, *rows, train=train, rngs=rngs, **how
    )
