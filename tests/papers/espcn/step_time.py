"""Times ESPCN beside the same network in PyTorch: a frame upscaled, or a training step.

    python tests/papers/espcn/step_time.py --torch_python=PATH [--what=step] [...]

One process computes with PyTorch, in the environment of the given Python (it needs
torch alone), one with this package; they take turns, so that both meet the same
machine. A frame is 640 x 360, x3: 1080p, the network alone; ours has a frame on each
device at a time and PyTorch as many in a batch. Prints the medians and their ratio.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CALLS, TURNS, WARM_UP = 4, 8, 2


def torch_worker(size: dict) -> None:
    """Reads "go" lines; answers each with the seconds of CALLS calls, a frame or step
    each."""
    import time

    import torch
    from torch import nn

    torch.set_num_threads(size["cores"])
    kernels, (a, b), c = size["kernels"], size["features"], size["channels"]
    network = nn.Sequential(
        nn.Conv2d(c, a, kernels[0], padding=kernels[0] // 2),
        nn.Tanh(),
        nn.Conv2d(a, b, kernels[1], padding=kernels[1] // 2),
        nn.Tanh(),
        nn.Conv2d(b, c * size["scale"] ** 2, kernels[2], padding=kernels[2] // 2),
        nn.PixelShuffle(size["scale"]),
    )
    if size["channels_last"]:
        network = network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    rows, height, width = size["shape"]
    low = torch.rand(rows, c, height, width)
    high = torch.rand(rows, c, height * size["scale"], width * size["scale"])

    def frame():
        with torch.inference_mode():
            network(low)

    def step():
        optimiser.zero_grad()
        nn.functional.mse_loss(network(low), high).backward()
        optimiser.step()

    call = {"frame": frame, "step": step}[size["what"]]
    for _ in sys.stdin:
        seconds = []
        for _ in range(CALLS):
            start = time.perf_counter()
            call()
            seconds.append((time.perf_counter() - start) / size["per_call"])
        print(json.dumps(seconds), flush=True)


def jax_worker(size: dict, overrides: list[str]) -> None:
    """As `torch_worker`, through the functions that the command line uses."""
    import time

    sys.path.insert(0, str(ROOT))
    from launch import catalogue, devices

    devices.keep_freed_memory()
    devices.use_cpu_devices(size["cores"])
    import tempfile
    from functools import partial

    import jax
    import numpy as np

    from launch.session import Session
    from papers import espcn
    from papers.espcn.upscale import on_all_devices

    config = catalogue.override(espcn.get_config(), overrides)
    trainer = Session(espcn, config, Path(tempfile.mkdtemp())).trainer("espcn")
    state = trainer.placement.put_state(trainer.make_state())
    batch = trainer.put("train", next(trainer.batches("train")))
    rows, height, width = size["shape"]
    low = np.random.rand(rows, height, width, size["channels"]).astype(np.float32)
    run, _ = on_all_devices(
        partial(espcn.forward, config), jax.device_get(state.params)
    )

    def step():
        nonlocal state
        state, metrics = trainer.train_step(state, batch)
        return metrics

    call = {"frame": lambda: run(low), "step": step}[size["what"]]
    for _ in sys.stdin:
        seconds = []
        for _ in range(CALLS):
            start = time.perf_counter()
            jax.block_until_ready(call())
            seconds.append((time.perf_counter() - start) / size["per_call"])
        print(json.dumps(seconds), flush=True)


def ask(worker: subprocess.Popen) -> list[float]:
    worker.stdin.write("go\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


def sizes(arguments: argparse.Namespace, overrides: list[str]) -> dict:
    sys.path.insert(0, str(ROOT))
    from launch import catalogue
    from papers import espcn

    config = catalogue.override(espcn.get_config(), overrides)
    m, d = config.model, config.data
    step = arguments.what == "step"
    shape = (d.batch_size, d.patch, d.patch) if step else (arguments.cores, 360, 640)
    return {
        "kernels": m.kernels, "features": m.features, "channels": m.channels,
        "scale": m.scale, "shape": shape, "what": arguments.what,
        "per_call": 1 if step else arguments.cores, "cores": arguments.cores,
        "channels_last": arguments.channels_last,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch_python", required=True, help="a Python that has torch")
    parser.add_argument("--what", choices=("frame", "step"), default="frame")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--channels_last", action="store_true", help="for torch")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--size", help=argparse.SUPPRESS)
    arguments, overrides = parser.parse_known_args()
    if arguments.worker == "jax":
        return jax_worker(json.loads(arguments.size), overrides)
    if arguments.worker:
        return torch_worker(json.loads(arguments.size))

    size = json.dumps(sizes(arguments, overrides))
    pythons = {"torch": arguments.torch_python, "jax": sys.executable}
    workers = {
        name: subprocess.Popen(
            [python, __file__, "--torch_python=-", f"--worker={name}",
             f"--size={size}", *overrides],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name, python in pythons.items()
    }  # fmt: skip
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
        median = statistics.median(seconds)
        print(f"{name}: median {1e3 * median:.1f} ms a {arguments.what}")
    print(f"jax / torch: {statistics.median(ratios):.2f} (median of {TURNS} turns)")
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()


if __name__ == "__main__":
    main()
