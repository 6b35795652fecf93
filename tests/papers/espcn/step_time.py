"""Times ESPCN beside the same network in PyTorch: a frame upscaled, or a training step.

    python -m tests.papers.espcn.step_time --torch_python=PATH [--what=step] [...]

A frame is 640 x 360, x3: 1080p, the network alone. A call is as many frames as there
are cores: ours has one on each device, PyTorch all in a batch.
"""

import argparse
from functools import partial

from tests import beside_torch


def torch_case(size: dict) -> beside_torch.Timed:
    import torch
    from torch import nn

    kernels = size["kernels"]
    a, b = size["features"]
    c = size["channels"]
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

    def frame(_):
        with torch.inference_mode():
            network(low)

    def step(_):
        optimiser.zero_grad()
        nn.functional.mse_loss(network(low), high).backward()
        optimiser.step()

    return lambda: None, {"frame": frame, "step": step}[size["what"]]


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    """Calls the functions that the command line calls."""
    import jax
    import numpy as np

    from common.files.video import on_all_devices
    from launch import catalogue
    from papers import espcn
    from papers.espcn.upscaling import inference_params

    config = catalogue.override(espcn.get_config(), overrides)
    if size["what"] == "step":
        return beside_torch.steps(espcn, config, "espcn")
    state = espcn.init(config, jax.random.key(0))
    low = np.random.rand(*size["shape"], size["channels"]).astype(np.float32)
    run, _ = on_all_devices(partial(espcn.forward, config), inference_params(state))
    return lambda: low, run


def cases(flags: argparse.Namespace, overrides: list[str]) -> dict[str, dict]:
    from launch import catalogue
    from papers import espcn

    config = catalogue.override(espcn.get_config(), overrides)
    m = config.model
    d = config.data
    step = flags.what == "step"
    size = {
        "kernels": m.kernels, "features": m.features, "channels": m.channels,
        "scale": m.scale, "what": flags.what, "channels_last": flags.channels_last,
        "shape": (d.batch_size, d.patch, d.patch) if step else (flags.cores, 360, 640),
    }  # fmt: skip
    return {"a step" if step else f"{flags.cores} frames": size}


def flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--what", choices=("frame", "step"), default="frame")
    parser.add_argument("--channels_last", action="store_true", help="for torch")
    return parser


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case, flags())
