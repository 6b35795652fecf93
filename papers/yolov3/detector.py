"""A detector's outputs: the raw maps, what its slots say, what suppression leaves."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from common.contract import UserError
from common.soft_nms import by_config
from papers.yolov3.config import Config, network
from papers.yolov3.decode import Grid, Predicted, decode, grid, in_slots, scales
from papers.yolov3.model import Network

Images = UInt8[Array, "batch height width 3"]


def slots_grid(config: Config, anchors, size: tuple[int, int]) -> Grid:
    """The slots of an input of this height and width."""
    return grid(scales(network(config)), size, anchors)


def predicted(
    config: Config,
    variables: Any,
    anchors: Float[Array, "anchors 2"],
    image: Images,
) -> Predicted:
    """What every slot of every image says, in pixels of the network's input."""
    maps = forward(config, variables, image)
    slots = slots_grid(config, anchors, image.shape[1:3])
    return decode(in_slots(maps), slots, config.objective.xy)


def scores_of(found: Predicted, least: float) -> Float[Array, "batch slots classes"]:
    """The probability of an object times that of each class; 0 where either is at most
    `least`. NaN stays, for `refuse_nan`: suppression would leave such boxes out."""
    objectness = found.objectness[..., None]
    score = objectness * found.classes
    return jnp.where((objectness <= least) | (score <= least), 0.0, score)


def refuse_nan(diverged: np.ndarray) -> None:
    """UserError: the network's outputs are no numbers. diverged: of any shape."""
    if np.any(diverged):
        raise UserError(
            "the network's scores are NaN: its training diverged, or its weights are "
            "damaged; train it with a lower config.optim.lr"
        )


def suppressed(config: Config, maps, anchors, size) -> dict[str, Array]:
    """Boxes, scores and classes after `eval.suppression`, [batch, keep, ...], of which
    `present` ones are there."""
    slots = slots_grid(config, anchors, size)
    return best(config, decode(in_slots(maps), slots, config.objective.xy))


def best(config: Config, found: Predicted) -> dict[str, Array]:
    """`suppressed` of decoded slots. The `eval.candidates` surest take part.
    "diverged" [batch] says where a score is NaN."""
    c = config.eval
    scores = scores_of(found, c.suppression.score_threshold)
    count = min(c.candidates, scores.shape[1])
    _, rows = jax.lax.top_k(jnp.max(scores, -1), count)
    chosen = [jnp.take_along_axis(x, rows[..., None], 1) for x in (found.boxes, scores)]
    left = by_config(*chosen, c.suppression)
    return {
        "diverged": jnp.isnan(scores).any((1, 2)),
        "boxes": left.boxes,
        "scores": left.scores,
        "classes": left.classes,
        "present": left.present,
    }


def forward(config: Config, variables: Any, image: Images) -> Any:
    """The raw maps of each scale, or a classifier's logits, in evaluation mode."""
    return network_of(config).apply(variables, pixels(image))


def network_of(config: Config, axis_name: str | None = None) -> Network:
    """The run's module, a detector's or a classifier's."""
    m = config.model
    return Network(network(config), axis_name, m.dtype, m.objectness)


def pixels(image: Images) -> Float[Array, "batch height width 3"]:
    """RGB in [0, 1]; no mean is subtracted."""
    return image.astype(jnp.float32) / 255.0
