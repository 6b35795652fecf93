"""Which node is open while a graph is written piece by piece.

A network that reads brackets must count them to know whose role comes next. Here the
label of the open node is kept on a stack, and given to it.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Int

from papers.amr_summarization.vocabulary import CLOSE, OPEN, START

DEPTH = 16  # open nodes that are told apart; deeper ones replace the last


@struct.dataclass
class Nest:
    """The open nodes of some sequences.

    stack: their labels, the outermost first.
    opened: whether the next piece is the label of a node that opens.
    """

    stack: Int[Array, "*rows depth"]
    depth: Int[Array, "*rows"]
    opened: Bool[Array, "*rows"]

    @classmethod
    def begin(cls, shape: tuple[int, ...]) -> "Nest":
        """Nothing is open; the first label opens the top."""
        stack = jnp.full((*shape, DEPTH), START, jnp.int32)
        return cls(stack, jnp.zeros(shape, jnp.int32), jnp.ones(shape, bool))

    def after(self, piece: Int[Array, "*rows"]) -> "Nest":
        """The open nodes after one more piece: START begins anew, the top stays."""
        first = self.begin(piece.shape)
        push = self.opened & (piece != OPEN) & (piece != CLOSE)
        at = jnp.minimum(self.depth, DEPTH - 1)[..., None]
        here = push[..., None] & (jnp.arange(DEPTH) == at)
        closed = jnp.maximum(self.depth - (piece == CLOSE), jnp.minimum(self.depth, 1))
        new = Nest(
            jnp.where(here, piece[..., None], self.stack),
            jnp.where(push, self.depth + 1, closed),
            ~push & (self.opened | (piece == OPEN)),
        )
        fresh = piece == START
        return Nest(
            jnp.where(fresh[..., None], first.stack, new.stack),
            jnp.where(fresh, first.depth, new.depth),
            fresh | new.opened,
        )

    @property
    def label(self) -> Int[Array, "*rows"]:
        """The piece that labels the innermost open node; START where none is open."""
        at = jnp.clip(self.depth - 1, 0, DEPTH - 1)
        return jnp.take_along_axis(self.stack, at[..., None], axis=-1)[..., 0]


def labels(
    previous: Int[Array, "batch time"],
) -> tuple[Int[Array, "batch time"], Int[Array, "batch time"]]:
    """The label of the open node after each piece, and how many are open."""

    def step(nest, piece):
        nest = nest.after(piece)
        return nest, (nest.label, nest.depth)

    _, (label, depth) = jax.lax.scan(
        step, Nest.begin(previous.shape[:1]), jnp.swapaxes(previous, 0, 1)
    )
    return jnp.swapaxes(label, 0, 1), jnp.swapaxes(depth, 0, 1)
