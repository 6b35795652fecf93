"""What the translators are worth: errors, ablations, digits without labels."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common import rng
from common.contract import Table
from common.metrics import Mean, in_top, over
from papers.unit import look, objective
from papers.unit.adaptation import plays
from papers.unit.config import Config
from papers.unit.data import batches, has_pairs
from papers.unit.discriminator import Discriminators
from papers.unit.squares import hue_right, square_iou
from papers.unit.train import (
    State,
    classify,
    eval_step,
    generator_params,
    scaled,
    translate,
)

Values = Iterator[tuple[str, Any]]
Trained = Mapping[str, tuple[Config, State]]
PAPER_DIGITS = "90.53 (SVHN to MNIST)"
DIRECTIONS = ("a2b", "b2a")


def evaluate(config: Config, trained: Trained) -> Values:
    """Yields (name, value): errors and the objective of every translator, translations
    both ways and over time, the ablations side by side, and the digit experiment."""
    image_runs = {n: r for n, r in trained.items() if r[0].model.family != "adaptation"}
    digit_runs = {n: r for n, r in trained.items() if n not in image_runs}
    summary: list[list] = []
    if image_runs:
        yield from _translators(image_runs, summary)
    if digit_runs:
        yield from _digits(digit_runs, summary)
    columns = ("paper", "what is measured", "ours", "the paper's")
    yield "Summary", Table(columns, summary)


def _translators(trained: Trained, summary: list[list]) -> Values:
    errors = {name: measured(*run) for name, run in trained.items()}
    first = next(iter(trained))
    config, _ = trained[first]
    yield "Translation", _errors(config, errors)
    if config.data.source == "generated":
        yield "Squares", _squares(trained)
    yield "Objective", _objectives(trained)
    yield from _pictures(first, *trained[first])
    if len(trained) > 1:  # the others are seen beside it
        for direction in DIRECTIONS:
            yield f"Side by side, {direction}", look.side_by_side(trained, direction)
    if has_pairs(config):
        gain = np.mean([errors[first][f"pair_{d}"] for d in DIRECTIONS])
        what = "glyphs: error to the true pair, of that before"
        summary.append([_LINK, what, float(gain / unchanged(config)), None])


def _pictures(name: str, config: Config, state: State) -> Values:
    for direction in DIRECTIONS:
        title = f"{name}: {direction[0]} to {direction[-1]}"
        yield title, look.translations(config, state, direction)
    if look.past(config, state):
        yield f"{name}: over time", look.over_time(config, state)


_LINK = "[UNIT](papers/unit)"


def measured(config: Config, state: State) -> dict[str, float]:
    """The means of `eval_step` over the test split."""
    step = jax.jit(partial(eval_step, config))
    return over(partial(step, state), batches(config, "test"))


def unchanged(config: Config) -> float:
    """The mean absolute error of an image of a taken for the one of b that it means."""
    differences = [
        np.abs(scaled_numpy(batch["a"]) - scaled_numpy(batch["b"]))[batch["mask_a"] > 0]
        for batch in batches(config, "test")
    ]
    return float(np.mean(np.concatenate(differences)))


def scaled_numpy(images: np.ndarray) -> np.ndarray:
    return np.asarray(scaled(images))


def _errors(config: Config, errors: Mapping[str, Mapping[str, float]]) -> Table:
    parts = ["reconstruction_a", "reconstruction_b", "cycle_a", "cycle_b"]
    if has_pairs(config):
        parts += [f"pair_{direction}" for direction in DIRECTIONS]
    rows = [[name, *(found[part] for part in parts)] for name, found in errors.items()]
    if has_pairs(config):
        rows.append(["(unchanged)", None, None, None, None, *[unchanged(config)] * 2])
    titles = [
        part.replace("_", " ").replace("pair", "to the true pair,") for part in parts
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
            images = whole_test(config, direction[0])
            made = np.asarray(run(params, images, direction))
            iou = float(square_iou(made, images).mean())
            rows.append([name, direction, hue_right(made, direction[-1]), iou])
    note = "share of translations with the other colour; how well squares keep place"
    return Table(("run", "direction", "hue right", "IoU"), rows, note)


def whole_test(config: Config, domain: str) -> np.ndarray:
    """All test images of a domain, uint8 [n, height, width, channels]."""
    parts = [b[domain][b[f"mask_{domain}"] > 0] for b in batches(config, "test")]
    return np.concatenate(parts)


def _objectives(trained: Trained) -> Table:
    """The terms of eq. 2 on test images: L_VAE and L_CC with noise as in training,
    L_GAN of translations as they are shown, at mu and in whole grey levels."""
    rows = []
    for name, (config, state) in trained.items():
        first = next(iter(batches(config, "test")))
        found = jax.jit(partial(objective_terms, config))(state, first)
        rows.append([name, *(float(found[term]) for term in TERMS)])
    note = (
        "with the run's weights, over both domains and a batch of test images; L_GAN "
        "is the value of the game, which D raises: 0 where D is never wrong"
    )
    return Table(("run", *TERMS), rows, note)


TERMS = ("L_VAE", "L_GAN", "L_CC")


def objective_terms(config: Config, state: State, batch: dict) -> dict[str, jax.Array]:
    """L_VAE, L_GAN and L_CC, means over the images of both domains."""
    params = {**state.params, "generators": generator_params(state)["params"]}
    rows = {d: scaled(batch[d]) for d in "ab"} | {"row": jnp.arange(len(batch["a"]))}
    key, w = rng.stream(state.key, state.step, "evaluate"), config.losses
    terms, _ = objective.generators_lose(config, params, {}, rows, key, None)
    judge = partial(
        Discriminators(config.discriminator, config.model.dtype).apply,
        {"params": params["discriminators"]},
    )
    game = 0.0
    for own, other in ("ab", "ba"):
        run = partial(translate, config, generator_params(state))
        fake = scaled(run(batch[other], f"{other}2{own}"))
        game += objective.gan_value(w, judge(rows[own], own), judge(fake, own))
    both = (batch["mask_a"] * batch["mask_b"]) > 0
    found = {"L_VAE": terms["vae"], "L_GAN": game, "L_CC": terms.get("cycle", 0 * game)}
    return {name: Mean.of(value, both).value for name, value in found.items()}


def _digits(trained: Trained, summary: list[list]) -> Values:
    """Accuracies without and with UNIT, and the digits that it translates."""
    found = {name: measured(*run) for name, run in trained.items()}
    rows = []
    for name, means in found.items():
        config, _ = trained[name]
        accuracies = (100 * means[f"accuracy_{d}"] for d in "ab")
        rows.append([name, *config.data.pair, *accuracies, None])
    if {"adapted", "source_only"} <= {*trained}:
        share = translated_accuracy(trained["source_only"], trained["adapted"])
        rows[[*trained].index("adapted")][-1] = 100 * share
        best = 100 * found["adapted"]["accuracy_b"]
        without = 100 * found["source_only"]["accuracy_b"]
        what = "digits: accuracy % without labels of b, before UNIT"
        summary.append([_LINK, what, without, None])
        summary.append([_LINK, what.replace("before", "with"), best, PAPER_DIGITS])
    columns = ("run", "labels of", "none of", "test accuracy of a %")
    columns += ("of b %", "of b made a %")
    note = (
        "one classifier, whose first layer each domain has its own; source_only plays "
        "no game: b goes through a's layer, its own learned nothing. b made a: "
        "translated by adapted, read by source_only. The paper: SVHN to MNIST 90.53, "
        "MNIST to USPS 95.97, USPS to MNIST 93.58"
    )
    yield "Digits without labels", Table(columns, rows, note)
    for name, (config, state) in trained.items():
        if plays(config.adaptation):
            yield from _pictures(name, config, state)


def translated_accuracy(
    classifier: tuple[Config, State], translator: tuple[Config, State]
) -> float:
    """The share of b's test images that the classifier of a reads right once they are
    translated to a."""
    config, state = translator

    @jax.jit
    def read(batch):
        made = translate(config, generator_params(state), batch["b"], "b2a")
        logits = classify(*classifier, made, "a")
        right = in_top(logits, batch["label_b"], 1)
        return {"right": Mean.of(right, batch["mask_b"])}

    return over(read, batches(config, "test"))["right"]
