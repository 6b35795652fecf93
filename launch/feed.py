"""How fast a host makes batches: items a second of one core, for each kind of data.

    python -m launch.feed --workdir=workdir/feed

And how many cores a TPU's host needs for ResNet-50. The papers' own pipelines are
timed, by the CPU seconds of this process: other work on the machine counts only as far
as it shares caches and cores. Photographs are cut out of the scikit-image package's.
"""

import argparse
import math
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common import config as configs
from common.contract import Table, UserError
from common.data import pipeline
from common.data.packaged_photos import photo_path
from common.files import storage
from launch import catalogue
from launch.chips import CHIPS, VM_CHIPS, parse_topology
from launch.reports.report import Report

PHOTOGRAPHS = ("coffee", "hubble", "retina", "ihc", "astronaut", "rocket")
WIDTH, HEIGHT = 500, 375  # the commonest size in ImageNet
QUALITY = 95
SECONDS = 1.0  # of CPU, at least, that a row is timed for at once
TIMES = 3  # that it is timed; the fastest counts, since others share the caches
COMPILED = Path(__file__).with_name("COMPILED.md")
GENERATIONS = ("v5e", "v5p", "v6e")
IMAGENET = {"data.source": "files", "data.batch_size": 16, "model.num_classes": 2}

Case = tuple[str, str, str, dict[str, Any]]  # label, paper, variant, changes
Rates = list[tuple[Case, float]]  # items a second of one core


