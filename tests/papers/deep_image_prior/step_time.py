"""Times an iteration beside a plain PyTorch hourglass of the same size.

    python tests/papers/deep_image_prior/step_time.py --torch_python=PATH [--config...]

One process fits with PyTorch, in the environment of the given Python (it needs torch
alone), one with this package, on as many pictures as the config has rows; they take
turns of a few iterations, so that both meet the same machine. Both jitter z, average
outputs and step Adam. Prints the medians and their ratio, turn by turn.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STEPS, TURNS, WARM_UP = 6, 6, 2


def torch_worker(size: dict) -> None:
    """Reads "go" lines; answers each with the seconds of STEPS iterations."""
    import time

    import torch
    from torch import nn

    def block(inputs, features, kernel, stride=1):
        return nn.Sequential(
            nn.ReflectionPad2d(kernel // 2),
            nn.Conv2d(inputs, features, kernel, stride),
            nn.BatchNorm2d(features),
            nn.LeakyReLU(0.2),
        )

    class Level(nn.Module):
        def __init__(self, inputs, down, skip):
            super().__init__()
            n, s = down[0], skip[0]
            self.skip = block(inputs, s, 1) if s else None
            self.down = nn.Sequential(block(inputs, n, 3, 2), block(n, n, 3))
            self.inner = Level(n, down[1:], skip[1:]) if down[1:] else nn.Identity()
            below = down[1] if down[1:] else n
            self.large = nn.Upsample(scale_factor=2, mode="bilinear")
            self.norm = nn.BatchNorm2d(s + below)
            self.up = nn.Sequential(block(s + below, n, 3), block(n, n, 1))

        def forward(self, x):
            deep = self.large(self.inner(self.down(x)))
            maps = [self.skip(x), deep] if self.skip else [deep]
            return self.up(self.norm(torch.cat(maps, 1)))

    torch.set_num_threads(size["cores"])
    nets = []
    for _ in range(size["rows"]):
        level = Level(size["inputs"], size["down"], size["skip"])
        net = nn.Sequential(level, nn.Conv2d(size["down"][0], 3, 1), nn.Sigmoid())
        z = 0.1 * torch.rand(1, size["inputs"], *size["size"])
        target = torch.rand(1, 3, *size["size"])
        adam = torch.optim.Adam(net.parameters(), 0.01)
        nets.append([net, z, target, adam, target.clone()])
    for _ in sys.stdin:
        seconds = []
        for _ in range(STEPS):
            start = time.perf_counter()
            for row in nets:
                net, z, target, adam, average = row
                x = net(z + torch.randn_like(z) / 30)
                loss = (x - target).square().mean()
                adam.zero_grad()
                loss.backward()
                adam.step()
                row[4] = 0.99 * average + 0.01 * x.detach()
            seconds.append(time.perf_counter() - start)
        print(json.dumps(seconds), flush=True)


def jax_worker(overrides: list[str], host_devices: int) -> None:
    """As `torch_worker`, through the trainer that the command line uses."""
    import tempfile
    import time

    sys.path.insert(0, str(ROOT))
    from launch import catalogue, devices
    from launch.session import Session

    devices.keep_freed_memory()
    devices.use_cpu_devices(host_devices)
    import jax

    paper = catalogue.load("deep_image_prior")
    config = catalogue.override(compared(paper.get_config()), overrides)
    trainer = Session(paper, config, Path(tempfile.mkdtemp())).trainer("denoise")
    state = trainer.make_state()
    data = trainer.batches("train")
    for _ in sys.stdin:
        seconds = []
        for _ in range(STEPS):
            batch = jax.block_until_ready(trainer.put("train", next(data)))
            start = time.perf_counter()
            state, metrics = trainer.train_step(state, batch)
            jax.block_until_ready((state, metrics))
            seconds.append(time.perf_counter() - start)
        print(json.dumps(seconds), flush=True)


def compared(config):
    """The default's denoising run, without what PyTorch's loop does not do either."""
    config.rows, config.stop.backtrack_every = ("denoise",), 0
    config.record.frames = ()
    return config


def ask(worker: subprocess.Popen) -> list[float]:
    worker.stdin.write("go\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch_python", required=True, help="a Python that has torch")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments, overrides = parser.parse_known_args()
    if arguments.worker == "jax":
        return jax_worker(overrides, arguments.cores)
    if arguments.worker:
        return torch_worker(json.loads(arguments.worker))

    sys.path.insert(0, str(ROOT))
    from launch import catalogue
    from papers import deep_image_prior

    config = catalogue.override(compared(deep_image_prior.get_config()), overrides)
    m, levels = config.model, range(len(config.model.down))
    size = {
        "inputs": m.input_channels, "down": m.down, "size": config.data.size,
        "skip": [m.level("skip", i) for i in levels], "rows": config.data.batch_size,
        "cores": arguments.cores,
    }  # fmt: skip
    torch_command = [arguments.torch_python, __file__, "--torch_python=-"]
    jax_command = [sys.executable, __file__, "--worker=jax", *sys.argv[1:]]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = {
        "torch": subprocess.Popen(
            [*torch_command, f"--worker={json.dumps(size)}"], **pipes
        ),
        "jax": subprocess.Popen(jax_command, **pipes),
    }
    for _ in range(WARM_UP):
        for worker in workers.values():
            ask(worker)
    ratios, all_seconds = [], {name: [] for name in workers}
    for turn in range(TURNS):
        medians = {}
        for name, worker in workers.items():
            seconds = ask(worker)
            all_seconds[name] += seconds
            medians[name] = 1e3 * statistics.median(seconds)
        ratios.append(medians["jax"] / medians["torch"])
        print(
            f"turn {turn + 1}: torch {medians['torch']:.1f} ms, "
            f"jax {medians['jax']:.1f} ms, ratio {ratios[-1]:.2f}"
        )
    for name, seconds in all_seconds.items():
        print(f"{name}: median {1e3 * statistics.median(seconds):.1f} ms an iteration")
    print(f"jax / torch: {statistics.median(ratios):.2f} (median of {TURNS} turns)")
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()


if __name__ == "__main__":
    main()
