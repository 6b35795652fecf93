"""Adaptive input and adaptive softmax, tied (Baevski & Auli 2019, Grave et al. 2017).

The vocabulary, sorted by frequency, is cut into bins: a shortlist of frequent words,
and tail clusters. Bin i has embeddings of d_embed / div_value^i features and a
projection to d_model. The head has a logit for each word of the shortlist and one for
each cluster: p(w) = p(cluster) p(w | cluster). Without cutoffs there is one bin: an
embedding table and a tied softmax.

Axes: batch, time, token (batch, time, or both), d_model, bin (a bin's words).
"""

import itertools
import math
from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from common.losses import cross_entropy
from papers.transformer_xl.config import Model

GROUP_TOKENS = 1024  # at least; among fewer, the share of rare words varies too much
MOST_PARTS = 16  # that a group is cut into where it has too many rare words


class AdaptiveVocabulary(nn.Module):
    """The tables, shared by `embed` (ids to vectors) and `nll` (vectors to losses)."""

    config: Model

    def setup(self):
        c = self.config
        d_embed = c.d_embed or c.d_model
        ends = (0, *c.cutoffs, c.vocab_size)
        self.bins = list(itertools.pairwise(ends))
        sizes = [d_embed // c.div_value**i for i in range(len(self.bins))]
        # With equal sizes all bins are slices of one table and share one projection.
        self.one_table = c.div_value == 1
        rows = [c.vocab_size] if self.one_table else [hi - lo for lo, hi in self.bins]
        init = nn.initializers.normal(c.init_std)
        self.tables = [
            self.param(f"table_{i}", init, (n, sizes[i])) for i, n in enumerate(rows)
        ]
        same = c.project_same and not self.one_table
        projected = [same or size != c.d_model for size in sizes]
        self.in_projections = [
            self._projection(f"in_projection_{i}", sizes[i]) if projected[i] else None
            for i in range(len(rows))
        ]
        tied = c.tied_projections + (False,) * len(self.bins)
        self.out_projections = [
            self.in_projections[0 if self.one_table else i]
            if tied[i] or not projected[i]
            else self._projection(f"out_projection_{i}", sizes[i])
            for i in range(len(self.bins))
        ]
        zeros = nn.initializers.zeros
        self.biases = [
            self.param(f"bias_{i}", zeros, (hi - lo,))
            for i, (lo, hi) in enumerate(self.bins)
        ]
        if c.cutoffs:
            shape = (len(c.cutoffs), d_embed)
            self.cluster_table = self.param("cluster_table", init, shape)
            self.cluster_bias = self.param("cluster_bias", zeros, shape[:1])

    def _projection(self, name: str, features: int) -> Float[Array, "features d_model"]:
        init = nn.initializers.normal(self.config.projection_init_std)
        return self.param(name, init, (features, self.config.d_model))

    def embed(self, tokens: Int[Array, "*token"]) -> Float[Array, "*token d_model"]:
        """E[token], projected to d_model, times sqrt(d_model)."""
        c = self.config
        bins = [(0, c.vocab_size)] if self.one_table else self.bins
        x = 0.0
        for i, (lo, hi) in enumerate(bins):
            inside = (tokens >= lo) & (tokens < hi)
            rows = jnp.take(
                self.tables[i], jnp.clip(tokens - lo, 0, hi - lo - 1), axis=0
            )
            if self.in_projections[i] is not None:
                rows = rows @ self.in_projections[i]
            x = rows if len(bins) == 1 else x + jnp.where(inside[..., None], rows, 0.0)
        return (x * c.d_model**0.5).astype(c.dtype)

    def _bin_logits(
        self, i: int, hidden: Float[Array, "*token d_model"]
    ) -> Float[Array, "*token bin"]:
        """Logits of the words in bin i. After the words of bin 0 come the clusters."""
        lo, hi = self.bins[i]
        table = self.tables[0 if self.one_table else i]
        bias = self.biases[i]
        if self.one_table:
            table = table[lo:hi]
        if i == 0 and self.config.cutoffs:
            table = jnp.concatenate([table, self.cluster_table])
            bias = jnp.concatenate([bias, self.cluster_bias])
        if self.out_projections[i] is not None:
            hidden = hidden @ self.out_projections[i].T.astype(hidden.dtype)
        logits = jnp.einsum("...d,vd->...v", hidden, table.astype(hidden.dtype))
        return logits.astype(jnp.promote_types(logits.dtype, jnp.float32)) + bias

    def log_probs(
        self, hidden: Float[Array, "*token d_model"]
    ) -> Float[Array, "*token vocab"]:
        """log p of every word; the probabilities sum to 1 over the vocabulary."""
        head = jax.nn.log_softmax(self._bin_logits(0, hidden))
        parts = [head[..., : self.bins[0][1]]]
        for i in range(1, len(self.bins)):
            inside = jax.nn.log_softmax(self._bin_logits(i, hidden))
            parts.append(self._cluster(head, i)[..., None] + inside)
        return jnp.concatenate(parts, axis=-1)

    def _cluster(self, head: Float[Array, "*token head"], i: int):
        return head[..., self.bins[0][1] + i - 1]

    def nll(
        self,
        hidden: Float[Array, "batch time d_model"],
        targets: Int[Array, "batch time"],
        *,
        dense: bool = True,
    ) -> Float[Array, "batch time"]:
        """-log p(target) in nats.

        dense: every bin is computed for every token, and the target's bin is selected.
        Otherwise tail bin i is computed for a share of `capacity[i - 1]` of a group's
        tokens, which is enough for most texts, since the tail's words are rare. If one
        group has more words of a bin, all groups are computed densely, a part of their
        tokens at a time. A group is some neighbouring rows of the batch, so that its
        tokens stay on the device that has the rows.
        """
        if dense or not self.config.capacity:
            return self._dense_nll(hidden, targets)
        groups = _groups(*targets.shape)
        tokens = targets.reshape(groups, -1)
        states = hidden.reshape(*tokens.shape, -1)
        sizes = [max(1, round(f * tokens.shape[1])) for f in self.config.capacity]
        counts = [self._members(tokens, i + 1).sum(-1) for i in range(len(sizes))]
        overflow = jnp.any(jnp.stack(counts) > jnp.array(sizes)[:, None])

        def within_capacity():
            return jax.vmap(partial(self._sparse_nll, sizes))(states, tokens)

        def beyond():
            parts = math.gcd(tokens.shape[1], MOST_PARTS)
            return _in_parts(self._dense_nll, parts, states, tokens)

        nll = jax.lax.cond(overflow, beyond, within_capacity)
        return nll.reshape(targets.shape)

    def _members(self, targets: Int[Array, "*token"], i: int) -> Bool[Array, "*token"]:
        lo, hi = self.bins[i]
        return (targets >= lo) & (targets < hi)

    def _head_nll(self, hidden, targets) -> Float[Array, "*token"]:
        """-log p of the target, or of the cluster that it is in."""
        label = targets
        for i in range(1, len(self.bins)):
            cluster = self.bins[0][1] + i - 1
            label = jnp.where(self._members(targets, i), cluster, label)
        return cross_entropy(self._bin_logits(0, hidden), label)

    def _dense_nll(self, hidden, targets) -> Float[Array, "*token"]:
        nll = self._head_nll(hidden, targets)
        for i in range(1, len(self.bins)):
            member = self._members(targets, i)
            lo = self.bins[i][0]
            inside = cross_entropy(self._bin_logits(i, hidden), targets - lo)
            nll = nll + jnp.where(member, inside, 0.0)
        return nll

    def _sparse_nll(self, sizes: list[int], hidden, targets) -> Float[Array, "token"]:
        """As `_dense_nll`, if no tail bin i has more than `sizes[i - 1]` targets."""
        nll = self._head_nll(hidden, targets)
        n = targets.size
        for i, size in enumerate(sizes, 1):
            member = self._members(targets, i)
            lo = self.bins[i][0]
            # Unused places point past the end, where gathers clip and scatters drop.
            at = jnp.nonzero(member, size=min(size, n), fill_value=n)[0]
            logits = self._bin_logits(i, hidden.at[at].get(mode="clip"))
            inside = cross_entropy(logits, targets.at[at].get(mode="clip") - lo)
            nll = nll.at[at].add(inside, mode="drop")
        return nll


def _groups(rows: int, length: int) -> int:
    """The largest number of groups of whole rows with at least GROUP_TOKENS tokens."""
    counts = (rows // n for n in range(1, rows + 1) if rows % n == 0)
    return next((g for g in counts if rows // g * length >= GROUP_TOKENS), 1)


def _in_parts(nll: Callable, parts: int, states: Array, targets: Array) -> Array:
    """`nll` of [group, token] part by part, recomputed in the backward pass: the logits
    of one part at a time are in memory."""

    def split(x):
        return jnp.moveaxis(x.reshape(x.shape[0], parts, -1, *x.shape[2:]), 1, 0)

    body = jax.checkpoint(lambda part: nll(*part))
    out = jax.lax.map(body, (split(states), split(targets)))
    return jnp.moveaxis(out, 0, 1).reshape(targets.shape)
