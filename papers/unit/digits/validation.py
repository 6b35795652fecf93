"""What a validation of the classifier measures."""

from typing import Any

from jaxtyping import Array, Float

from common.losses import cross_entropy
from common.metrics import Mean, in_top
from common.pixels import with_channels
from papers.unit.config import Config
from papers.unit.digits.objective import class_logits, trains_generators
from papers.unit.directions import DOMAINS, by_domain
from papers.unit.pixels import Pictures, scaled


def classification_means(config: Config, params: Any, batch: dict) -> dict[str, Mean]:
    """The accuracies on a and on b; "loss" is the cross entropy on a."""
    logits = {d: _logits(config, params, batch[d], d) for d in DOMAINS}
    means = {
        f"accuracy_{d}": Mean.of(
            in_top(logits[d], batch[f"label_{d}"], 1), batch[f"mask_{d}"]
        )
        for d in DOMAINS
    }
    loss = cross_entropy(logits["a"], batch["label_a"])
    return {"loss": Mean.of(loss, batch["mask_a"]), **means}


def _logits(
    config: Config, params: Any, pictures: Pictures, domain: str
) -> Float[Array, "batch classes"]:
    # Without the game b's first layer has learned nothing: a's reads b too.
    first = domain if trains_generators(config) else "a"
    channels = by_domain(config.model.channels)[first]
    images = scaled(with_channels(pictures, channels))
    return class_logits(config, params["discriminators"], images, first)
