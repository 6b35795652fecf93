"""Bicubic, SRCNN and ESPCN side by side: decibels, costs, and pictures."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from common.contract import Table
from common.image_metrics import luma, psnr, ssim, without_border
from papers.espcn import upscale
from papers.espcn.config import Config
from papers.espcn.cost import cost_table
from papers.espcn.data import Pair, Planes, pairs
from papers.espcn.figures import strips
from papers.espcn.upscale import Upscale

Values = Iterator[tuple[str, Any]]

# dB over bicubic on Set5 that the paper reports: of the 91 images, and of ImageNet.
PAPER_GAINS = {3: "2.16 (Set5, 91 images)", 4: "2.48 (Set5, ImageNet)"}


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): PSNR and SSIM of every test image and method, operations
    beside measured time, and strips of crops."""
    methods: dict[str, Upscale] = {"bicubic": upscale.bicubic_upscaler(config.model)}
    baselines_first = sorted(trained, key=lambda n: trained[n][0].model.upscaling)
    for name in baselines_first:
        methods[name] = upscale.upscaler(*trained[name])
    tests = pairs(config, "test")
    measured = {
        pair.name: {n: quality(pair, f(pair.low)) for n, f in methods.items()}
        for pair in tests
    }
    for i, metric in enumerate(("PSNR", "SSIM")):
        values = {
            image: [row[n][i] for n in methods] for image, row in measured.items()
        }
        yield metric, _table(values, methods, config.model.scale, metric)
    costs = cost_table(config, trained)
    yield "Operations and time", costs
    if config.eval.strips:
        decibels = {
            image: {n: value[0] for n, value in row.items()}
            for image, row in measured.items()
        }
        yield "Crops", strips(config, methods, decibels)
    yield "Summary", _summary(config, next(iter(trained)), measured, costs)


def quality(pair: Pair, high: Planes) -> tuple[float, float]:
    """PSNR in dB and SSIM of Y, without a border of as many pixels as the scale."""
    scale = pair.high.shape[0] // pair.low.shape[0]
    y, reference = (
        without_border(x if x.shape[-1] == 1 else luma(np.clip(x, 0, 1)), scale)
        for x in (high.astype(np.float64), pair.high.astype(np.float64))
    )
    return float(psnr(y, reference)), float(ssim(y, reference))


def _table(
    values: Mapping[str, list[float]], methods: Mapping[str, Any], r: int, metric: str
) -> Table:
    rows = [[image, *row] for image, row in values.items()]
    means = np.mean([*values.values()], axis=0)
    unit = "dB" if metric == "PSNR" else "1 is equal"
    note = f"x{r}; {metric} ({unit}) of Y, {r} pixels off every border"
    return Table(("image", *methods), [*rows, ["mean", *map(float, means)]], note)


def _summary(
    config: Config,
    run: str,
    measured: Mapping[str, Mapping[str, tuple[float, float]]],
    costs: Table,
) -> Table:
    """This paper's rows in the table of all papers."""
    name, r = "[ESPCN](papers/espcn)", config.model.scale
    gains = [row[run][0] - row["bicubic"][0] for row in measured.values()]
    rows = [[name, f"dB over bicubic, x{r}", np.mean(gains), PAPER_GAINS.get(r)]]
    if len(costs.rows) > 1 and costs.rows[-1][2] != 1:
        other, _, ratio, *_ = costs.rows[-1]
        rows.append([name, f"times fewer operations than {other}", ratio, None])
    return Table(("paper", "what is measured", "ours", "the paper's"), rows)
