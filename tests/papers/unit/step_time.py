"""Times training steps beside the same networks in plain PyTorch.

    python -m tests.papers.unit.step_time --torch_python=PATH [--cases=32,64] [...]

Both step D and then E and G on fresh images: 8 of each domain, 32 x 32, with the nets
of `default`, and 2 of 64 x 64 with nets of half the paper's width. PyTorch is eager,
channels_last, keeps no graph of G for D's step, and no gradients of D for G's.
"""

import argparse

from tests import beside_torch

RATE = 1e-4
DECAY = 1e-4


def torch_case(size: dict) -> beside_torch.Timed:
    import torch
    from torch.nn.functional import l1_loss, softplus

    from tests.papers.unit import torch_networks

    order = torch.channels_last
    channels = dict.fromkeys("ab", size["channels"])
    generators, encode, decode = torch_networks.paper_translator(
        size["width"], size["halvings"], size["private_blocks"], channels=channels
    )
    discriminators, judge = torch_networks.discriminators(
        "patch", size["discriminator_width"], size["layers"], channels=channels
    )
    players = [net.to(memory_format=order) for net in (discriminators, generators)]
    optimisers = [
        torch.optim.Adam(net.parameters(), RATE, (0.5, 0.999), weight_decay=DECAY)
        for net in players
    ]

    def fresh():
        shape = (size["rows"], size["channels"], size["side"], size["side"])
        return [torch.randint(0, 256, shape, dtype=torch.uint8) for _ in "ab"]

    def noisy(mu):
        return mu + torch.randn_like(mu)

    def real(x, domain):
        return softplus(-judge(x, domain)[0]).mean()

    def fake(x, domain):
        return softplus(judge(x, domain)[0]).mean()

    def discriminator_loss(a, b):
        with torch.no_grad():
            x_ab = decode(noisy(encode(a, "a")), "b")
            x_ba = decode(noisy(encode(b, "b")), "a")
        return 10 * (real(a, "a") + fake(x_ba, "a") + real(b, "b") + fake(x_ab, "b"))

    def generator_loss(a, b):
        codes = [encode(a, "a"), encode(b, "b")]
        z = torch.cat([noisy(mu) for mu in codes])
        x_aa, x_ba = decode(z, "a").chunk(2)
        x_ab, x_bb = decode(z, "b").chunk(2)
        back = [encode(x_ab, "b"), encode(x_ba, "a")]
        x_aba = decode(noisy(back[0]), "a")
        x_bab = decode(noisy(back[1]), "b")
        pairs = ((x_aa, a), (x_bb, b), (x_aba, a), (x_bab, b))
        likelihood = sum(l1_loss(x, image) for x, image in pairs)
        weights = (0.2, 0.2, 0.1, 0.1)  # codes of images are in two terms
        codes = zip(weights, codes + back, strict=True)
        kl = sum(weight * mu.square().mean() for weight, mu in codes)
        return 10 * (real(x_ba, "a") + real(x_ab, "b")) + kl + 100 * likelihood

    def step(batch):
        a, b = ((x.float() / 127.5 - 1).to(memory_format=order) for x in batch)
        for lose, optimiser in zip(
            (discriminator_loss, generator_loss), optimisers, strict=True
        ):
            discriminators.requires_grad_(lose is discriminator_loss)
            optimiser.zero_grad()
            lose(a, b).backward()
            optimiser.step()

    return fresh, step


def configured(case: int, overrides: list[str]):
    """`default`, or the larger nets, without pictures of the past."""
    from launch import catalogue
    from papers import unit

    config = unit.get_config()
    config.history.frames = ()
    config.model.init = "normal"
    config.optim.lr = RATE
    config.optim.weight_decay = DECAY
    if case == 64:
        config.data.size = (64, 64)
        config.data.batch_size = 2
        config.model.channels = (3, 3)
        config.model.width = 32
        config.model.private_blocks = 3
        config.discriminator.width = 32
        config.discriminator.layers = 5
    return catalogue.override(config, overrides)


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    import numpy as np

    from papers import unit

    config = configured(size["case"], overrides)
    rng = np.random.default_rng(0)

    def fresh():
        spec = unit.batch_spec(config).items()
        return {name: rng.integers(0, 256, x.shape, x.dtype) for name, x in spec}

    return beside_torch.steps(unit, config, "unit", fresh)


def cases(flags: argparse.Namespace, overrides: list[str]) -> dict[str, dict]:
    sizes = {}
    for case in map(int, flags.cases.split(",")):
        config = configured(case, overrides)
        m = config.model
        d = config.discriminator
        sizes[f"{case} x {case}"] = {
            "case": case, "side": config.data.size[0], "rows": config.data.batch_size,
            "channels": m.channels[0], "width": m.width, "halvings": m.halvings,
            "private_blocks": m.private_blocks, "discriminator_width": d.width,
            "layers": d.layers,
        }  # fmt: skip
    return sizes


def flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", default="32,64", help="sides of images")
    return parser


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case, flags())
