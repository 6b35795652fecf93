"""UNIT's networks in plain PyTorch: what ours are compared with and timed beside.

Only imported where torch is. Translators have the names of the released files; the
others have ours, with dots. Images are [batch, channels, height, width].
"""

import torch
from torch import nn
from torch.nn import functional as F

CHANNELS = {"a": 3, "b": 1}


class Entries(nn.Module):
    """A sequence, plus its input where it is residual."""

    def __init__(self, *layers, residual=False):
        super().__init__()
        self.model = nn.Sequential(*layers)
        self.residual = residual

    def forward(self, x):
        return x + self.model(x) if self.residual else self.model(x)


def paper_translator(width, halvings, private, normed=False, channels=CHANNELS):
    """The networks, encode(x, domain) and decode(z, domain) of the paper's code, with
    one shared block in each half."""

    def after(n):
        return (nn.InstanceNorm2d(n), nn.ReLU()) if normed else (nn.LeakyReLU(),)

    def blocks(count):
        n = width * 2**halvings
        return [
            Entries(
                nn.Conv2d(n, n, 3, padding=1), nn.InstanceNorm2d(n), nn.ReLU(),
                nn.Conv2d(n, n, 3, padding=1), nn.InstanceNorm2d(n), residual=True,
            )
            for _ in range(count)
        ]  # fmt: skip

    def encoder(inputs):
        layers = [Entries(nn.Conv2d(inputs, width, 7, padding=3), nn.LeakyReLU())]
        for n in (width * 2**i for i in range(halvings)):
            layers.append(Entries(nn.Conv2d(n, 2 * n, 3, 2, 1), *after(2 * n)))
        return nn.Sequential(*layers, *blocks(private))

    def decoder(outputs):
        layers = blocks(private)
        for n in (width * 2**i for i in reversed(range(halvings))):
            larger = nn.ConvTranspose2d(2 * n, n, 3, 2, padding=1, output_padding=1)
            layers.append(Entries(larger, *after(n)))
        return nn.Sequential(*layers, nn.ConvTranspose2d(width, outputs, 1), nn.Tanh())

    nets = {f"{x}_shared": nn.Sequential(*blocks(1)) for x in ("enc", "dec")}
    nets |= {f"encode_{d.upper()}": encoder(n) for d, n in channels.items()}
    nets |= {f"decode_{d.upper()}": decoder(n) for d, n in channels.items()}
    nets = nn.ModuleDict(nets)

    def encode(x, domain):
        return nets["enc_shared"](nets[f"encode_{domain.upper()}"](x))

    def decode(z, domain):
        return nets[f"decode_{domain.upper()}"](nets["dec_shared"](z))

    return nets, encode, decode


class WholeImageNorm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.gamma, self.beta = (nn.Parameter(torch.ones(n)) for _ in range(2))

    def forward(self, x):
        deviation, mean = torch.std_mean(x, (1, 2, 3), keepdim=True)
        y = (x - mean) / (deviation + 1e-5)
        return y * self.gamma[:, None, None] + self.beta[:, None, None]


class Mirrored(nn.Module):
    """Convolution over mirrored borders, norm, activation."""

    def __init__(self, inputs, n, k, stride=1, norm=None, active=None):
        super().__init__()
        self.border = nn.ReflectionPad2d((k - 1) // 2)
        self.conv = nn.Conv2d(inputs, n, k, stride)
        self.norm = norm(n) if norm else nn.Identity()
        self.active = active or nn.Identity()

    def forward(self, x):
        return self.active(self.norm(self.conv(self.border(x))))


def later_translator(width, halvings, blocks, channels=CHANNELS):
    """The same for the later code, where nothing is shared."""
    norm = nn.InstanceNorm2d
    relu = nn.ReLU()

    def inner():
        n = width * 2**halvings
        pairs = (
            (Mirrored(n, n, 3, 1, norm, relu), Mirrored(n, n, 3, 1, norm))
            for _ in range(blocks)
        )
        return Entries(*(Entries(*pair, residual=True) for pair in pairs))

    def encoder(inputs):
        layers = [Mirrored(inputs, width, 7, 1, norm, relu)]
        for n in (width * 2**i for i in range(halvings)):
            layers.append(Mirrored(n, 2 * n, 4, 2, norm, relu))
        return Entries(*layers, inner())

    def decoder(outputs):
        layers = [inner()]
        for n in (width * 2**i for i in reversed(range(halvings))):
            layers.append(nn.Upsample(scale_factor=2))
            layers.append(Mirrored(2 * n, n, 5, 1, WholeImageNorm, relu))
        return Entries(*layers, Mirrored(width, outputs, 7, active=nn.Tanh()))

    both = {d: {"enc": encoder(n), "dec": decoder(n)} for d, n in channels.items()}
    nets = nn.ModuleDict({d: nn.ModuleDict(own) for d, own in both.items()})
    return nets, lambda x, d: nets[d]["enc"](x), lambda z, d: nets[d]["dec"](z)


def discriminators(kind, width, layers, private_layers=0, channels=CHANNELS):
    """The networks, and (image, domain) -> their logits at every scale."""
    later = kind == "averaged"
    scales = 3 if kind in ("pyramid", "averaged") else 1

    def stack(inputs, first, last, head=True):
        layers = {}
        for i in range(first, last):
            k = 4 if later else 7 if kind == "shared" and i == 0 else 3
            n = width * 2**i
            mode = "reflect" if later else "zeros"
            conv = nn.Conv2d(inputs, n, k, 2, (k - 1) // 2, padding_mode=mode)
            layers[f"conv{i}"] = conv
            inputs = n
        if head:
            layers["out"] = nn.Conv2d(inputs, 1, 1)
        return nn.ModuleDict(layers)

    def run(stack, x):
        for name, layer in stack.items():
            x = layer(x)
            x = x if name == "out" else F.leaky_relu(x, 0.2 if later else 0.01)
        return x

    nets = {}
    for d, n in channels.items():
        if kind == "shared":
            nets[d] = stack(n, 0, private_layers, head=False)
            middle = width * 2 ** (private_layers - 1)
            nets["shared"] = stack(middle, private_layers, layers)
        else:
            nets |= {f"{d}_{scale}": stack(n, 0, layers) for scale in range(scales)}
    nets = nn.ModuleDict(nets)

    def judge(x, domain):
        if kind == "shared":
            return [run(nets["shared"], run(nets[domain], x))]
        logits = []
        for scale in range(scales):
            logits.append(run(nets[f"{domain}_{scale}"], x))
            x = average_pooled(x) if later else blurred(x)
        return logits

    return nets, judge


def average_pooled(x):
    return F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)


def blurred(x):
    taps = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype)
    blur = (taps[:, None] * taps / 16).expand(x.shape[1], 1, 3, 3)
    bordered = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(bordered, blur, groups=x.shape[1])[:, :, ::2, ::2]


