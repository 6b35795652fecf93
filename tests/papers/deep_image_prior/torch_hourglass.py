"""The hourglass in plain PyTorch: what ours is compared with and timed beside.

Only imported where torch is. Modules have our names; maps are [batch, channels, height,
width].
"""

import torch
from torch import nn
from torch.nn import functional as F


class ConvNorm(nn.Module):
    def __init__(self, inputs, features, kernel=3, stride=1):
        super().__init__()
        self.pad = nn.ReflectionPad2d(kernel // 2)
        self.conv = nn.Conv2d(inputs, features, kernel, stride)
        self.norm = nn.BatchNorm2d(features)

    def forward(self, x):
        return F.leaky_relu(self.norm(self.conv(self.pad(x))), 0.2)


class Level(nn.Module):
    def __init__(self, inputs, down, skip, mode):
        super().__init__()
        n = down[0]
        s = skip[0]
        self.skip = ConvNorm(inputs, s, 1) if s else None
        self.down = ConvNorm(inputs, n, stride=2)
        self.deepen = ConvNorm(n, n)
        self.inner = Level(n, down[1:], skip[1:], mode) if down[1:] else nn.Identity()
        below = down[1] if down[1:] else n
        self.large = nn.Upsample(scale_factor=2, mode=mode)
        self.norm = nn.BatchNorm2d(s + below)
        self.up = ConvNorm(s + below, n)
        self.mix = ConvNorm(n, n, 1)

    def forward(self, x):
        deep = self.large(self.inner(self.deepen(self.down(x))))
        maps = [self.skip(x), deep] if self.skip else [deep]
        return self.mix(self.up(self.norm(torch.cat(maps, 1))))


class Hourglass(nn.Module):
    """down, skip: features of each level; mode: nn.Upsample's, of all levels."""

    def __init__(self, inputs, down, skip, mode="bilinear"):
        super().__init__()
        self.outer = Level(inputs, down, skip, mode)
        self.out = nn.Conv2d(down[0], 3, 1)

    def forward(self, z):
        return torch.sigmoid(self.out(self.outer(z)))
