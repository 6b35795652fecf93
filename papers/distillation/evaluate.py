"""The slides' tables on our images, and pictures of the trained runs."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax

from common.contract import summary
from papers.distillation import data, figures, joint, measure, tables, teacher
from papers.distillation.config import Config
from papers.distillation.cost import step_cost
from papers.distillation.measure import Trained

Values = Iterator[tuple[str, Any]]


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): the tables of sections 2 to 6 as far as their runs are
    there, accuracy against temperature, the cost of an ensemble, and soft targets."""
    runs = {name: Trained(*pair) for name, pair in trained.items()}
    test = data.load(config.data, "test")
    embedded = config.data.source == "embedded"
    name = config.data.name or ("MNIST" if embedded else config.data.source)
    images = f"{len(test):,} images of {name}"
    claims = []
    if {"ensemble", "small", "distilled"} & {*runs}:
        table = tables.ensemble_and_distilled(runs, test)
        yield "Ensemble and distilled model", table
        if {"ensemble", "distilled"} <= {*runs}:
            claims.append(tables.ensemble_claim(table, images))
    if {"hard_part", "soft_part"} <= {*runs}:
        table = tables.few_labels(runs, test)
        yield "Few labels", table
        if len(table.rows) == 3:
            claims.append(tables.few_labels_claim(table, images))
        table = tables.accuracy_by_temperature(runs, test)
        yield "Accuracy against temperature", table
        curve = figures.accuracy_by_temperature(runs["soft_part"].config, table)
        yield "Accuracy against temperature: curve", curve
    if missing := [name for name in tables.LACKING if name in runs]:
        table = tables.missing_classes(runs, missing, test)
        yield "Classes that the transfer set lacks", table
    if "specialists" in runs:
        yield "Specialists", joint.specialists_table(runs, test)
        yield "Generalist and specialists", joint.joint_table(runs, test)
    if {"baseline", "ensemble"} <= {*runs} and config.eval.timed_steps:
        yield "Cost of a step", step_cost(runs)
    if "ensemble" in runs:
        run = runs["ensemble"]
        ensemble = measure.mixed(run.config, run.test)
        yield from figures.soft_targets(config, ensemble, test)
        if config.eval.write:
            logits = measure.mixed(run.config, run.logits("train"))
            if jax.process_index() == 0:  # the others have had their part in it
                teacher.write(config.eval.write, logits)
    if claims:
        yield "Summary", summary("[Distillation](papers/distillation)", claims)
