"""Multiply-adds of a network, counted layer by layer: what the paper calls FLOPs."""

import dataclasses
from collections.abc import Iterator

import jax
import jax.numpy as jnp

from common.contract import Table
from common.multiply_adds import multiply_adds
from papers.resnet.config import IMAGENET_BLOCKS, Config, bottleneck
from papers.resnet.model import ResNet
from papers.resnet.variants import get_config

# Layers -> 1e9 multiply-adds of a 224 x 224 image (table 1).
PAPER = {18: 1.8, 34: 3.6, 50: 3.8, 101: 7.6, 152: 11.3}


def network_cost(config: Config) -> dict[str, int]:
    """Multiply-adds of one image: "stem", "stage1", ..., "head", and "total"."""
    d = config.data
    image = jnp.zeros((1, d.size, d.size, d.channels))
    # Written out, because only one block of a loop would be counted.
    net = ResNet(dataclasses.replace(config.model, scan="never", remat=False))
    counts = {}
    variables = jax.eval_shape(net.init, jax.random.key(0), image)
    layers = multiply_adds(net.apply, variables, image)
    for path, count in layers.items():
        part = path[1] if path[0] == "backbone" else path[0]
        counts[part] = counts.get(part, 0) + count
    return {**counts, "total": sum(counts.values())}


def describe(config: Config) -> Iterator[tuple[str, Table]]:
    """The tables that `--mode=describe` adds."""
    rows = [[part, count / 1e6] for part, count in network_cost(config).items()]
    paper = PAPER.get(config.model.depth)
    known = config.model.family == "imagenet" and config.data.size == 224
    note = "convolutions and the classifier, one image"
    if known:
        note += (
            f"; the paper's table 1 says {paper:g}e9 for {config.model.depth} layers"
        )
    yield "multiply-adds", Table(("part", "millions"), rows, note)


def imagenet_table() -> Table:
    """Table 1: the nets for ImageNet, their blocks and multiply-adds."""
    rows = []
    for depth, paper in PAPER.items():
        config = get_config(f"resnet{depth}_imagenet")
        total = network_cost(config)["total"] / 1e9
        blocks = IMAGENET_BLOCKS[depth]
        kind = "1 x 1, 3 x 3, 1 x 1" if bottleneck(config.model) else "3 x 3, 3 x 3"
        rows.append([depth, kind, *blocks, total, paper])
    stages = [f"stage {i}: blocks" for i in range(1, 5)]
    columns = ("layers", "a block", *stages, "1e9 multiply-adds", "paper")
    return Table(columns, rows, "of an image of 224 x 224")
