"""Maps that say the truth, in place of what a network predicts (table 6): what would
the boxes be if the heat maps were right, or the offsets, or the tags?"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from papers.cornernet.model import Corner, Prediction
from papers.cornernet.targets import CornerTargets, Encoded

NEAR = 1  # cells
APART = 100.0  # between the tags of two objects: more than any threshold of tags


def as_truth(
    prediction: Prediction,
    truth: Encoded,
    *,
    heat: bool = False,
    offset: bool = False,
    tag: bool = False,
) -> Prediction:
    """The prediction, whose heats are probabilities, with some of its maps replaced.

    heat: 1 at true corners, and the Gaussian around them, which suppression of all but
        peaks removes.
    offset: of the objects, in their corners' cells.
    tag: within a cell of a true corner, its object's; elsewhere one that no corner of
        the other kind has. So both corners of a pair are of one object.
    """

    def replaced(corner: Corner, of: CornerTargets, kind: int) -> Corner:
        if heat:
            corner = corner._replace(heat=of.heat)
        if offset:
            corner = corner._replace(offset=_offsets(corner.offset, of, truth.present))
        if tag:
            shape = corner.tag.shape[1:3]
            corner = corner._replace(tag=_objects(of, truth.present, shape, kind))
        return corner

    pairs = zip(prediction, truth[:2], (0, 1), strict=True)
    return Prediction(*(replaced(*of) for of in pairs))


def _offsets(predicted, of: CornerTargets, present: Bool[Array, "batch objects"]):
    def one(maps, row, column, offset, present):
        row = jnp.where(present, row, maps.shape[0])  # outside, and dropped
        return maps.at[row, column].set(offset, mode="drop")

    return jax.vmap(one)(predicted, of.row, of.column, of.offset, present)


def _objects(
    of: CornerTargets,
    present: Bool[Array, "batch objects"],
    shape: tuple[int, int],
    kind: int,
) -> Float[Array, "batch height width 1"]:
    """The tags APART, 2 APART and so on of the objects; where there is none, tags below
    0, odd or even times APART by the kind of corner."""
    rows = jnp.arange(shape[0])[:, None, None]
    columns = jnp.arange(shape[1])[:, None]
    cells = jnp.arange(shape[0] * shape[1]).reshape(shape)
    nobody = -APART * (2.0 * cells + kind + 1)

    def one(row, column, present):
        far = jnp.maximum(jnp.abs(rows - row), jnp.abs(columns - column))
        far = jnp.where(present, far, NEAR + 1)
        own = APART * (jnp.argmin(far, -1) + 1.0)
        return jnp.where(jnp.min(far, -1) <= NEAR, own, nobody)[..., None]

    return jax.vmap(one)(of.row, of.column, present)
