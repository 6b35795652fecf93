"""The seconds of a train step: of one model, and of an ensemble in one program."""

import functools
import time
from collections.abc import Mapping

import jax

from common.contract import Table
from papers.distillation import data, train
from papers.distillation.config import Config
from papers.distillation.measure import Trained


def step_cost(runs: Mapping[str, Trained]) -> Table:
    """What each of the ensemble's models costs, beside one that is trained alone."""
    configs = {name: runs[name].config for name in ("baseline", "ensemble")}
    seconds = step_seconds(configs, configs["baseline"].eval.timed_steps)
    rows = []
    for name, config in configs.items():
        n = config.members
        both = zip(seconds[name], seconds["baseline"], strict=True)
        row = [name, n, *(1e3 * s for s in seconds[name])]
        rows.append([*row, *(s / n / single for s, single in both)])
    columns = ("run", "models", "ms a step", "with its images", "a model, of a single",
               "with its images: of a single")  # fmt: skip
    steps = configs["baseline"].eval.timed_steps
    note = f"one device; the least of five means over {steps} steps, in turns"
    return Table(columns, rows, note)


def step_seconds(
    configs: Mapping[str, Config], steps: int, turns: int = 5
) -> dict[str, tuple[float, float]]:
    """{name: (seconds of a train step, seconds of one that also reads its batch)}.

    Each is the least of `turns` means over `steps` steps, on one device. The runs take
    turns, and train from their start: what a step costs does not depend on its numbers.
    """
    device = jax.local_devices()[0]
    ready = {}
    for name, config in configs.items():
        start = jax.jit(functools.partial(train.init, config))
        state = jax.device_put(start(jax.random.key(config.seed)), device)
        step = jax.jit(functools.partial(train.train_step, config), donate_argnums=0)
        read = data.batches(config, "train")
        batch = jax.device_put(next(read), device)
        ready[name] = [jax.block_until_ready(step(state, batch))[0], step, batch, read]
    alone = {name: [] for name in configs}
    reading = {name: [] for name in configs}
    for name in [*configs] * turns:
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
    return {name: (min(alone[name]), min(reading[name])) for name in configs}
