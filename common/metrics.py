"""Metrics over ragged batches. Each batch gives sums, sums are added over batches, and
the value is computed from the totals.

`a + b` adds two batches, `.value` is the result, `.across(axis_name)` adds up the
devices of a pmap. All three work on arrays of JAX inside a step, and on those of numpy
on the host, where `over` adds in float64. `eval_step` returns `{name: metric}`:

    Mean        the mean of values, weighted or masked
    F1          of predicted and actual items; its precision and recall are Means
    AUC         the area under the ROC curve, from histograms of scores
    Gathered    the outputs, for metrics that only the host computes (AP, BLEU, MCC)
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, Self

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Num

from common.host import to_host


class Metric(Protocol):
    """What a batch contributes to a measurement."""

    def __add__(self, other: Self) -> Self: ...

    @property
    def value(self) -> Any: ...

    def across(self, axis_name: str | None) -> Self: ...


class Counts:
    """Metrics whose fields are sums: adding adds them, field by field."""

    def __add__(self, other: Self) -> Self:
        return jax.tree.map(lambda a, b: a + b, self, other)

    def across(self, axis_name: str | None) -> Self:
        """The sums over all devices of a pmap or shard_map axis; None: as they are."""
        return self if axis_name is None else jax.lax.psum(self, axis_name)


@struct.dataclass
class Mean(Counts):
    """A mean as total and count. Add those of all batches, then read `value`."""

    total: Float[Array, ""]
    count: Float[Array, ""]

    @classmethod
    def of(
        cls, values: Num[Array, "*shape"], mask: Num[Array, "*shape"] | None = None
    ) -> "Mean":
        """Sums `values` in float32 where `mask` is not 0; a mask may hold weights.
        Masked values may be anything, nan included."""
        values = jnp.asarray(values, jnp.float32)
        weight = jnp.ones_like(values) if mask is None else mask.astype(jnp.float32)
        chex.assert_equal_shape([values, weight])
        counted = jnp.where(weight != 0, values, 0.0) * weight
        return cls(jnp.sum(counted), jnp.sum(weight))

    @property
    def value(self) -> Float[Array, ""]:
        """The mean; 0 where nothing was counted."""
        return self.total / (self.count + (self.count == 0))


@struct.dataclass
class F1(Counts):
    """The F1 score, from three counts of items."""

    hits: Float[Array, ""]  # both predicted and actual
    predicted: Float[Array, ""]
    actual: Float[Array, ""]

    @classmethod
    def of(
        cls,
        predicted: Bool[Array, "*shape"],
        actual: Bool[Array, "*shape"],
        mask: Num[Array, "*shape"] | None = None,
    ) -> "F1":
        """Counts items where `mask` is not 0."""
        predicted = jnp.asarray(predicted).astype(bool)
        actual = jnp.asarray(actual).astype(bool)
        chex.assert_equal_shape([predicted, actual])
        valid = True if mask is None else mask != 0
        items = (predicted & actual, predicted, actual)
        return cls(*(jnp.sum(x & valid, dtype=jnp.float32) for x in items))

    @property
    def precision(self) -> Mean:
        """The share of the predicted items that are actual; 0 if none is predicted."""
        return Mean(self.hits, self.predicted)

    @property
    def recall(self) -> Mean:
        """The share of the actual items that are predicted; 0 if none is actual."""
        return Mean(self.hits, self.actual)

    @property
    def value(self) -> Float[Array, ""]:
        """The harmonic mean of precision and recall."""
        return Mean(2 * self.hits, self.predicted + self.actual).value


@struct.dataclass
class AUC(Counts):
    """The area under the ROC curve, from histograms of the scores of both classes."""

    positives: Float[Array, "bins"]
    negatives: Float[Array, "bins"]

    @classmethod
    def of(
        cls,
        scores: Float[Array, "*shape"],
        labels: Num[Array, "*shape"],
        mask: Num[Array, "*shape"] | None = None,
        *,
        bins: int = 1 << 14,
    ) -> "AUC":
        """Counts items where `mask` is not 0.

        scores: probabilities, in [0, 1]; those in one bin count as equal.
        labels: 1 for a positive, 0 for a negative.
        """
        chex.assert_equal_shape([scores, labels])
        index = jnp.clip((scores * bins).astype(jnp.int32), 0, bins - 1).ravel()
        valid = (
            jnp.ones(scores.shape) if mask is None else (mask != 0).astype(jnp.float32)
        )
        empty = jnp.zeros(bins)
        positive = (valid * (labels > 0)).ravel()
        negative = (valid * (labels <= 0)).ravel()
        return cls(empty.at[index].add(positive), empty.at[index].add(negative))

    @property
    def value(self) -> Float[Array, ""]:
        """The probability that a positive scores higher than a negative, equal scores
        counting half; 1/2 where one of the two classes is missing."""
        below = self.negatives.cumsum() - self.negatives
        right = (self.positives * (below + self.negatives / 2)).sum()
        pairs = self.positives.sum() * self.negatives.sum()
        return (right + (pairs == 0) / 2) / (pairs + (pairs == 0))


@struct.dataclass
class Gathered:
    """Rows of outputs: `a + b` has the rows of both. A step's rows are padded to a
    fixed shape, and `mask` is 0 on the padding."""

    rows: Any  # leaves [rows, ...]
    mask: Num[Array, "rows"]

    def __add__(self, other: Self) -> Self:
        """On the host, where shapes may grow."""
        return jax.tree.map(lambda a, b: np.concatenate([a, b]), self, other)

    def across(self, axis_name: str | None) -> Self:
        """The rows of all devices, on each."""
        if axis_name is None:
            return self
        return jax.lax.all_gather(self, axis_name, tiled=True)

    @property
    def value(self) -> Any:
        """The rows without padding, as numpy arrays."""
        counted = np.asarray(self.mask) != 0
        return jax.tree.map(lambda leaf: np.asarray(leaf)[counted], self.rows)


def over(
    step: Callable[[Any], Mapping[str, Metric]], batches: Iterable[Any]
) -> dict[str, Any]:
    """{name: value} of the metrics of `step(batch)`, over all `batches`. Values are
    floats, and trees of numpy arrays where they were `Gathered`. Sums are float64, so
    that a long split loses no digits."""
    sums: dict[str, Metric] = {}
    for batch in batches:
        for name, metric in to_host(step(batch)).items():
            if isinstance(metric, Counts):
                metric = jax.tree.map(np.float64, metric)
            sums[name] = sums[name] + metric if name in sums else metric
    return {
        name: metric.value if isinstance(metric, Gathered) else float(metric.value)
        for name, metric in sums.items()
    }


def in_top(
    logits: Float[Array, "*batch classes"], labels: Int[Array, "*batch"], k: int
) -> Bool[Array, "*batch"]:
    """Whether the label's logit is among the k largest. Of equal logits the first
    counts as larger, as in argmax. False where the label's logit is nan."""
    own = jnp.take_along_axis(logits, labels[..., None], axis=-1, mode="clip")
    before = jnp.arange(logits.shape[-1]) < labels[..., None]
    larger = (logits > own) | ((logits == own) & before)
    return (jnp.sum(larger, axis=-1) < k) & ~jnp.isnan(own[..., 0])
