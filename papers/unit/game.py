"""The two games of the paper, each as a record of the functions that differ.

IMAGES is UNIT itself, on images without labels. DIGITS is the digit experiment, in
which the discriminators also classify. All other modules ask `game_of`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from common.metrics import Mean
from papers.unit import objective
from papers.unit.config import Config
from papers.unit.digits import objective as digits
from papers.unit.digits.validation import classification_means
from papers.unit.model import Images
from papers.unit.objective import Terms
from papers.unit.validation import translation_means


class Game(NamedTuple):
    """What training, evaluation and prediction need to know of a kind of networks.

    Attributes:
      init: (config, key, images of a, images of b) -> (params, batch_stats).
      terms: by player, "generators" and "discriminators", what it minimises:
        (config, params, batch_stats, rows, key, axis_name) -> Terms.
      translate: (config, generator variables, images, direction) -> images.
      validation_means: (config, params, batch) -> means, "loss" among them.
      translates: (config) -> whether the generators are trained.
      any_size: whether the generators accept images of any size.
    """

    init: Callable[..., tuple[Any, Any]]
    terms: dict[str, Callable[..., Terms]]
    translate: Callable[..., Images]
    validation_means: Callable[[Config, Any, dict], dict[str, Mean]]
    translates: Callable[[Config], bool]
    any_size: bool


IMAGES = Game(
    init=objective.init,
    terms={
        "generators": objective.generator_terms,
        "discriminators": objective.discriminator_terms,
    },
    translate=objective.translate,
    validation_means=translation_means,
    translates=lambda config: True,
    any_size=True,
)
DIGITS = Game(
    init=digits.init,
    terms={
        "generators": digits.generator_terms,
        "discriminators": digits.discriminator_terms,
    },
    translate=digits.translate,
    validation_means=classification_means,
    translates=digits.trains_generators,
    any_size=False,
)
GAMES = {"shared": IMAGES, "separate": IMAGES, "adaptation": DIGITS}


def game_of(config: Config) -> Game:
    """The game that networks of `model.family` play."""
    return GAMES[config.model.family]
