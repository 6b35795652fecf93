"""Writes torchvision_logits.json: logits of torchvision's ResNets on random weights.

    python tests/papers/resnet/torchvision_logits.py      # needs torch and torchvision

The weights are not stored: both sides draw them from one numpy seed, in the order of
the state dict's sorted names.
"""

import json
from pathlib import Path

import numpy as np

SEED = 0
SIZES = {"resnet18": (2, 64, 72), "resnet50": (2, 64, 64)}
CLASSES = 1000


def draw(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Arrays by name whose activations neither vanish nor explode."""
    rng = np.random.default_rng(SEED)
    arrays = {}
    for name, shape in sorted(shapes.items()):
        values = rng.standard_normal(shape, np.float32)
        if len(shape) > 1:
            values *= np.float32((2 / np.prod(shape[1:])) ** 0.5)
        elif name.endswith("running_var"):
            values = np.exp(0.2 * values)
        elif name.endswith("weight"):  # of BatchNorm
            values = 0.4 * np.exp(0.2 * values)
        else:
            values *= np.float32(0.2)
        arrays[name] = values.astype(np.float32)
    return arrays


def images(size: tuple[int, int, int]) -> np.ndarray:
    """Normalised images [batch, height, width, 3]."""
    return np.random.default_rng(SEED + 1).standard_normal((*size, 3), np.float32)


def main() -> None:
    import torch
    import torchvision

    written = {"torch": torch.__version__, "torchvision": torchvision.__version__}
    for name, size in SIZES.items():
        network = getattr(torchvision.models, name)(num_classes=CLASSES).eval()
        state = network.state_dict()
        shapes = {n: tuple(x.shape) for n, x in state.items() if x.ndim}
        drawn = {n: torch.from_numpy(x) for n, x in draw(shapes).items()}
        network.load_state_dict(drawn, strict=False)
        with torch.no_grad():
            x = torch.from_numpy(images(size)).permute(0, 3, 1, 2)
            logits = network(x).numpy()
        written[name] = {
            "shapes": {n: list(shape) for n, shape in shapes.items()},
            "logits": [[round(float(v), 6) for v in row] for row in logits],
        }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(written, separators=(",", ":")) + "\n")
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
