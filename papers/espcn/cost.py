"""What a network costs: operations per output pixel, and seconds per frame."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from common.contract import Table
from common.files.video import on_all_devices
from common.multiply_adds import multiply_adds
from common.timing import MATMUL, matmul_flops, median_seconds
from papers.espcn.config import Config, Model
from papers.espcn.model import Upscaler
from papers.espcn.train import forward
from papers.espcn.upscaling import inference_params

PAPER_MS = {"espcn": 38, "srcnn_9_5_5": 435}  # a 1080p frame, x3, on a K2 GPU
SIDE = 8  # pixels a side of the image that operations are counted on
REPEATS = 3  # timed calls, of which the median counts


def operations(model: Model) -> float:
    """Multiply-adds of the convolutions, per output pixel.

    For ESPCN this is the number of weights / r^2, for SRCNN the number of weights.
    Bicubic interpolation is not counted.
    """
    low = jax.ShapeDtypeStruct((1, SIDE, SIDE, model.channels), jnp.float32)
    counts = multiply_adds(Upscaler(model).init, jax.random.key(0), low)
    return sum(counts.values()) / (SIDE * model.scale) ** 2


def frame_flops(model: Model, height: int, width: int) -> float:
    """FLOPs of a frame that is height x width before upscaling. A multiply-add is two
    FLOPs."""
    return 2 * operations(model) * height * width * model.scale**2


def cost_table(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Table:
    """Counted operations and measured time of every run, and their ratios to the first
    run's."""
    height, width = config.eval.frame
    peak = matmul_flops()
    costs = {
        name: (operations(c.model), seconds(c, state, height, width))
        for name, (c, state) in trained.items()
    }
    least, fastest = next(iter(costs.values()))
    rows = [
        [
            name, count, count / least, 1e3 * time, time / fastest, 1 / time,
            frame_flops(trained[name][0].model, height, width) / time / peak,
            PAPER_MS.get(name),
        ]
        for name, (count, time) in costs.items()
    ]  # fmt: skip
    columns = (
        "network", "multiply-adds an output pixel", "ratio", "ms a frame",
        "ratio of ms", "frames/s", "share of a matmul", "paper's ms",
    )  # fmt: skip
    r = config.model.scale
    note = (
        f"a frame: {width} x {height} to {width * r} x {height * r}, "
        f"{config.model.channels} channel(s), one on each device at a time; a "
        f"{MATMUL} x {MATMUL} product reaches {peak / 1e9:.0f} GFLOP/s here. The "
        "paper's: 1080p, x3, on a K2 GPU"
    )
    return Table(columns, rows, note)


def seconds(config: Config, state: Any, height: int, width: int) -> float:
    """Seconds that the network takes for a frame, while every device computes one.

    All devices compute at once, so that the time of a call is divided by their number.
    """
    compute = partial(forward, config)
    run, rows = on_all_devices(compute, inference_params(state))
    frames = jnp.full((rows, height, width, config.model.channels), 0.5)
    return median_seconds(partial(run, frames), REPEATS) / rows
