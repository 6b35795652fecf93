"""Times an iteration beside a plain PyTorch hourglass of the same size.

    python -m tests.papers.deep_image_prior.step_time --torch_python=PATH [--config...]

Both fit as many pictures as the config has rows, jitter z, average outputs and step
Adam.
"""

from tests import beside_torch


def torch_case(size: dict) -> beside_torch.Timed:
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

    nets = []
    for _ in range(size["rows"]):
        level = Level(size["inputs"], size["down"], size["skip"])
        net = nn.Sequential(level, nn.Conv2d(size["down"][0], 3, 1), nn.Sigmoid())
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
    config.rows, config.stop.backtrack_every = ("denoise",), 0
    config.record.frames = ()
    return catalogue.override(config, overrides)


def cases(flags, overrides: list[str]) -> dict[str, dict]:
    config = configured(overrides)
    m, levels = config.model, range(len(config.model.down))
    size = {
        "inputs": m.input_channels, "down": m.down, "size": config.data.size,
        "skip": [m.level("skip", i) for i in levels], "rows": config.data.batch_size,
    }  # fmt: skip
    return {"an iteration": size}


if __name__ == "__main__":
    beside_torch.main(__file__, __doc__, cases, torch_case, jax_case)
