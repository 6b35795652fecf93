"""Writes torch_outputs.npz: what plain PyTorch networks of UNIT's shapes give.

    python -m tests.papers.unit.torch_outputs      # needs torch

Weights and images are not stored: both sides draw them from numpy seeds, the weights in
the order of the state dict's sorted names. PyTorch computes in float64.
"""

import json
from functools import partial
from pathlib import Path

import numpy as np

SEED = 0
WIDTH = 4
HALVINGS = 2
CHANNELS = {"a": 3, "b": 1}
TRANSLATORS = {"shared_none": 2, "shared_instance": 1, "separate": 2}  # private blocks
KINDS = ("patch", "shared", "pyramid", "averaged")  # of discriminators
LAYERS = 3
PRIVATE_LAYERS = 2
# Images for translators, discriminators, digits: batch, rows, columns.
SMALL = (2, 12, 8)
LARGE = (2, 33, 47)
DIGIT = (2, 16, 16)


def draw(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Arrays by name whose activations neither vanish nor explode."""
    rng = np.random.default_rng(SEED)
    arrays = {}
    for name, shape in sorted(shapes.items()):
        values = rng.standard_normal(shape)
        if len(shape) > 1:
            values *= (2 / np.prod(shape[1:])) ** 0.5
        elif name.endswith(("running_var", "gamma")):
            values = np.exp(0.2 * values)
        else:
            values *= 0.2
        arrays[name] = values.astype(np.float32)
    return arrays


def images(size: tuple[int, int, int], channels: dict[str, int] = CHANNELS):
    """{"a", "b"}: images in [-1, 1], [batch, height, width, channels]."""
    rng = np.random.default_rng(SEED + 1)
    drawn = {d: rng.uniform(-1, 1, (*size, n)) for d, n in channels.items()}
    return {domain: x.astype(np.float32) for domain, x in drawn.items()}


def digits():
    return images(DIGIT, {"a": 1, "b": 1})


def translators(inputs):
    """Yields (case, networks, outputs): the code of a, and three translations."""
    from tests.papers.unit import torch_networks

    x = inputs(images(SMALL))
    for case, private in TRANSLATORS.items():
        if case == "separate":
            made = torch_networks.later_translator(WIDTH, HALVINGS, private)
        else:
            made = torch_networks.paper_translator(
                WIDTH, HALVINGS, private, normed=case == "shared_instance"
            )
        yield case, made[0], partial(_translated, x, *made[1:])


def _translated(x, encode, decode):
    codes = {d: encode(x[d], d) for d in "ab"}
    made = {way: decode(codes[way[0]], way[1]) for way in ("aa", "ab", "ba")}
    return {"mu": codes["a"], **made}


def discriminators(inputs):
    """Yields (kind, networks, logits): a0 is of domain a at the first scale."""
    from tests.papers.unit import torch_networks

    x = inputs(images(LARGE))
    for kind in KINDS:
        nets, judge = torch_networks.discriminators(kind, WIDTH, LAYERS, PRIVATE_LAYERS)
        yield kind, nets, partial(_judged, x, judge)


def _judged(x, judge):
    grids = {d: judge(x[d], d) for d in "ab"}
    return {f"{d}{i}": y[:, 0] for d in "ab" for i, y in enumerate(grids[d])}


def digit_networks(inputs):
    """Yields (case, networks, outputs), the last in training, with new statistics."""
    from tests.papers.unit import torch_networks

    x = inputs(digits())
    nets, judge = torch_networks.digit_discriminator(WIDTH, DIGIT[1])
    yield "digit_discriminator", nets, lambda: judge(x)
    nets, encode, generate = torch_networks.digit_translator(WIDTH, DIGIT[1])

    def run():
        mu, sigma = encode(x)
        return {"mu": mu, "sigma": sigma, **generate(mu)}

    def train():
        nets.train()
        state = nets.state_dict()
        return run() | {n: x for n, x in state.items() if "running" in n}

    yield "digit_translator", nets, run
    yield "digit_training", nets, train


def outputs() -> tuple[dict, dict]:
    """({case: shapes}, {case/output: array, channels last})."""
    import torch

    def inputs(drawn):
        tensors = {d: torch.from_numpy(x).double() for d, x in drawn.items()}
        return {domain: x.permute(0, 3, 1, 2) for domain, x in tensors.items()}

    shapes = {}
    found = {}
    for cases in (translators, discriminators, digit_networks):
        for case, nets, run in cases(inputs):
            state = {n: x for n, x in nets.state_dict().items() if x.ndim}
            shapes[case] = {name: tuple(x.shape) for name, x in state.items()}
            drawn = {n: torch.from_numpy(x) for n, x in draw(shapes[case]).items()}
            nets.load_state_dict(drawn, strict=False)
            nets.double().eval()
            for name, x in run().items():
                x = x.permute(0, 2, 3, 1) if x.ndim == 4 else x
                found[f"{case}/{name}"] = x.numpy().astype(np.float32)
    return shapes, found


def read() -> tuple[dict, dict]:
    """The stored results of `outputs`."""
    with np.load(Path(__file__).with_suffix(".npz")) as file:
        found = {name: file[name] for name in file.files}
    shapes = json.loads(str(found.pop("shapes")))
    return {
        case: {n: tuple(shape) for n, shape in own.items()}
        for case, own in shapes.items()
    }, found


def main() -> None:
    import torch

    with torch.no_grad():
        shapes, found = outputs()
    path = Path(__file__).with_suffix(".npz")
    found |= {"torch": np.array(torch.__version__)}
    found |= {"shapes": np.array(json.dumps(shapes))}
    np.savez_compressed(path, **found)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
