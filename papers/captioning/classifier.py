"""The run "classifier": digit, colour and ground of crops, for the encoder's trunk."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from common import optim, rng
from common.losses import cross_entropy
from common.metrics import Mean
from papers.captioning.config import Config
from papers.captioning.encoder import CROP_LABELS, Classifier


def variables(config: Config, key: Key[Array, ""]) -> tuple[Any, Any]:
    """Drawn parameters, and {"batch_stats"} of the trunk."""
    size = config.classifier.size
    image = jnp.zeros((1, size, size, 3), jnp.uint8)
    net = Classifier(config.encoder)
    found = jax.jit(net.init)(rng.stream(key, 0, "init"), image)
    return found["params"], {"batch_stats": found.get("batch_stats", {})}


def gradients(config: Config, state: Any, batch: dict, axis_name: str | None):
    """The gradients of a batch of crops, and the new statistics."""
    net = Classifier(config.encoder, axis_name)

    def loss_fn(params, rows, chunk):
        del chunk
        logits, updated = net.apply(
            {"params": params, **state.encoder},
            rows["image"],
            train=True,
            mutable=["batch_stats"],
        )
        loss = Mean.of(_loss(logits, rows), rows["mask"])
        return optim.Objective(loss, aux={**state.encoder, **updated})

    found = optim.gradients(
        loss_fn,
        state.params,
        batch,
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )
    return found, found.aux


def _loss(logits: dict[str, Array], rows: dict) -> Array:
    return sum(cross_entropy(logits[name], rows[name]) for name in CROP_LABELS)


def evaluated(
    config: Config, params: Any, state: Any, batch: dict, axis_name: str | None
) -> dict[str, Mean]:
    """The loss, and the share of crops whose digit, colour, ground is not the likeliest
    one."""
    logits = Classifier(config.encoder).apply(
        {"params": params, **state.encoder}, batch["image"]
    )
    mask = batch["mask"]
    metrics = {"loss": Mean.of(_loss(logits, batch), mask)}
    for name in CROP_LABELS:
        wrong = jnp.argmax(logits[name], axis=-1) != batch[name]
        metrics[f"{name}_error"] = Mean.of(wrong, mask)
    return {name: metric.across(axis_name) for name, metric in metrics.items()}
