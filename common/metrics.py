"""Metrics over ragged batches: what each batch counts can be added, and is read once.

`a + b` adds two batches, `.value` reads the result, `.across(axis_name)` adds up over
the devices of a pmap. All three serve arrays of JAX inside a step and of numpy on the
host, where `over` adds in float64. `eval_step` returns `{name: metric}`:

    Mean        of values, weighted or masked
    F1          of items found and items wanted; its precision and recall are Means
    AUC         the area under the ROC curve, from histograms of scores
    Gathered    the outputs themselves, for what only the host computes (AP, BLEU, MCC)
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, Self

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Num


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
        """Adds up over the devices of a pmap or shard_map axis; None: alone already."""
        return self if axis_name is None else jax.lax.psum(self, axis_name)


@struct.dataclass
class Mean(Counts):
    """A mean not yet divided. Add those of all batches, then ask for `value`."""

    total: Float[Array, ""]
    count: Float[Array, ""]

    @classmethod
    def of(
        cls, values: Num[Array, "*shape"], mask: Num[Array, "*shape"] | None = None
    ) -> "Mean":
        """Sums `values` where `mask` is not 0 (a weight is allowed), in float32. What
        is masked may be anything, nan included."""
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
    """Counts of items: found and wanted, found, wanted."""

    hits: Float[Array, ""]
    found: Float[Array, ""]
    wanted: Float[Array, ""]

    @classmethod
    def of(
        cls,
        found: Bool[Array, "*shape"],
        wanted: Bool[Array, "*shape"],
        mask: Num[Array, "*shape"] | None = None,
    ) -> "F1":
        """Counts where `mask` is not 0."""
        found, wanted = (jnp.asarray(x).astype(bool) for x in (found, wanted))
        chex.assert_equal_shape([found, wanted])
        here = True if mask is None else mask != 0
        hits = found & wanted
        return cls(
            *(jnp.sum(x & here, dtype=jnp.float32) for x in (hits, found, wanted))
        )

    @property
    def precision(self) -> Mean:
        """The share of the found that was wanted; 0 where nothing was found."""
        return Mean(self.hits, self.found)

    @property
    def recall(self) -> Mean:
        """The share of the wanted that was found; 0 where nothing was wanted."""
        return Mean(self.hits, self.wanted)

    @property
    def value(self) -> Float[Array, ""]:
        """The harmonic mean of precision and recall."""
        return Mean(2 * self.hits, self.found + self.wanted).value


@struct.dataclass
class AUC(Counts):
    """Histograms of the scores of positives and of negatives."""

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
        """scores: probabilities, in [0, 1]; those of one bin count as equal. labels: 1
        of a positive, 0 of a negative."""
        chex.assert_equal_shape([scores, labels])
        place = jnp.clip((scores * bins).astype(jnp.int32), 0, bins - 1).ravel()
        here = (
            jnp.ones(scores.shape) if mask is None else (mask != 0).astype(jnp.float32)
        )
        empty = jnp.zeros(bins)
        positive = (here * (labels > 0)).ravel()
        negative = (here * (labels <= 0)).ravel()
        return cls(empty.at[place].add(positive), empty.at[place].add(negative))

    @property
    def value(self) -> Float[Array, ""]:
        """The probability that a positive scores higher than a negative, equal scores
        counting half; 1/2 where one of the two kinds is missing."""
        below = self.negatives.cumsum() - self.negatives
        right = (self.positives * (below + self.negatives / 2)).sum()
        pairs = self.positives.sum() * self.negatives.sum()
        return (right + (pairs == 0) / 2) / (pairs + (pairs == 0))


@struct.dataclass
class Gathered:
    """Rows of outputs, kept whole: `a + b` has the rows of both. A step's rows are
    padded to a fixed shape, and `mask` is 0 on those that do not count."""

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
        """The rows that count, as numpy arrays."""
        counted = np.asarray(self.mask) != 0
        return jax.tree.map(lambda leaf: np.asarray(leaf)[counted], self.rows)


def over(
    step: Callable[[Any], Mapping[str, Metric]], batches: Iterable[Any]
) -> dict[str, Any]:
    """{name: value} of the metrics of `step(batch)`, over all `batches`: floats, and
    numpy arrays of what was `Gathered`. Sums are float64: a long split loses nothing.
    """
    sums: dict[str, Metric] = {}
    for batch in batches:
        for name, metric in jax.device_get(step(batch)).items():
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
    """Whether fewer than k classes have a larger logit than the label's; of equal ones
    the first counts as larger, as in argmax. Never where the label's is nan."""
    own = jnp.take_along_axis(logits, labels[..., None], axis=-1, mode="clip")
    before = jnp.arange(logits.shape[-1]) < labels[..., None]
    larger = (logits > own) | ((logits == own) & before)
    return (jnp.sum(larger, axis=-1) < k) & ~jnp.isnan(own[..., 0])