def main(argv: Sequence[str]) -> int:
    """Measures, prints and writes the report. Returns 0, or 2 for a user's mistake."""
    arguments = _parser().parse_args(argv)
    try:
        with tempfile.TemporaryDirectory() as folder:
            kilobytes = write_photographs(Path(folder, "full"), (WIDTH, HEIGHT))
            write_photographs(Path(folder, "reduced"), (WIDTH * 256 // HEIGHT, 256))
            rates = [(case, rate(case)) for case in cases(folder)]
        report = _report(arguments.workdir, argv)
        report.add("Feed", _feed(rates, kilobytes))
        report.add(
            "Hosts", hosts(COMPILED.read_text("utf-8"), rates[0][1], rates[1][1])
        )
        report.write()
    except UserError as error:
        print(f"feed: {error}", file=sys.stderr)
        return 2
    return 0


def cases(folder: str) -> list[Case]:
    """What is timed; the first two are an ImageNet crop, resized whole or alone."""
    full = {**IMAGENET, "data.root": f"{folder}/full"}
    reduced = {**IMAGENET, "data.root": f"{folder}/reduced"}
    alone = {"data.resize": "crop"}
    return [
        (_jpeg("whole"), "resnet", "resnet50_imagenet", full),
        (_jpeg("crop"), "resnet", "resnet50_imagenet", full | alone),
        (_jpeg("whole", "341x256"), "resnet", "resnet50_imagenet", reduced),
        (_jpeg("crop", "341x256"), "resnet", "resnet50_imagenet", reduced | alone),
        ("32x32 in memory, shifted, mirrored", "resnet", "smoke", _cifar()),
        (
            "patches of 17x17 and 51x51",
            "espcn",
            "x3_imagenet",
            {"data.source": "embedded"},
        ),
        ("bytes of text", "transformer_xl", "default", {"data.length": 512}),
    ]


def _jpeg(resized: str, size: str = f"{WIDTH}x{HEIGHT}") -> str:
    return f"224 crop of a {size} JPEG, {resized} resized"


def _cifar() -> dict[str, Any]:
    return {
        "data.source": "generated",
        "data.name": "32x32x3x10",
        "data.size": 32,
        "data.channels": 3,
        "data.augment": "cifar",
        "data.batch_size": 128,
    }


def write_photographs(folder: Path, size: tuple[int, int], count: int = 24) -> float:
    """Fills two classes in folder/train and folder/val with JPEGs cut out of real
    photographs. Returns their mean size in kB.

    size: width and height to which WIDTH x HEIGHT pixels are resized.
    """
    rng = np.random.default_rng(0)
    photographs = [Image.open(photo_path(name)).convert("RGB") for name in PHOTOGRAPHS]
    sizes = []
    for i in range(count):
        photograph = photographs[i % len(photographs)]
        left = int(rng.integers(0, photograph.width - WIDTH + 1))
        top = int(rng.integers(0, photograph.height - HEIGHT + 1))
        cut = photograph.crop((left, top, left + WIDTH, top + HEIGHT))
        for split in ("train", "val"):
            path = folder / split / f"class{i % 2}" / f"{i}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            cut.resize(size, Image.BICUBIC).save(path, quality=QUALITY)
        sizes.append(path.stat().st_size)
    return float(np.mean(sizes)) / 1000


def rate(case: Case) -> float:
    """Items a second of one core."""
    _, name, variant, changes = case
    paper = catalogue.load(name)
    config = configs.changed(configs.get(paper.VARIANTS, variant), changes)
    run = next(iter(paper.runs(config).values()))
    batches = paper.batches(run.config, "train")
    return run.config.items_per_step / seconds_a_batch(batches)


def seconds_a_batch(
    batches: Iterator,
    *,
    clock: Callable[[], float] = time.process_time,
    least: float = SECONDS,
) -> float:
    """CPU seconds that a batch takes. Its threads read ahead; between two times at
    which they rest, they make as many batches as are taken."""
    next(batches)
    fastest = float("inf")
    for _ in range(TIMES):
        _rest(clock)
        start = clock()
        taken = 0
        while clock() - start < least:
            next(batches)
            taken += 1
        _rest(clock)
        fastest = min(fastest, (clock() - start) / taken)
    return fastest


def _rest(clock: Callable[[], float]) -> None:
    """Returns when this process has been idle for a moment."""
    before = -1.0
    while (now := clock()) - before > 0.002:
        before = now
        time.sleep(0.25)


def _feed(rates: Rates, kilobytes: float) -> Table:
    rows = [[paper, label, 1e6 / value, value] for (label, paper, _, _), value in rates]
    note = (
        f"a JPEG has {kilobytes:.0f} kB, and ImageNet's mean is 110; scale, crop, "
        f"mirror and colour are the paper's; {pipeline.THREADS} threads"
    )
    return Table(("paper", "batches of", "us an item", "items/s a core"), rows, note)


def hosts(compiled: str, whole: float, alone: float) -> Table:
    """Cores that a host of VM_CHIPS chips needs to keep ResNet-50 at the roofline.

    compiled: a page with the table of --mode=compile. Its operations and traffic, of
      steps compiled for one generation, are set against each generation's own peaks.
    whole, alone: images a second of one core, resized whole or where the crop lies.
    """
    rows = []
    for cells in filter(_is_resnet, table_rows(compiled)):
        _, shape = parse_topology(cells["slice"])
        step_ms = _number(cells["roofline ms"])
        images = _number(cells["items/s at most"]) * step_ms / 1e3 / math.prod(shape)
        for name in GENERATIONS:
            chip = CHIPS[name]
            seconds = max(
                1e12 * _number(cells["TFLOP"]) / chip.flops,
                2**30 * _number(cells["HBM GiB"]) / chip.hbm_bandwidth,
            )
            wanted = VM_CHIPS * images / seconds
            needs = wanted / whole, wanted / alone
            rows.append([name, round(images), wanted, *needs, chip.vcpus or None])
    columns = ("chips", "rows a chip", "images/s a host", "cores, whole resized",
               "cores, crop resized", "vCPUs there")  # fmt: skip
    note = (
        f"a host has {VM_CHIPS} chips. Operations and traffic are the v5e program's of "
        "launch/COMPILED.md, in bfloat16; peaks are each chip's as published. A vCPU "
        "is a thread of a core, here as there"
    )
    return Table(columns, rows, note)


def table_rows(page: str) -> Iterator[dict[str, str]]:
    """The rows of a page's table of --mode=compile, by column. UserError: none."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    if len(cells) < 3 or "HBM GiB" not in cells[0]:
        raise UserError("launch/COMPILED.md has no table of --mode=compile")
    for row in cells[2:]:
        yield dict(zip(cells[0], row, strict=True))


def _is_resnet(cells: dict[str, str]) -> bool:
    return re.match(r"resnet · resnet50.*bfloat16$", cells["step"]) is not None


def _number(cell: str) -> float:
    return float(cell.replace(",", ""))


def _report(workdir: str, argv: Sequence[str]) -> Report:
    from launch.reports.origin import facts

    command = shlex.join(["python", "-m", "launch.feed", *argv])
    folder = storage.path(workdir) / "report"
    return Report(folder, title="feed", facts=facts(command, "none"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m launch.feed")
    parser.add_argument("--workdir", required=True, help="its report goes there")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
