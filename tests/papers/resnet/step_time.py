"""Times training steps beside plain PyTorch ResNets of the same sizes.

    python tests/papers/resnet/step_time.py --torch_python=PATH [--nets=20,18,50]

One process trains with PyTorch, eager, channels_last, in the environment of the given
Python (it needs torch alone), one with this package; they take turns of a few steps, so
that both meet the same machine. Both step SGD with momentum and decay on fresh images:
ResNet-20 on 128 of 32 x 32, ResNet-18 and 50 on 8 of 128 x 128. Prints the medians and
their ratio, turn by turn, and CPU seconds, which a busy machine disturbs less.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STEPS, TURNS, WARM_UP = 4, 6, 2
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
            self.stride, self.missing = stride, outputs - inputs
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

    small, bottleneck = depth == 20, depth == 50
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


def torch_worker(depth: int, cores: int) -> None:
    """Reads "go" lines; answers each with the seconds of STEPS steps, by the wall's
    clock and of CPU."""
    import time

    import torch
    from torch.nn import functional as F

    torch.set_num_threads(cores)
    rows, size, classes = SIZES[depth]
    network = torch_network(depth, classes)
    optimiser = torch.optim.SGD(
        network.parameters(), 0.01, momentum=0.9, weight_decay=1e-4
    )
    for _ in sys.stdin:
        seconds = []
        for _ in range(STEPS):
            images = torch.randint(0, 256, (rows, 3, size, size), dtype=torch.uint8)
            labels = torch.randint(0, classes, (rows,))
            start = time.perf_counter(), time.process_time()
            x = (images.float() / 255 - 0.5).to(memory_format=torch.channels_last)
            loss = F.cross_entropy(network(x), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            end = time.perf_counter(), time.process_time()
            seconds.append([b - a for a, b in zip(start, end, strict=True)])
        print(json.dumps(seconds), flush=True)


def jax_worker(depth: int, host_devices: int) -> None:
    """As `torch_worker`, through the trainer that the command line uses."""
    import tempfile
    import time

    sys.path.insert(0, str(ROOT))
    from launch import catalogue, devices
    from launch.session import Session

    devices.keep_freed_memory()
    devices.use_cpu_devices(host_devices)
    import jax
    import numpy as np

    paper = catalogue.load("resnet")
    rows, size, classes = SIZES[depth]
    kind = "cifar10" if depth == 20 else "torchvision"
    config = paper.get_config(f"resnet{depth}_{kind}")
    config.model.stride_on = "1x1"
    config.data.batch_size, config.data.size = rows, size
    config.data.subtract, config.eval.batch_size = "imagenet", rows
    trainer = Session(paper, config, Path(tempfile.mkdtemp())).trainer("main")
    state = trainer.placement.put_state(trainer.make_state())
    rng = np.random.default_rng(0)
    for _ in sys.stdin:
        seconds = []
        for _ in range(STEPS):
            images = rng.integers(0, 256, (rows, size, size, 3), np.uint8)
            labels = rng.integers(0, classes, rows, np.int32)
            batch = trainer.put("train", {"image": images, "label": labels})
            jax.block_until_ready(batch)
            start = time.perf_counter(), time.process_time()
            state, metrics = trainer.train_step(state, batch)
            jax.block_until_ready((state, metrics))
            end = time.perf_counter(), time.process_time()
            seconds.append([b - a for a, b in zip(start, end, strict=True)])
        print(json.dumps(seconds), flush=True)


def ask(worker: subprocess.Popen) -> list[float]:
    """Median milliseconds of a step, by the wall's clock and of CPU."""
    worker.stdin.write("go\n")
    worker.stdin.flush()
    steps = json.loads(worker.stdout.readline())
    return [1e3 * statistics.median(kind) for kind in zip(*steps, strict=True)]


def compare(depth: int, torch_python: str, common: list[str]) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = {
        name: subprocess.Popen(
            [python, __file__, f"--worker={name}", f"--nets={depth}", *common], **pipes
        )
        for name, python in (("torch", torch_python), ("jax", sys.executable))
    }
    for _ in range(WARM_UP):
        for worker in workers.values():
            ask(worker)
    turns = []
    for turn in range(1, TURNS + 1):
        turns.append([ask(workers[name]) for name in ("torch", "jax")])
        print(f"ResNet-{depth}, turn {turn}: {compared(*turns[-1])}", flush=True)
    medians = [
        [statistics.median(kind) for kind in zip(*side, strict=True)]
        for side in zip(*turns, strict=True)
    ]
    load = os.getloadavg()[0]
    print(f"ResNet-{depth}, median: {compared(*medians)}, load {load:.1f}", flush=True)
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()


def compared(torch: list[float], jax: list[float]) -> str:
    parts = [
        f"{what} torch {a:.0f} ms, jax {b:.0f} ms, ratio {b / a:.2f}"
        for what, a, b in zip(("wall", "CPU"), torch, jax, strict=True)
    ]
    return "; ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch_python", help="a Python that has torch")
    parser.add_argument("--nets", default="20,18,50")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--devices", type=int, help="that jax sees; the cores")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    depths = [int(depth) for depth in arguments.nets.split(",")]
    if arguments.worker == "torch":
        return torch_worker(depths[0], arguments.cores)
    devices = arguments.devices or arguments.cores
    if arguments.worker:
        return jax_worker(depths[0], devices)
    common = [f"--cores={arguments.cores}", f"--devices={devices}"]
    for depth in depths:
        compare(depth, arguments.torch_python, common)


if __name__ == "__main__":
    main()