class DigitLayer(nn.Module):
    """(Transposed) convolution, batch norm, a bias, leaky ReLU."""

    def __init__(self, conv):
        super().__init__()
        self.conv = conv
        self.norm = nn.BatchNorm2d(conv.out_channels, affine=False)
        self.bias = nn.Parameter(torch.zeros(conv.out_channels))

    def forward(self, x):
        return F.leaky_relu(self.norm(self.conv(x)) + self.bias[:, None, None])


def digit_translator(n, size):
    """The networks for images of one channel, encode({"a", "b"}) -> mean and deviation,
    and generate(z) -> {"a", "b"}."""

    def down(inputs, features, k, stride=1, padding=0):
        return DigitLayer(nn.Conv2d(inputs, features, k, stride, padding))

    def up(inputs, features, k, padding=0):
        return DigitLayer(nn.ConvTranspose2d(inputs, features, k, 2, padding))

    nets = {f"enc_{d}": down(1 + 2, n, 5, 2, 2) for d in "ab"}
    nets["enc_shared_0"] = down(n, 2 * n, 5, 2, 2)
    nets["enc_shared_1"] = down(2 * n, 4 * n, size // 4)
    nets["enc_shared_2"] = down(4 * n, 8 * n, 1)
    nets |= {name: nn.Conv2d(8 * n, 8 * n, 1) for name in ("mu", "sigma")}
    nets["gen_shared_0"] = up(8 * n, 8 * n, size // 8)
    nets["gen_shared_1"] = up(8 * n, 4 * n, 4, 1)
    nets["gen_shared_2"] = up(4 * n, 2 * n, 4, 1)
    nets |= {f"gen_{d}": up(2 * n, n, 4, 1) for d in "ab"}
    nets |= {f"out_{d}": nn.ConvTranspose2d(n, 1, 1) for d in "ab"}
    nets = nn.ModuleDict(nets)

    def encode(images):
        firsts = []
        for domain, x in images.items():
            line = (torch.arange(size, dtype=x.dtype) - size / 2) / (size / 2)
            grid = torch.stack(torch.meshgrid(line, line, indexing="ij"))
            x = torch.cat([x, grid.expand(len(x), 2, size, size)], 1)
            firsts.append(nets[f"enc_{domain}"](x))
        x = torch.cat(firsts)
        for i in range(3):
            x = nets[f"enc_shared_{i}"](x)
        return nets["mu"](x), F.softplus(nets["sigma"](x))

    def generate(z):
        for i in range(3):
            z = nets[f"gen_shared_{i}"](z)
        return {d: torch.tanh(nets[f"out_{d}"](nets[f"gen_{d}"](z))) for d in "ab"}

    return nets, encode, generate


def digit_discriminator(n, size):
    """The networks, and {"a", "b"} -> logits of two and of ten classes, no dropout."""
    nets = {f"first_{d}": nn.Conv2d(1, n, 5, padding=2) for d in "ab"}
    for i, features in enumerate((n, 2 * n, 4 * n)):
        nets[f"deeper_{i}"] = nn.Conv2d(features, 2 * features, 5, padding=2)
    nets |= {"real": nn.Conv2d(8 * n, 2, size // 16)}
    nets |= {"digit": nn.Conv2d(8 * n, 10, size // 16)}
    nets = nn.ModuleDict(nets)

    def pooled(name, x):
        return F.max_pool2d(F.relu(nets[name](x)), 2)

    def judge(images):
        x = torch.cat([pooled(f"first_{d}", x) for d, x in images.items()])
        for i in range(3):
            x = pooled(f"deeper_{i}", x)
        return {head: nets[head](x)[:, :, 0, 0] for head in ("real", "digit")}

    return nets, judge
