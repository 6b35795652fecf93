"""Writes torch_outputs.npz: what a plain PyTorch hourglass of two levels makes of a z,
its weights, and z, in float32.

    python -m tests.papers.deep_image_prior.torch_outputs      # needs torch
"""

from pathlib import Path

import numpy as np

SIZE = {"inputs": 3, "down": (4, 6), "skip": (2, 3)}
MODES = ("bilinear", "nearest")


def main() -> None:
    import torch

    from tests.papers.deep_image_prior.torch_hourglass import Hourglass

    torch.manual_seed(0)
    z = torch.rand(1, SIZE["inputs"], 16, 12)
    net = Hourglass(**SIZE)
    with torch.no_grad():
        for parameter in net.parameters():  # away from BatchNorm's ones and zeros
            parameter += 0.2 * torch.randn_like(parameter)
        arrays = {f"weights/{name}": x.numpy() for name, x in net.named_parameters()}
        arrays["z"] = z[0].permute(1, 2, 0).numpy()
        for mode in MODES:
            other = Hourglass(**SIZE, mode=mode)
            other.load_state_dict(net.state_dict())
            arrays[mode] = other(z)[0].permute(1, 2, 0).numpy()
    path = Path(__file__).with_suffix(".npz")
    np.savez_compressed(path, **arrays, torch=np.array(torch.__version__))
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
