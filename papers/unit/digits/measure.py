"""Numbers of a trained classifier of digits."""

from functools import partial

import jax
from jaxtyping import Array, Float

from common.metrics import Mean, in_top, over
from papers.unit.config import Config
from papers.unit.data import batches
from papers.unit.digits.objective import class_logits
from papers.unit.directions import Direction
from papers.unit.pixels import Pictures, scaled
from papers.unit.train import State, ema_params, generator_params, translate


def classify(
    config: Config, state: State, images: Pictures, domain: str
) -> Float[Array, "batch classes"]:
    """The digit experiment's logits, through the domain's own first layer."""
    discriminators = ema_params(state)["discriminators"]
    return class_logits(config, discriminators, scaled(images), domain)


def translated_accuracy(
    classifier: tuple[Config, State], translator: tuple[Config, State]
) -> float:
    """The share of b's test images whose translations to a the classifier of a reads
    right."""
    reader, reading = classifier
    config, translating = translator

    @jax.jit
    def step(reading, params, batch):
        images = translate(config, params, batch["b"], Direction("b", "a"))
        right = in_top(classify(reader, reading, images, "a"), batch["label_b"], 1)
        return {"right": Mean.of(right, batch["mask_b"])}

    measured = partial(step, reading, generator_params(translating))
    return over(measured, batches(config, "test"))["right"]
