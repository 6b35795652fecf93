"""The encoder-decoder, whose output is a symbol or a pointer to an item of its source.

A Transformer (Vaswani et al. 2017) with norms before its parts. The logits of pointers
stand behind those of symbols, so that one softmax chooses among both (as in the pointer
networks of Vinyals et al. 2015, and their mixtures with a vocabulary).

Axes: batch, source (items), time (pieces), beams, heads, d_head, d_model. Rows hold
several samples: see `packing`.
"""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from common.transformer import Decoder, norm, product
from papers.amr_summarization.blocks import Block, Cache, Hidden, Mask
from papers.amr_summarization.config import Model
from papers.amr_summarization.nesting import DEPTH, Nest, labels
from papers.amr_summarization.vocabulary import TAGS

NEAR = 2  # items on each side that one is read with
FAR = 8  # a distance above it counts as it
Batch = Mapping[str, Array]  # of `packing.arrays`


@struct.dataclass
class Memory:
    """What the encoder made of the source."""

    hidden: Float[Array, "batch source d_model"]
    segment: Int[Array, "batch source"]


@struct.dataclass
class Written:
    """A beam's state between two pieces."""

    caches: tuple[Cache, ...]
    length: Int[Array, "batch beams"]  # pieces that were read, of all beams the same
    nest: Nest
    used: Bool[Array, "batch beams source"]  # items that were pointed at


class Network(nn.Module):
    """Both directions: a parser and a generator differ in what they read and write.

    positions: items or pieces of the longest sample.
    nested: whether what is written has brackets.
    """

    config: Model
    positions: int
    nested: bool

    def setup(self):
        m = self.config
        block = decoder(m)
        self.item = _table(m.items, m)
        self.ending = _table(m.endings, m)
        self.tag = _table(len(TAGS) + 1, m)
        self.source_place = _table(self.positions, m)
        self.symbol = _table(m.symbols, m)
        self.place = _table(self.positions, m)
        self.pointed = product(block, m.d_model, block.init_std)
        self.beside = product(block, m.d_model, block.init_std)  # of the neighbours
        self.again = product(block, 1, block.init_std)  # score of used items
        if self.nested:
            # Scores by the distance from the open node's item.
            self.distance = product(block, 2 * FAR + 2, block.init_std)
            self.open_node = product(block, m.d_model, block.init_std)
            self.depth = _table(DEPTH, m)
        count = m.encoder_layers
        self.encoder = [Block(block, _added(m, count), False) for _ in range(count)]
        count = m.decoder_layers
        self.decoder = [Block(block, _added(m, count), True) for _ in range(count)]
        self.source_norm = norm(block)
        self.target_norm = norm(block)
        self.choice = product(block, m.symbols, block.init_std)
        self.pointer = product(block, m.d_model, block.init_std)
        self.pointer_key = product(block, m.d_model, block.init_std)
        self.dropout = nn.Dropout(m.dropout)

    def __call__(
        self, batch: Batch, train: bool = False
    ) -> Float[Array, "batch time choices"]:
        """The logits of each piece, given those before it."""
        memory = self.encode(batch, train)
        previous = batch["previous"]
        label, depth = labels(previous)
        x = self._written(memory, previous, batch["place"], label, depth)
        x = self.dropout(x, deterministic=not train)
        segment = batch["segment"]
        time = jnp.arange(segment.shape[1])
        own = _same(segment, segment) & (time[:, None] >= time)
        source = _same(segment, memory.segment)
        for block in self.decoder:
            x = block(x, own, memory.hidden, source, train)
        used = jnp.cumsum(self._pointed_at(previous, memory), axis=1) > 0
        return self._logits(x, memory, source, used, label)

    def encode(self, batch: Batch, train: bool = False) -> Memory:
        segment = batch["source_segment"]
        x = self.item(batch["item"]) + self.ending(batch["ending"])
        x += self.tag(batch["tag"]) + self.source_place(batch["source_place"])
        x = self.beside(_with_neighbours(x, segment))
        x = self.dropout(x, deterministic=not train)
        mask = _same(segment, segment)
        for block in self.encoder:
            x = block(x, mask, train=train)
        return Memory(self.source_norm(x), segment)

    def begin(self, memory: Memory, beams: int) -> Written:
        """The state of beams that have written nothing."""
        m = self.config
        batch = memory.hidden.shape[0]
        shape = batch, beams, self.positions, m.n_heads, m.d_model // m.n_heads
        zeros = jnp.zeros(shape, m.dtype)
        caches = tuple(Cache(zeros, zeros) for _ in range(m.decoder_layers))
        length = jnp.zeros((batch, beams), jnp.int32)
        used = jnp.zeros((batch, beams, memory.segment.shape[1]), bool)
        return Written(caches, length, Nest.begin((batch, beams)), used)

    def step(
        self, memory: Memory, previous: Int[Array, "batch beams"], state: Written
    ) -> tuple[Float[Array, "batch beams choices"], Written]:
        """The logits of the next piece of each beam, and the state after `previous`.
        The source has one sample a row."""
        nest = state.nest.after(previous)
        x = self._written(memory, previous, state.length, nest.label, nest.depth)
        mask = _same(jnp.ones_like(previous), memory.segment)
        length = state.length[0, 0]
        caches = []
        for block, cache in zip(self.decoder, state.caches, strict=True):
            x, cache = block.cached(x, cache, length, memory.hidden, mask)
            caches.append(cache)
        used = state.used | self._pointed_at(previous, memory)
        state = Written(tuple(caches), state.length + 1, nest, used)
        return self._logits(x, memory, mask, used, nest.label), state

    def _written(
        self, memory: Memory, piece: Array, place: Array, label: Array, depth: Array
    ) -> Hidden:
        """What the decoder knows of the piece before: itself, its place, and the node
        that is open after it."""
        items = self.pointed(memory.hidden)
        x = self._vectors(items, piece) + self.place(place)
        if self.nested:
            x += self.open_node(self._vectors(items, label))
            x += self.depth(jnp.minimum(depth, DEPTH - 1))
        return x

    def _vectors(self, items: Float[Array, "batch source d_model"], piece: Array):
        """Of pieces: a pointer has the vector of the item that it names."""
        symbols = self.config.symbols
        index = jnp.clip(piece - symbols, 0, items.shape[1] - 1)
        named = jnp.take_along_axis(items, index[..., None], axis=1)
        symbol = self.symbol(jnp.minimum(piece, symbols - 1))
        return jnp.where((piece < symbols)[..., None], symbol, named)

    def _pointed_at(
        self, piece: Int[Array, "batch time"], memory: Memory
    ) -> Bool[Array, "batch time source"]:
        items = jnp.arange(memory.segment.shape[1])
        return piece[..., None] == items + self.config.symbols

    def _logits(
        self,
        x: Hidden,
        memory: Memory,
        mask: Mask,
        used: Bool[Array, "batch time source"],
        label: Int[Array, "batch time"],
    ) -> Float[Array, "batch time choices"]:
        """The score of an item depends on what it is, on whether it was pointed at
        before, and on how far it stands from the open node's item."""
        x = self.target_norm(x)
        key = self.pointer_key(memory.hidden)
        scores = jnp.einsum("btd,bsd->bts", self.pointer(x), key)
        scores *= self.config.d_model**-0.5
        scores += jnp.where(used, self.again(x), 0)
        if self.nested:
            item = label[..., None] - self.config.symbols
            far = jnp.clip(jnp.arange(key.shape[1]) - item, -FAR, FAR) + FAR
            far = jnp.where(item < 0, 2 * FAR + 1, far)
            scores += jnp.take_along_axis(self.distance(x), far, axis=-1)
        scores = jnp.where(mask[:, 0], scores, -1e30)
        return jnp.concatenate([self.choice(x), scores], axis=-1).astype(jnp.float32)


