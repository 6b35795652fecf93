"""Bicubic interpolation, SRCNN and ESPCN compared: quality, cost, and a picture."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from common.config import changed
from common.contract import Claim, Table, UserError, summary
from common.files.pictures import picture_paths
from common.image_metrics import luma, psnr, ssim, without_border
from papers.espcn import upscaling
from papers.espcn.config import Config
from papers.espcn.cost import cost_table
from papers.espcn.data import Pair, Planes, pairs
from papers.espcn.figures import first_and_last, strips
from papers.espcn.filters import filters
from papers.espcn.upscaling import Upscale

Values = Iterator[tuple[str, Any]]

SOURCES = {
    "embedded": "packaged photographs",
    "files": "images",
    "generated": "generated images",
}


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): tables of PSNR and of SSIM, a row a test image and a column
    a method; operations and measured time; pictures of crops, and of the first run's
    filters; the summary."""
    if root := config.eval.test_root:
        if not picture_paths(root):
            raise UserError(f"config.eval.test_root={root!r} has no images")
        config = changed(config, {"data.source": "files", "data.test_root": root})
    methods: dict[str, Upscale] = {"bicubic": upscaling.bicubic_upscaler(config.model)}
    baselines_first = sorted(trained, key=lambda n: trained[n][0].model.upscaling)
    for name in baselines_first:
        methods[name] = upscaling.upscaler(*trained[name])
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
        image = next(iter(decibels))
        pair = first_and_last(config, methods, image)
        yield f"{image}: {' and '.join(pair.names)}", pair
    yield from filters(*next(iter(trained.values())))
    claims = _claims(config, trained, measured, costs)
    yield "Summary", summary("[ESPCN](papers/espcn)", claims)


def quality(pair: Pair, high: Planes) -> tuple[float, float]:
    """PSNR (dB) and SSIM of Y. The border, as many pixels wide as the scale, does not
    count."""
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


def _claims(
    config: Config,
    trained: Mapping[str, tuple[Config, Any]],
    measured: Mapping[str, Mapping[str, tuple[float, float]]],
    costs: Table,
) -> Iterator[Claim]:
    """ESPCN beside bicubic interpolation and, where one was trained, an SRCNN."""
    ours = next(iter(trained))
    methods = next(iter(measured.values()))
    decibels = {m: np.mean([row[m][0] for row in measured.values()]) for m in methods}
    where = f"x{config.model.scale}, {len(measured)} {SOURCES[config.data.source]}"
    yield Claim(
        "learned filters enlarge better than bicubic ones",
        "33.13 dB, bicubic 30.39 (x3, Set5, trained on ImageNet)",
        f"{decibels[ours]:.2f} dB, bicubic {decibels['bicubic']:.2f} ({where})",
        bool(decibels[ours] > decibels["bicubic"]),
    )
    srcnns = [n for n, (c, _) in trained.items() if c.model.upscaling == "first"]
    if not srcnns or ours in srcnns:
        return
    best = max(srcnns, key=decibels.get)
    cost = {row[0]: row[2] for row in costs.rows}
    better = decibels[ours] > decibels[best]
    yield Claim(
        "better than SRCNN, which convolves the enlarged image, in less time",
        "33.13 dB in 38 ms, SRCNN 9-5-5 32.75 dB in 435 ms (x3, Set5; a 1080p frame)",
        f"{decibels[ours]:.2f} dB, {best} {decibels[best]:.2f} dB with "
        f"{cost[best] / cost[ours]:.1f} times the operations ({where})",
        bool(better and cost[best] > cost[ours]),
    )
