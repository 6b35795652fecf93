"""Times training steps beside plain PyTorch ResNets of the same sizes.

    python -m tests.papers.resnet.step_time --torch_python=PATH [--nets=20,18,50]

Both step SGD with momentum and decay on fresh images: ResNet-20 on 128 of 32 x 32,
ResNet-18 and 50 on 8 of 128 x 128. PyTorch is eager, channels_last.
"""

import argparse

from tests import beside_torch

SIZES = {20: (128, 32, 10), 18: (8, 128, 1000), 50: (8, 128, 1000)}


def torch_network(depth: int, classes: int):
    import torch
    from torch import nn
    from torch.nn import functional as F

    def conv(inputs, outputs, size, stride=1):
        layer = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
        return nn.Sequential(layer, nn.BatchNorm2d(outputs))

    class Block(nn.Module):
        def __init__(self, inputs, width, stride, bottleneck, project):
            super().__init__()
            outputs = 4 * width if bottleneck else width
            if bottleneck:
                layers = [(inputs, width, 1, stride), (width, width, 3, 1)]
                layers.append((width, outputs, 1, 1))
            else:
                layers = [(inputs, width, 3, stride), (width, width, 3, 1)]
            self.layers = nn.ModuleList(conv(*layer) for layer in layers)
            self.stride = stride
            self.missing = outputs - inputs
            changes = project and (stride > 1 or self.missing)
            self.project = conv(inputs, outputs, 1, stride) if changes else None

        def forward(self, x):
            y = x
            for layer in self.layers[:-1]:
                y = F.relu(layer(y))
            if self.project:
                x = self.project(x)
            elif self.missing:
                half = self.missing // 2
                x = F.pad(x[:, :, :: self.stride, :: self.stride],
                          (0, 0, 0, 0, half, half))  # fmt: skip
            return F.relu(self.layers[-1](y) + x)

    small = depth == 20
    bottleneck = depth == 50
    counts = {20: (3,) * 3, 18: (2,) * 4, 50: (3, 4, 6, 3)}[depth]
    width = 16 if small else 64
    layers = [conv(3, width, 3 if small else 7, 1 if small else 2), nn.ReLU()]
    layers += [] if small else [nn.MaxPool2d(3, 2, 1)]
    inputs = width
    for i, n in enumerate(counts):
        for j in range(n):
            stride = 2 if i and not j else 1
            block = Block(inputs, width * 2**i, stride, bottleneck, project=not small)
            layers.append(block)
            inputs = width * 2**i * (4 if bottleneck else 1)
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def torch_case(size: dict) -> beside_torch.Timed:
    import torch
    from torch.nn import functional as F

    rows, side, classes = SIZES[size["depth"]]
    network = torch_network(size["depth"], classes)
    optimiser = torch.optim.SGD(
        network.parameters(), 0.01, momentum=0.9, weight_decay=1e-4
    )

    def fresh():
        images = torch.randint(0, 256, (rows, 3, side, side), dtype=torch.uint8)
        return images, torch.randint(0, classes, (rows,))

    def step(batch):
        images, labels = batch
        x = (images.float() / 255 - 0.5).to(memory_format=torch.channels_last)
        loss = F.cross_entropy(network(x), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return fresh, step


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    import numpy as np

    from launch import catalogue
    from papers import resnet

    depth = size["depth"]
    rows, side, classes = SIZES[size["depth"]]
    kind = "cifar10" if depth == 20 else "torchvision"
    config = resnet.get_config(f"resnet{depth}_{kind}")
    config.model.stride_on = "1x1"
    config.data.batch_size = rows
    config.data.size = side
    config.data.subtract = "imagenet"
    config.eval.batch_size = rows
    config = catalogue.override(config, overrides)
    rng = np.random.default_rng(0)

    def fresh():
        images = rng.integers(0, 256, (rows, side, side, 3), np.uint8)
        return {"image": images, "label": rng.integers(0, classes, rows, np.int32)}

    return beside_torch.steps(resnet, config, "main", fresh)


def cases(flags: argparse.Namespace, overrides: list[str]) -> dict[str, dict]:
    return {f"ResNet-{n}": {"depth": int(n)} for n in flags.nets.split(",")}


def flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nets", default="20,18,50")
    return parser


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case, flags())