def decoder(model: Model) -> Decoder:
    """The sizes of a block."""
    return Decoder(
        n_layers=model.decoder_layers,
        d_model=model.d_model,
        n_heads=model.n_heads,
        d_inner=model.d_inner,
        dropout=model.dropout,
        init_std=model.d_model**-0.5,
        dtype=model.dtype,
    )


def _added(model: Model, layers: int) -> float:
    """The standard deviation of products whose results are added (as in GPT-2)."""
    return (model.d_model * 2 * layers) ** -0.5


def _table(rows: int, model: Model) -> nn.Embed:
    init = nn.initializers.normal(model.d_model**-0.5)
    return nn.Embed(rows, model.d_model, embedding_init=init, dtype=model.dtype)


def _with_neighbours(
    x: Float[Array, "batch source d_model"], segment: Int[Array, "batch source"]
) -> Float[Array, "batch source wide"]:
    """Each item beside those at most `NEAR` places away in its sample, zeros beyond."""
    parts = []
    for shift in range(-NEAR, NEAR + 1):
        moved = jnp.roll(segment, shift, axis=1)
        place = jnp.arange(segment.shape[1]) - shift
        inside = (place >= 0) & (place < segment.shape[1]) & (moved == segment)
        parts.append(jnp.where(inside[..., None], jnp.roll(x, shift, axis=1), 0))
    return jnp.concatenate(parts, axis=-1)


def _same(
    queries: Int[Array, "batch time"], keys: Int[Array, "batch key"]
) -> Bool[Array, "batch 1 time key"]:
    """True where both stand in one sample; padding sees nothing."""
    same = queries[:, :, None] == keys[:, None]
    return (same & (keys > 0)[:, None])[:, None]
