"""The entity layer: section 3.3 of Miwa and Bansal 2016.

Axes: rows (sentences), words, units, labels (`papers.sptree.bilou`).
"""

from collections.abc import Callable, Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from papers.sptree import bilou, layers
from papers.sptree.config import Model
from papers.sptree.vocabulary import Sizes

Batch = Mapping[str, Array]


class EntityLayer(nn.Module):
    """Section 3.3: labels from left to right, each from its word and the label before.

    h_t = tanh(W [s_t; v_label(t-1)] + b), y_t = softmax(W' h_t + b'). A label is the
    likeliest of those that may follow the one before and leave no entity open.
    """

    model: Model
    sizes: Sizes

    @nn.compact
    def __call__(
        self,
        s: Float[Array, "rows words d"],
        vectors: Float[Array, "labels d_label"],
        batch: Batch,
        mask: Bool[Array, "rows words"],
        shown: Bool[Array, "rows words"],
        train: bool,
    ) -> tuple[Int[Array, "rows words"], Float[Array, "rows words labels"]]:
        """The labels, and the logits of each word after them."""
        m = self.model
        d, d_label = s.shape[-1], vectors.shape[-1]
        kernel, bias = self._layer("hidden", d + d_label, m.entity_units, s.dtype)
        out, out_bias = self._layer("out", m.entity_units, self.sizes.labels, s.dtype)
        # A layer on [word; label] is a layer on each, added.
        z = s @ kernel[:d] + bias
        z_label = vectors.astype(s.dtype) @ kernel[d:]
        keep = nn.Dropout(m.dropout_hidden, deterministic=not train)(jnp.ones_like(z))

        def logits(z: Array, keep: Array, before: Array) -> Array:
            one_hot = jax.nn.one_hot(before, self.sizes.labels, dtype=z.dtype)
            return (jnp.tanh(z + one_hot @ z_label) * keep) @ out + out_bias

        gold = batch["label"]
        labels = greedy(logits, z, keep, gold, shown, mask, self.sizes.kinds)
        labels = lax.stop_gradient(labels)
        before = jnp.pad(labels[:, :-1], ((0, 0), (1, 0)))
        return labels, logits(z, keep, before)

    def _layer(self, name: str, inputs: int, units: int, dtype) -> tuple[Array, Array]:
        kernel = self.param(f"{name}_kernel", layers.kernel_limit, (inputs, units))
        bias = self.param(f"{name}_bias", layers.bias_limit, (units,))
        return kernel.astype(dtype), bias.astype(dtype)


def greedy(
    logits_of: Callable,
    z: Float[Array, "rows words units"],
    keep: Float[Array, "rows words units"],
    gold: Int[Array, "rows words"],
    shown: Bool[Array, "rows words"],
    mask: Bool[Array, "rows words"],
    kinds: int,
) -> Int[Array, "rows words"]:
    """Labels from left to right; `logits_of(z, keep, before)` scores one word's."""
    may_follow = jnp.asarray(bilou.successors(kinds))
    may_end = jnp.asarray(bilou.may_end(kinds))
    more = jnp.pad(mask[:, 1:], ((0, 0), (0, 1)))  # whether a word follows

    def step(before, inputs):
        z, keep, gold, shown, here, more = inputs
        allowed = may_follow[before] & (may_end | more[:, None])
        scores = jnp.where(allowed, logits_of(z, keep, before), -jnp.inf)
        told = shown & jnp.take_along_axis(allowed, gold[:, None], 1)[:, 0]
        label = jnp.where(told, gold, jnp.argmax(scores, -1).astype(gold.dtype))
        label = jnp.where(here, label, bilou.OUTSIDE)
        return label, label

    start = jnp.full_like(gold[:, 0], bilou.OUTSIDE)
    by_word = [jnp.swapaxes(x, 0, 1) for x in (z, keep, gold, shown, mask, more)]
    return jnp.swapaxes(lax.scan(step, start, by_word)[1], 0, 1)
