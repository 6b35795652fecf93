"""Measurements of trained models: logits, accuracies, losses, a shift of biases."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, UInt8

from common.host import to_host
from common.losses import cross_entropy, ensemble_logits
from papers.distillation import data, train
from papers.distillation.config import Config

SHIFTS = np.arange(-20.0, 20.05, 0.1)  # that `best_shift` chooses from


@dataclasses.dataclass(frozen=True)
class Trained:
    """One trained run, and its logits of each split."""

    config: Config
    state: Any

    @functools.cached_property
    def test(self) -> np.ndarray:
        return self.logits("test")

    @functools.cached_property
    def valid(self) -> np.ndarray:
        return self.logits("valid")

    def at(self, temperature: float) -> np.ndarray:
        """Logits of the test images, of the members of one temperature."""
        seeds = self.config.seeds
        first = seeds * self.config.distill.temperatures.index(temperature)
        return self.test[:, first : first + seeds]

    def logits(self, split: str) -> np.ndarray:
        images = data.load(self.config.data, split).images
        return logits(self.config, self.state, images)

    @functools.cached_property
    def best_temperature(self) -> tuple[float, slice]:
        """The temperature whose models have the least loss on the validation split, and
        the places of these models among the members."""
        labels = data.load(self.config.data, "valid").labels
        seeds = self.config.seeds
        losses = nll(self.valid, labels).reshape(-1, seeds).mean(1)
        i = int(losses.argmin())
        temperature = self.config.distill.temperatures[i]
        return temperature, slice(i * seeds, (i + 1) * seeds)


def logits(
    config: Config, state: Any, images: UInt8[np.ndarray, "n height width channels"]
) -> Float[np.ndarray, "n members outputs"]:
    """Logits of all members in evaluation mode, computed batch by batch."""
    forward = jax.jit(functools.partial(train.forward, config))
    size = min(config.eval.batch_size, len(images))
    padded = np.pad(images, [(0, -len(images) % size), *[(0, 0)] * (images.ndim - 1)])
    batches = np.split(padded[:, None], len(padded) // size)
    found = np.concatenate([to_host(forward(state, batch)) for batch in batches])
    return found[: len(images)]


def mixed(
    config: Config, logits: Float[np.ndarray, "n members classes"]
) -> Float[np.ndarray, "n classes"]:
    """The logits of the ensemble: its members' averaged probabilities."""
    return np.asarray(ensemble_logits(jnp.asarray(logits), config.distill.average))


def accuracy(
    logits: Float[np.ndarray, "n *members classes"], labels: Int[np.ndarray, "n"]
) -> Float[np.ndarray, "*members"]:
    """Per cent of the images whose most probable class is their label."""
    hits = logits.argmax(-1) == labels.reshape(-1, *[1] * (logits.ndim - 2))
    return 100 * hits.mean(0)


def nll(
    logits: Float[np.ndarray, "n *members classes"], labels: Int[np.ndarray, "n"]
) -> Float[np.ndarray, "*members"]:
    """Mean of -log p(label) over the images, in nats."""
    labels = np.broadcast_to(
        labels.reshape(-1, *[1] * (logits.ndim - 2)), logits.shape[:-1]
    )
    return np.asarray(cross_entropy(jnp.asarray(logits), jnp.asarray(labels))).mean(0)


def trained_accuracy(config: Config, state: Any) -> Float[np.ndarray, "members"]:
    """Accuracy of each member on the images that it was trained on, in per cent."""
    split = data.load(config.data, "train")
    indices = data.chosen(config)
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
    """The number that, added to the logits of `classes`, makes most labels right; of
    equally good ones, the one nearest to 0."""
    scores = [accuracy(shifted(logits, classes, s), labels) for s in SHIFTS]
    best = np.flatnonzero(np.array(scores) == max(scores))
    return float(SHIFTS[best[np.argmin(np.abs(SHIFTS[best]))]])


def shifted(
    logits: Float[np.ndarray, "n classes"], classes: tuple[int, ...], shift: float
) -> Float[np.ndarray, "n classes"]:
    """The logits if the biases of `classes` were higher by `shift`."""
    logits = logits.copy()
    logits[:, list(classes)] += shift
    return logits
