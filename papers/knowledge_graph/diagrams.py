"""The four embeddings as pictures: what each does with h and t before it translates."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from papers.knowledge_graph.scores import PROJECTIONS, Entities, Relation, unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure  # slow to import, and often not needed

HEAD, TAIL = (0.6, 1.5), (1.9, 0.5)  # of the picture of TransE
NAMES = {"transe": "TransE", "transh": "TransH", "transr": "TransR", "transd": "TransD"}
# A relation of each embedding, in the plane.
RELATIONS: dict[str, Relation] = {
    "transe": {},
    "transh": {"normals": jnp.array([0.35, 1.0])},
    "transr": {"matrices": jnp.array([[0.9, 0.45], [-0.5, 0.75]])},
    "transd": {"relation_projections": jnp.array([0.5, -0.35])},
}
ENTITY_PROJECTIONS = jnp.array([[0.5, 0.3], [-0.6, 0.3]])  # of TransD, for h and t


def translations() -> "Figure":
    """h and t, their projections h' and t', and r from h' to t', for each embedding.
    Projections are those of `scores.PROJECTIONS`; here r fits, so the score is 0."""
    from matplotlib.figure import Figure

    figure = Figure((12.4, 3.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, 4), PROJECTIONS, strict=True):
        points = jnp.array([HEAD, TAIL])
        entities: Entities = {"entities": points}
        if name == "transd":
            entities["entity_projections"] = ENTITY_PROJECTIONS
        projected = np.asarray(PROJECTIONS[name](RELATIONS[name], entities))
        if name == "transh":
            _plane(axes)
        _draw(axes, np.asarray(points), projected, moved=name != "transe")
        axes.set_title(NAMES[name], fontsize=11)
        axes.set(xlim=(-0.5, 2.6), ylim=(-0.9, 2.1), aspect="equal")
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def _plane(axes: "Axes") -> None:
    """TransH's hyperplane, a line here, and its normal."""
    normal = np.asarray(unit(RELATIONS["transh"]["normals"]))
    along = np.array([normal[1], -normal[0]])
    ends = np.stack([-3 * along, 3 * along])
    axes.plot(*ends.T, color="#9A9A9A", lw=1)
    axes.annotate("", 0.7 * normal, (0, 0), arrowprops={"arrowstyle": "->"})
    axes.text(*(0.8 * normal), "$w_r$", fontsize=10)


def _draw(
    axes: "Axes",
    points: Float[np.ndarray, "2 2"],
    projected: Float[np.ndarray, "2 2"],
    *,
    moved: bool,
) -> None:
    from common.figures import PALETTE

    for name, point, end in zip("ht", points, projected, strict=True):
        axes.plot(*point, "o", color=PALETTE[6])
        axes.annotate(f"${name}$", point, (4, 4), textcoords="offset points")
        if moved:
            axes.plot(*zip(point, end, strict=True), ":", color=PALETTE[6], lw=1)
            axes.plot(*end, "o", color=PALETTE[0])
            axes.annotate(f"${name}'$", end, (4, 4), textcoords="offset points",
                          color=PALETTE[0])  # fmt: skip
    arrow = {"arrowstyle": "-|>", "color": PALETTE[1], "lw": 1.8, "shrinkB": 3}
    axes.annotate("", projected[1], projected[0], arrowprops=arrow)
    middle = projected.mean(axis=0)
    axes.annotate("$r$", middle, (0, -12), textcoords="offset points",
                  color=PALETTE[1])  # fmt: skip
