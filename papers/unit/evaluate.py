"""What the translators are worth: errors, ablations, digits without labels."""

from collections.abc import Mapping
from functools import partial

import jax
import numpy as np

from common.contract import Claim, Table, Trained, Values, summary
from common.host import to_host
from papers.unit import figures
from papers.unit.config import Config
from papers.unit.data import batches, has_pairs
from papers.unit.digits.evaluate import evaluate as evaluate_digits
from papers.unit.directions import DIRECTIONS
from papers.unit.game import DIGITS, game_of
from papers.unit.measure import (
    TERMS,
    measured,
    objective_terms,
    unchanged,
    whole_test,
)
from papers.unit.squares import hue_right, square_iou
from papers.unit.train import generator_params, translate


def evaluate(config: Config, trained: Trained) -> Values:
    """Yields (name, value): errors and the objective of every translator, translations
    both ways and over time, the ablations side by side, and the digit experiment."""
    digit_runs = {n: run for n, run in trained.items() if game_of(run[0]) is DIGITS}
    image_runs = {n: run for n, run in trained.items() if n not in digit_runs}
    claims: list[Claim] = []
    if image_runs:
        yield from _translators(image_runs, claims)
    if digit_runs:
        yield from evaluate_digits(digit_runs, claims)
    if claims:
        yield "Summary", summary("[UNIT](papers/unit)", claims)


def _translators(trained: Trained, claims: list[Claim]) -> Values:
    errors = {name: measured(*run) for name, run in trained.items()}
    first = next(iter(trained))
    config, _ = trained[first]
    yield "Translation", _errors(config, errors)
    if config.data.source == "generated":
        table = _squares(trained)
        yield "Squares", table
        claims.append(_squares_claim(table))
    yield "Objective", _objectives(trained)
    yield from figures.of_run(first, *trained[first])
    if len(trained) > 1:
        for direction in DIRECTIONS:
            figure = figures.side_by_side(trained, direction)
            yield f"Side by side, {direction}", figure
    if has_pairs(config):
        gain = np.mean([errors[first][f"pair_{d}"] for d in DIRECTIONS])
        ratio = float(gain / unchanged(config))
        claims.append(
            Claim(
                "images are translated without a pair having been seen",
                "pictures",
                f"error to the true pair {ratio:.2f} of that before (glyphs)",
                True if ratio < 0.7 else None if ratio < 1 else False,
            )
        )


def _errors(config: Config, errors: Mapping[str, Mapping[str, float]]) -> Table:
    parts = ["reconstruction_a", "reconstruction_b", "cycle_error_a", "cycle_error_b"]
    if has_pairs(config):
        parts += [f"pair_{direction}" for direction in DIRECTIONS]
    rows = [[name, *(means[part] for part in parts)] for name, means in errors.items()]
    if has_pairs(config):
        rows.append(["(unchanged)", None, None, None, None, *[unchanged(config)] * 2])
    titles = [
        part.replace("_error", "")
        .replace("_", " ")
        .replace("pair", "to the true pair,")
        for part in parts
    ]
    note = (
        "mean absolute errors of test images in [-1, 1]; cycle: into the other domain "
        "and back; true pairs were in no training set"
    )
    return Table(("run", *titles), rows, note)


def _squares(trained: Trained) -> Table:
    rows = []
    for name, (config, state) in trained.items():
        run = jax.jit(partial(translate, config), static_argnums=2)
        params = generator_params(state)
        for direction in DIRECTIONS:
            images = whole_test(config, direction.source)
            translated = to_host(run(params, images, direction))
            hue = hue_right(translated, direction.target)
            iou = float(square_iou(translated, images).mean())
            rows.append([name, str(direction), hue, iou])
    note = "share of translations with the other colour; how well squares keep place"
    return Table(("run", "direction", "hue right", "IoU"), rows, note)


def _squares_claim(table: Table) -> Claim:
    """Of the first run, both ways."""
    hue, iou = np.mean([row[2:] for row in table.rows[:2]], axis=0)
    return Claim(
        "what a translation should not change keeps its place",
        "pictures",
        f"{100 * hue:.0f} % in the other colour, IoU {iou:.2f} (squares)",
        bool(hue > 0.9 and iou > 0.5) or (None if hue > 0.5 else False),
    )


def _objectives(trained: Trained) -> Table:
    """The terms of eq. 2 on test images: L_VAE and L_CC with noise, as in training;
    L_GAN of translations as they are shown, at mu and in whole grey levels."""
    rows = []
    for name, (config, state) in trained.items():
        first = next(iter(batches(config, "test")))
        terms = jax.jit(partial(objective_terms, config))(state, first)
        rows.append([name, *(float(terms[term]) for term in TERMS)])
    note = (
        "with the run's weights, over both domains and a batch of test images; L_GAN "
        "is the value of the game, which D raises: 0 where D is never wrong"
    )
    return Table(("run", *TERMS), rows, note)
