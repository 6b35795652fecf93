"""What a validation of the translators measures."""

from typing import Any

from common.losses import absolute_error
from common.metrics import Mean
from papers.unit.config import Config
from papers.unit.data import has_pairs
from papers.unit.directions import DIRECTIONS, DOMAINS
from papers.unit.objective import networks
from papers.unit.pixels import scaled


def translation_means(config: Config, params: Any, batch: dict) -> dict[str, Mean]:
    """Mean absolute errors of images at mu, in [-1, 1]: after z ("reconstruction_a"),
    after the other domain ("cycle_error_a", as "cycle_a" is a loss of training), and to
    the true pair ("pair_a2b") where pairs are known. "loss" is over all reconstructions
    and cycles."""
    encode, generate = networks(config, params["generators"])
    means: dict[str, Mean] = {}
    for direction in DIRECTIONS:
        own, other = direction
        image = scaled(batch[own])
        mask = batch[f"mask_{own}"]
        z = encode(image, own)
        translation = generate(z, other)
        back = generate(encode(translation, other), own)
        for name, x in ("reconstruction", generate(z, own)), ("cycle_error", back):
            means[f"{name}_{own}"] = Mean.of(absolute_error(x, image), mask)
        if has_pairs(config):
            error = absolute_error(translation, scaled(batch[other]))
            means[f"pair_{direction}"] = Mean.of(error, mask)
    names = "reconstruction", "cycle_error"
    parts = [means[f"{name}_{domain}"] for name in names for domain in DOMAINS]
    return {"loss": sum(parts[1:], parts[0]), **means}
