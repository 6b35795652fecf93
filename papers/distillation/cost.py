"""The seconds of a train step: of one model, and of an ensemble in one program."""

import functools
import time
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from common.contract import Table
from papers.distillation import data, train
from papers.distillation.config import Config
from papers.distillation.measure import Trained


def step_cost(runs: Mapping[str, Trained]) -> Table:
    """What each of the ensemble's models costs, beside one that is trained alone."""
    pairs = {n: (runs[n].config, runs[n].state) for n in ("baseline", "ensemble")}
    steps = runs["baseline"].config.eval.timed_steps
    seconds = step_seconds(pairs, steps)
    rows = []
    for name, (config, _) in pairs.items():
        n = config.members
        both = zip(seconds[name], seconds["baseline"], strict=True)
        row = [name, n, *(1e3 * s for s in seconds[name])]
        rows.append([*row, *(s / n / single for s, single in both)])
    columns = ("run", "models", "ms a step", "with its images", "a model, of a single",
               "with its images: of a single")  # fmt: skip
    note = f"one device; the least of five means over {steps} steps, in turns"
    return Table(columns, rows, note)


def step_seconds(
    models: dict[str, tuple[Config, Any]], steps: int, turns: int = 5
) -> dict[str, tuple[float, float]]:
    """{name: (seconds of a train step, seconds of one that also reads its batch)}.

    Each is the least of `turns` means over `steps` steps, on one device. The models
    take turns, and train copies of their states.
    """
    device = jax.local_devices()[0]
    ready = {}
    for name, (config, state) in models.items():
        state = jax.device_put(jax.tree.map(jnp.copy, state), device)
        step = jax.jit(functools.partial(train.train_step, config), donate_argnums=0)
        read = data.batches(config, "train")
        batch = jax.device_put(next(read), device)
        ready[name] = [jax.block_until_ready(step(state, batch))[0], step, batch, read]
    alone = {name: [] for name in models}
    reading = {name: [] for name in models}
    for name in [*models] * turns:
        state, step, batch, read = ready[name]
        began = time.perf_counter()
        for _ in range(steps):
            state, _ = step(state, batch)
        jax.block_until_ready(state)
        between = time.perf_counter()
        for _ in range(steps):
            state, _ = step(state, next(read))
        ready[name][0] = jax.block_until_ready(state)
        alone[name].append((between - began) / steps)
        reading[name].append((time.perf_counter() - between) / steps)
    return {name: (min(alone[name]), min(reading[name])) for name in models}
