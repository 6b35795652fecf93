"""What the network should say of given boxes (sections 3.2 and 3.3): heat maps with a
Gaussian bump at every corner, the cells of the corners, and their offsets.

Boxes are corners x1, y1, x2, y2 in pixels of the network's input. Cells are those of
its output, with about a quarter of the input's rows and columns.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from common.pixels import namespace
from papers.cornernet.config import Targets

Boxes = Float[Array, "batch objects 4"]
Cells = Int[Array, "batch objects"]


class CornerTargets(NamedTuple):
    """Of one kind of corner."""

    heat: Float[Array, "batch height width classes"]  # 1 at corners, less around them
    row: Cells
    column: Cells
    offset: Float[Array, "batch objects 2"]  # x, y in cells: corner less its cell


class Encoded(NamedTuple):
    """Of both kinds. A row of a batch has the objects that `present` says."""

    top_left: CornerTargets
    bottom_right: CornerTargets
    present: Bool[Array, "batch objects"]


def encode(
    config: Targets,
    boxes: Boxes,
    classes: Int[Array, "batch objects"],
    present: Bool[Array, "batch objects"],
    *,
    size: tuple[int, int],
    cells: tuple[int, int],
    n_classes: int,
) -> Encoded:
    """The targets of a batch.

    size: rows and columns of the input, in pixels.
    cells: rows and columns of the output. Their ratio scales the boxes, 128 / 511 for
        the published sizes, not 1 / 4.
    """
    scale_y, scale_x = (cells[i] / size[i] for i in range(2))
    scaled = boxes * jnp.array([scale_x, scale_y, scale_x, scale_y], jnp.float32)
    height = jnp.ceil(scaled[..., 3] - scaled[..., 1])
    width = jnp.ceil(scaled[..., 2] - scaled[..., 0])
    radius = penalty_radius(config, height, width)
    known = jnp.where(present, classes, n_classes)  # a class that no map has

    def corner(points: Float[Array, "batch objects 2"]) -> CornerTargets:
        last = jnp.array([cells[1] - 1, cells[0] - 1])
        cell = jnp.clip(jnp.floor(points).astype(jnp.int32), 0, last)
        column, row = cell[..., 0], cell[..., 1]
        maps = jax.vmap(lambda *one: heat_maps(*one, cells, n_classes))
        return CornerTargets(
            maps(row, column, radius, known), row, column, points - cell
        )

    return Encoded(corner(scaled[..., :2]), corner(scaled[..., 2:]), present)


def heat_maps(
    row: Int[Array, "objects"],
    column: Int[Array, "objects"],
    radius: Float[Array, "objects"],
    classes: Int[Array, "objects"],
    cells: tuple[int, int],
    n_classes: int,
) -> Float[Array, "height width n_classes"]:
    """exp(-(dx^2 + dy^2) / (2 sigma^2)) around each corner, with sigma a third of the
    radius and half a cell: (2 r + 1) / 6. It is cut off beyond the radius. Where bumps
    of one class meet, the larger value counts. Objects of a class that is not there are
    left out."""
    sigma = (2 * radius + 1) / 6

    def bump(centre, count):
        distance = jnp.arange(count) - centre[:, None]
        value = jnp.exp(-(distance**2) / (2 * sigma[:, None] ** 2))
        return jnp.where(jnp.abs(distance) <= radius[:, None], value, 0.0)

    bumps = bump(row, cells[0])[:, :, None] * bump(column, cells[1])[:, None, :]
    maps = jnp.zeros((n_classes, *cells)).at[classes].max(bumps, mode="drop")
    return jnp.moveaxis(maps, 0, -1)


def penalty_radius(
    config: Targets, height: Float[Array, "*objects"], width: Float[Array, "*objects"]
) -> Float[Array, "*objects"]:
    """How far from a corner, in cells, the penalty of a false corner is reduced: a
    whole number for object-dependent radii, or the constant."""
    if config.radius == "constant":
        return jnp.full(jnp.shape(height), config.constant, jnp.float32)
    formula = {"object": object_radius, "legacy": legacy_radius}[config.radius]
    radius = jnp.floor(formula(height, width, config.min_overlap))
    return jnp.where((height > 0) & (width > 0), jnp.maximum(radius, 0.0), 0.0)


def object_radius(
    height: Float[Array, "*objects"], width: Float[Array, "*objects"], overlap: float
) -> Float[Array, "*objects"]:
    """The largest r, not rounded, for which two corners that are moved by at most r in
    x and in y give a box of IoU >= `overlap` with the truth: one corner moves in and
    one out, both in, or both out, whichever is worst."""
    roots = _quadratics(height, width, overlap)
    xp = namespace(height)
    (b1, root1), (b2, root2), (b3, root3) = roots
    inner = xp.minimum((b1 - root1) / 2, (b2 - root2) / 8)
    return xp.minimum(inner, (b3 + root3) / (8 * overlap))


def legacy_radius(
    height: Float[Array, "*objects"], width: Float[Array, "*objects"], overlap: float
) -> Float[Array, "*objects"]:
    """The radius of the first release (August 2018), which took the wrong root of two
    of the three equations and left a divisor out: larger than `object_radius`."""
    xp = namespace(height)
    sums = [(b + root) / 2 for b, root in _quadratics(height, width, overlap)]
    return xp.minimum(xp.minimum(*sums[:2]), sums[2])


def _quadratics(height, width, overlap):
    """(-b, root of the discriminant) of the three equations a r^2 + b r + c = 0: one
    corner in and one out, both in, both out."""
    xp = namespace(height)
    total = height + width
    area = height * width
    b1 = total
    c1 = area * (1 - overlap) / (1 + overlap)
    b2 = 2 * total
    c2 = (1 - overlap) * area
    b3 = -2 * overlap * total
    c3 = (overlap - 1) * area
    return (
        (b1, xp.sqrt(b1**2 - 4 * c1)),
        (b2, xp.sqrt(b2**2 - 16 * c2)),
        (b3, xp.sqrt(b3**2 - 16 * overlap * c3)),
    )
