"""Pictures of the trained runs: accuracy against temperature, soft targets."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float

from common.contract import Table
from common.data.image_set import ImageSet
from papers.distillation.config import Config

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed


def accuracy_by_temperature(config: Config, table: Table) -> "Figure":
    """The table "Accuracy against temperature" as a curve; the labels' accuracy is a
    level line."""
    from common import figures

    (_, labelled, _), *rows = table.rows
    temperatures = config.distill.temperatures
    series = {
        "soft targets": (temperatures, [accuracy for _, accuracy, _ in rows]),
        "labels": (temperatures, np.full(len(temperatures), labelled)),
    }
    title = f"students of {100 * config.data.share:g}% of the images"
    return figures.curves(
        series, "temperature", "test accuracy, %", log_x=True, points=True, title=title
    )


def soft_targets(
    config: Config, logits: Float[np.ndarray, "n classes"], test: ImageSet
) -> Iterator[tuple[str, Any]]:
    """The test images on which the ensemble is right and least sure, and its softened
    probabilities of all classes. `logits` are the ensemble's, of the test images."""
    log_p = np.asarray(jax.nn.log_softmax(logits))
    entropy = -(np.exp(log_p) * log_p).sum(-1)
    entropy[logits.argmax(-1) != test.labels] = -1
    picked = np.argsort(-entropy, kind="stable")[: config.eval.digits]
    softened = [jax.nn.softmax(logits[picked] / t) for t in config.eval.soften]
    rows = np.stack(softened, axis=1).reshape(-1, logits.shape[1])
    names = test.class_names
    ticks = [
        f"{names[test.labels[i]]}, T = {t:g}"
        for i in picked
        for t in config.eval.soften
    ]
    from common import figures

    yield (
        "Soft targets",
        figures.heatmap(
            rows,
            "class",
            "image, temperature",
            title="what the ensemble says",
            colour_label="probability",
            x_ticks=names,
            y_ticks=ticks,
        ),
    )
    pictures = [test.images[i][..., :3] for i in picked]
    captions = [_caption(np.exp(log_p[i]), names) for i in picked]
    figure = figures.image_grid([pictures], captions=[captions])
    yield "Images of the soft targets", figure


def _caption(p: Float[np.ndarray, "classes"], names: tuple[str, ...]) -> str:
    """The three most probable classes, with their probabilities."""
    best = np.argsort(-p, kind="stable")[:3]
    return "  ".join(f"{names[c]} {p[c]:.2f}" for c in best)
