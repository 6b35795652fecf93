"""Bicubic, SRCNN and ESPCN side by side: decibels, costs, and pictures."""

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from common.contract import Table
from common.data.augment import resize
from common.image_metrics import luma, psnr, ssim, without_border
from common.resize import cropped_to_multiple, shrink
from papers.espcn import upscale
from papers.espcn.config import Config
from papers.espcn.data import Pair, Planes, pairs, pictures
from papers.espcn.speed import cost_table
from papers.espcn.upscale import Upscale

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

Values = Iterator[tuple[str, Any]]
Picture = UInt8[np.ndarray, "height width 3"]

# dB over bicubic on Set5 that the paper reports: of the 91 images, and of ImageNet.
PAPER_GAINS = {3: "2.16 (Set5, 91 images)", 4: "2.48 (Set5, ImageNet)"}
ENLARGED = 3  # times each pixel of a crop is drawn, in both directions
FRAME = np.array([230, 30, 30], np.uint8)  # the colour around a crop's place


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
        yield "Crops", _strips(config, methods, decibels)
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


def _strips(
    config: Config,
    methods: Mapping[str, Upscale],
    decibels: Mapping[str, Mapping[str, float]],
) -> "Figure":
    """A row an image: where the crop is, the original, and what each method makes of
    the small image, with the whole image's dB below."""
    from common import figures

    model, grid, captions = config.model, [], []
    measured = ((n, x) for n, x in pictures(config, "test") if n in decibels)
    shown = dict(itertools.islice(measured, config.eval.strips))
    for image, photograph in shown.items():
        original = cropped_to_multiple(photograph, model.scale)
        low = shrink(original / 255.0, model.scale)
        made = [upscale.upscaled_rgb(model, f, low) for f in methods.values()]
        place = liveliest(luma(original / 255.0), config.eval.crop)
        crops = [_enlarged(picture[place]) for picture in (original, *made)]
        grid.append([_located(original, place, crops[0].shape[1]), *crops])
        below = [f"{decibels[image][n]:.2f} dB" for n in methods]
        captions.append(["", "PSNR of the whole", *below])
    labels = ["", "original", *methods]
    return figures.image_grid(
        grid, row_labels=[*shown], column_labels=labels, captions=captions
    )


def liveliest(y: Float[np.ndarray, "height width 1"], size: int) -> tuple[slice, slice]:
    """The square of `size` pixels with the most gradient, all places seen in steps of
    an eighth of it."""
    down, right = np.gradient(y[..., 0])
    energy = np.pad(down**2 + right**2, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    height, width = (min(size, n) for n in y.shape[:2])
    step = max(size // 8, 1)
    inside = (
        energy[height:, width:] - energy[:-height, width:]
        - energy[height:, :-width] + energy[:-height, :-width]
    )[::step, ::step]  # fmt: skip
    top, left = (step * i for i in np.unravel_index(np.argmax(inside), inside.shape))
    return slice(top, top + height), slice(left, left + width)


def _enlarged(picture: Picture) -> Picture:
    return picture.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)


def _located(picture: Picture, place: tuple[slice, slice], side: int) -> Picture:
    """The whole picture, its longer side `side` pixels, a frame around the place."""
    marked, longer = picture.copy(), max(picture.shape[:2])
    thick = max(longer // 100, 1)
    marked[place] = FRAME
    rows, columns = (slice(s.start + thick, s.stop - thick) for s in place)
    marked[rows, columns] = picture[rows, columns]
    height, width = (max(n * side // longer, 1) for n in picture.shape[:2])
    return resize(marked, (height, width))
