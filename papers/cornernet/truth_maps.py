"""Maps that say the truth, in place of what a network predicts (table 6): what would
the boxes be if the heat maps were right, or the offsets, or the tags?"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from papers.cornernet.model import Corner, Prediction
from papers.cornernet.targets import CornerTargets, Encoded


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
    tag: in every cell, the number of the object whose corner is nearest.
    """

    def replaced(corner: Corner, of: CornerTargets) -> Corner:
        if heat:
            corner = corner._replace(heat=of.heat)
        if offset:
            corner = corner._replace(offset=_offsets(corner.offset, of, truth.present))
        if tag:
            shape = corner.tag.shape[1:3]
            corner = corner._replace(tag=_nearest(of, truth.present, shape))
        return corner

    pairs = zip(prediction, truth[:2], strict=True)
    return Prediction(*(replaced(corner, of) for corner, of in pairs))


def _offsets(predicted, of: CornerTargets, present: Bool[Array, "batch objects"]):
    def one(maps, row, column, offset, present):
        row = jnp.where(present, row, maps.shape[0])  # outside, and dropped
        return maps.at[row, column].set(offset, mode="drop")

    return jax.vmap(one)(predicted, of.row, of.column, of.offset, present)


def _nearest(
    of: CornerTargets, present: Bool[Array, "batch objects"], shape: tuple[int, int]
) -> Float[Array, "batch height width 1"]:
    rows = jnp.arange(shape[0])[:, None, None]
    columns = jnp.arange(shape[1])[:, None]

    def one(row, column, present):
        squared = (rows - row) ** 2 + (columns - column) ** 2
        far = jnp.where(present, squared, jnp.iinfo(jnp.int32).max)
        return jnp.argmin(far, -1)[..., None].astype(jnp.float32)

    return jax.vmap(one)(of.row, of.column, present)
