"""What is measured of trained runs."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from common.contract import Table
from common.metrics import over
from papers.amr_summarization import data, train


def evaluate(
    config: Any, trained: Mapping[str, tuple[Any, Any]]
) -> Iterator[tuple[str, Any]]:
    """Yields the table "Held-out sentences"."""
    rows = []
    for name, (own, state) in trained.items():
        own = dataclasses.replace(own, eval=config.eval)
        step = jax.jit(functools.partial(train.eval_step, own))
        values = over(lambda b, f=step, s=state: f(s, b), data.batches(own, "test"))
        scores = train.validate(own, values)
        rows.append([name, values["loss"], scores.get("smatch"), scores.get("bleu")])
    columns = ("run", "nats a piece", "Smatch", "BLEU")
    yield "Held-out sentences", Table(columns, rows)
