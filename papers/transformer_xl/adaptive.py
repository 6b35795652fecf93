"""Adaptive input and adaptive softmax, tied (Baevski & Auli 2019, Grave et al. 2017).

The vocabulary, sorted by frequency, is cut into bins: a shortlist and tail clusters.
Bin i has embeddings of d_embed / div_value^i features and a projection to d_model. The
head scores the shortlist and one logit a cluster: p(w) = p(cluster) p(w | cluster).
Without cutoffs all this is an embedding table and a tied softmax.

Axes: token (batch and time, flattened where it says so), d_model, bin.
"""

import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from common.losses import cross_entropy
from papers.transformer_xl.config import Model


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
        table, projection = nn.initializers.normal(c.init_std), self._projection
        self.tables = [
            self.param(f"table_{i}", table, (n, sizes[i])) for i, n in enumerate(rows)
        ]
        same = c.project_same and not self.one_table
        projected = [same or size != c.d_model for size in sizes]
        self.in_projections = [
            projection(f"in_projection_{i}", sizes[i]) if projected[i] else None
            for i in range(len(rows))
        ]
        tied = c.tied_projections + (False,) * len(self.bins)
        self.out_projections = [
            self.in_projections[0 if self.one_table else i]
            if tied[i] or not projected[i]
            else projection(f"out_projection_{i}", sizes[i])
            for i in range(len(self.bins))
        ]
        zeros = nn.initializers.zeros
        self.biases = [
            self.param(f"bias_{i}", zeros, (hi - lo,))
            for i, (lo, hi) in enumerate(self.bins)
        ]
        if c.cutoffs:
            shape = (len(c.cutoffs), d_embed)
            self.cluster_table = self.param("cluster_table", table, shape)
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
        """Logits inside bin i; those of bin 0 continue with one a tail cluster."""
        lo, hi = self.bins[i]
        table, bias = self.tables[0 if self.one_table else i], self.biases[i]
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
        """log p of every word: sums to 1 over the vocabulary."""
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
        hidden: Float[Array, "*token d_model"],
        targets: Int[Array, "*token"],
        *,
        dense: bool = True,
    ) -> Float[Array, "*token"]:
        """-log p(target) in nats.

        dense: every bin is computed for every token and the right one selected. Else
        tail bin i is computed for at most `capacity[i - 1]` of the tokens, all that a
        frequency-sorted vocabulary needs; a batch with more falls back to dense.
        """
        shape, hidden = targets.shape, hidden.reshape(-1, hidden.shape[-1])
        targets = targets.reshape(-1)
        if dense or not self.config.capacity:
            return self._nll(hidden, targets, None).reshape(shape)
        sizes = [max(1, round(f * targets.size)) for f in self.config.capacity]
        members = [self._members(targets, i) for i in range(1, len(self.bins))]
        overflow = jnp.array([m.sum() > s for m, s in zip(members, sizes, strict=True)])
        nll = jax.lax.cond(
            overflow.any(),
            lambda: self._nll(hidden, targets, None),
            lambda: self._nll(hidden, targets, sizes),
        )
        return nll.reshape(shape)

    def _members(self, targets: Int[Array, "token"], i: int) -> Bool[Array, "token"]:
        lo, hi = self.bins[i]
        return (targets >= lo) & (targets < hi)

    def _nll(
        self,
        hidden: Float[Array, "token d_model"],
        targets: Int[Array, "token"],
        sizes: list[int] | None,
    ) -> Float[Array, "token"]:
        head = self._bin_logits(0, hidden)
        label = targets
        for i in range(1, len(self.bins)):
            cluster = self.bins[0][1] + i - 1
            label = jnp.where(self._members(targets, i), cluster, label)
        nll = cross_entropy(head, label)
        for i in range(1, len(self.bins)):
            member, lo = self._members(targets, i), self.bins[i][0]
            if sizes is None:
                inside = cross_entropy(self._bin_logits(i, hidden), targets - lo)
                nll = nll + jnp.where(member, inside, 0.0)
            else:
                # Unused places point past the end: gathers clip, scatters drop them.
                n = targets.size
                at = jnp.nonzero(member, size=min(sizes[i - 1], n), fill_value=n)[0]
                logits = self._bin_logits(i, hidden.at[at].get(mode="clip"))
                inside = cross_entropy(logits, targets.at[at].get(mode="clip") - lo)
                nll = nll.at[at].add(inside, mode="drop")
        return nll
