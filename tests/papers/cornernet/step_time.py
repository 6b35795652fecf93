"""Times training steps beside the same small CornerNet in PyTorch.

    python -m tests.papers.cornernet.step_time --torch_python=PATH [--cases=64,128]

Both step Adam on fresh images, with the heat maps, tags and offsets of four objects an
image: the default's network on 16 of 64 x 64, and on 4 of 128 x 128. PyTorch is eager,
channels_last, with vectorised losses and the heat maps ready.
"""

import argparse

from tests import beside_torch

OBJECTS = 4
BATCHES = {64: 16, 128: 4}


def configured(side: int, overrides: list[str]):
    from launch import catalogue
    from papers import cornernet

    config = cornernet.get_config()
    config.data.size = (side, side)
    config.data.batch_size = BATCHES[side]
    config.eval.batch_size = BATCHES[side]
    config.runs = ("corner_pool",)
    return catalogue.override(config, overrides)


def torch_case(size: dict) -> beside_torch.Timed:
    import torch
    from torch.nn import functional as F

    from tests.papers.cornernet.fixtures import torch_cornernet

    rows, side = size["rows"], size["side"]
    cells = side // 4
    network = torch_cornernet.CornerNet(size, 1).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)

    def fresh():
        images = torch.randint(0, 256, (rows, 3, side, side), dtype=torch.uint8)
        heat = 0.9 * torch.rand(2, rows, 1, cells, cells)
        places = torch.randint(0, cells * cells, (2, rows, OBJECTS))
        heat.flatten(3)[:, :, 0].scatter_(2, places, 1.0)
        return images, heat, places, torch.rand(2, rows, 2, OBJECTS)

    def focal(logits, heat):
        p = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
        at = heat == 1
        right = (1 - p) ** 2 * p.log()
        rest = (1 - heat) ** 4 * p**2 * (1 - p).log()
        return -torch.where(at, right, rest).sum() / at.sum()

    def loss_of(own, heat, places, offsets):
        loss = 0.0
        tags = []
        for i, kind in enumerate(("tl", "br")):
            loss = loss + focal(own[f"{kind}_heats"], heat[i])
            tags.append(own[f"{kind}_tags"].flatten(2)[:, 0].gather(1, places[i]))
            found = own[f"{kind}_regrs"].flatten(2)
            found = found.gather(2, places[i][:, None].expand(-1, 2, -1))
            apart = F.smooth_l1_loss(found, offsets[i], reduction="sum")
            loss = loss + apart / (rows * OBJECTS)
        mean = (tags[0] + tags[1]) / 2
        pull = ((tags[0] - mean) ** 2 + (tags[1] - mean) ** 2).mean(1)
        near = F.relu(1 - (mean[:, :, None] - mean[:, None]).abs())
        push = (near.sum((1, 2)) - OBJECTS) / (OBJECTS * (OBJECTS - 1))
        return loss + 5 * 0.1 * (pull + push).mean()

    def step(batch):
        images, *truth = batch
        x = ((images.float() / 255 - 0.44) / 0.28).to(memory_format=torch.channels_last)
        loss = sum(loss_of(own, *truth) for own in network(x)) / size["stacks"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return fresh, step


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    import numpy as np

    from papers import cornernet

    side, rows = size["side"], size["rows"]
    config = configured(side, overrides)
    rng = np.random.default_rng(0)

    def fresh():
        corners = rng.uniform(0, side / 2, (rows, OBJECTS, 2))
        sides = rng.uniform(8, side / 2, corners.shape)
        boxes = np.concatenate([corners, corners + sides], -1)
        return {
            "image": rng.integers(0, 256, (rows, side, side, 3), np.uint8),
            "boxes": boxes.astype(np.float32),
            "classes": np.zeros((rows, OBJECTS), np.int32),
            "present": np.ones((rows, OBJECTS), bool),
        }

    return beside_torch.steps(cornernet, config, "corner_pool", fresh)


def cases(flags: argparse.Namespace, overrides: list[str]) -> dict[str, dict]:
    sizes = {}
    for side in map(int, flags.cases.split(",")):
        model = configured(side, overrides).model
        sizes[f"{side} x {side}"] = {
            "side": side, "rows": BATCHES[side], "widths": model.widths,
            "blocks": model.blocks, "stacks": model.stacks,
            "stem_width": model.stem_width, "feature_width": model.feature_width,
            "pool_width": model.pool_width, "head_width": model.head_width,
        }  # fmt: skip
    return sizes


def flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", default="64,128", help="sides of images")
    return parser


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case, flags())
