"""Times an iteration beside a plain PyTorch hourglass of the same size.

    python -m tests.papers.deep_image_prior.step_time --torch_python=PATH [--config...]

Both fit as many pictures as the config has rows, jitter z, average outputs and step
Adam.
"""

from tests import beside_torch


def torch_case(size: dict) -> beside_torch.Timed:
    import torch

    from tests.papers.deep_image_prior.torch_hourglass import Hourglass

    nets = []
    for _ in range(size["rows"]):
        net = Hourglass(size["inputs"], size["down"], size["skip"])
        z = 0.1 * torch.rand(1, size["inputs"], *size["size"])
        target = torch.rand(1, 3, *size["size"])
        adam = torch.optim.Adam(net.parameters(), 0.01)
        nets.append([net, z, target, adam, target.clone()])

    def iterations(_):
        for row in nets:
            net, z, target, adam, average = row
            x = net(z + torch.randn_like(z) / 30)
            loss = (x - target).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            row[4] = 0.99 * average + 0.01 * x.detach()

    return lambda: None, iterations


def jax_case(size: dict, overrides: list[str]) -> beside_torch.Timed:
    from papers import deep_image_prior

    del size
    return beside_torch.steps(deep_image_prior, configured(overrides), "denoise")


def configured(overrides: list[str]):
    """The default's denoising run, without what PyTorch's loop does not do either."""
    from launch import catalogue
    from papers import deep_image_prior

    config = deep_image_prior.get_config()
    config.runs = ("denoise",)
    config.stop.backtrack_every = 0
    config.history.frames = ()
    return catalogue.override(config, overrides)


def cases(flags, overrides: list[str]) -> dict[str, dict]:
    config = configured(overrides)
    m = config.model
    levels = range(len(config.model.down))
    size = {
        "inputs": m.input_channels, "down": m.down, "size": config.data.size,
        "skip": [m.level("skip", i) for i in levels], "rows": config.data.batch_size,
    }  # fmt: skip
    return {"an iteration": size}


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case)
