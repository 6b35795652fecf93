"""What is measured of trained models: accuracies, a bias shift, and the cost of a
step."""

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, UInt8

from common.losses import cross_entropy, ensemble_logits
from papers.distillation import data, train
from papers.distillation.config import Config

SHIFTS = np.arange(-20.0, 20.05, 0.1)


def logits(
    config: Config, state: Any, images: UInt8[np.ndarray, "n height width channels"]
) -> Float[np.ndarray, "n members outputs"]:
    """Of all members in evaluation mode, a batch at a time."""
    forward = jax.jit(functools.partial(train.forward, config))
    size = min(config.eval.batch_size, len(images))
    padded = np.pad(images, [(0, -len(images) % size), *[(0, 0)] * (images.ndim - 1)])
    batches = np.split(padded[:, None], len(padded) // size)
    found = np.concatenate([np.asarray(forward(state, batch)) for batch in batches])
    return found[: len(images)]


def mixed(
    config: Config, logits: Float[np.ndarray, "n members classes"]
) -> Float[np.ndarray, "n classes"]:
    """The ensemble's."""
    return np.asarray(ensemble_logits(jnp.asarray(logits), config.distill.average))


def accuracy(
    logits: Float[np.ndarray, "n *members classes"], labels: Int[np.ndarray, "n"]
) -> Float[np.ndarray, "*members"]:
    """Per cent."""
    hits = logits.argmax(-1) == labels.reshape(-1, *[1] * (logits.ndim - 2))
    return 100 * hits.mean(0)


def nll(
    logits: Float[np.ndarray, "n *members classes"], labels: Int[np.ndarray, "n"]
) -> Float[np.ndarray, "*members"]:
    """-log p(label) in nats."""
    labels = np.broadcast_to(
        labels.reshape(-1, *[1] * (logits.ndim - 2)), logits.shape[:-1]
    )
    return np.asarray(cross_entropy(jnp.asarray(logits), jnp.asarray(labels))).mean(0)


def trained_accuracy(config: Config, state: Any) -> Float[np.ndarray, "members"]:
    """Per cent of the images that each member was trained on."""
    split, indices = data.load(config.data, "train"), data.chosen(config)
    every, places = np.unique(indices, return_inverse=True)
    found = logits(config, state, split.images[every])
    rows = places.reshape(indices.shape)
    right = []
    for member in range(config.members):
        seen = rows[member % len(indices)]
        right.append(accuracy(found[seen, member], split.labels[every[seen]]))
    return np.array(right)


def best_shift(
    logits: Float[np.ndarray, "n classes"],
    labels: Int[np.ndarray, "n"],
    classes: tuple[int, ...],
) -> float:
    """What added to the logits of `classes` makes most labels right; of equals, the
    least."""
    scores = [accuracy(shifted(logits, classes, s), labels) for s in SHIFTS]
    best = np.flatnonzero(np.array(scores) == max(scores))
    return float(SHIFTS[best[np.argmin(np.abs(SHIFTS[best]))]])


def shifted(
    logits: Float[np.ndarray, "n classes"], classes: tuple[int, ...], shift: float
) -> Float[np.ndarray, "n classes"]:
    """As if the biases of `classes` were higher by `shift`."""
    logits = logits.copy()
    logits[:, list(classes)] += shift
    return logits


def step_seconds(
    models: dict[str, tuple[Config, Any]], steps: int, turns: int = 5
) -> dict[str, tuple[float, float]]:
    """Seconds of a train step of each model, alone and with the reading of its batch;
    on one device, the least of `turns` means over `steps`, in turns, on copies."""
    device, ready = jax.local_devices()[0], {}
    for name, (config, state) in models.items():
        state = jax.device_put(jax.tree.map(jnp.copy, state), device)
        step = jax.jit(functools.partial(train.train_step, config), donate_argnums=0)
        read = data.batches(config, "train")
        batch = jax.device_put(next(read), device)
        ready[name] = [jax.block_until_ready(step(state, batch))[0], step, batch, read]
    alone, reading = ({name: [] for name in models} for _ in range(2))
    for name in [*models] * turns:
        state, step, batch, read = ready[name]
        began = time.perf_counter()
        for _ in range(steps):
            state, _ = step(state, batch)
        jax.block_until_ready(state)
        between = time.perf_counter()
        for _ in range(steps):
            state, _ = step(state, next(read))
        ready[name][0] = jax.block_until_ready(state)
        alone[name].append((between - began) / steps)
        reading[name].append((time.perf_counter() - between) / steps)
    return {name: (min(alone[name]), min(reading[name])) for name in models}
