"""A network of PyTorch from a text in darknet's cfg language, written without this
package's parser, layers and weights files, to compare them with. It needs torch."""

import struct

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def sections(text: str) -> list[tuple[str, dict[str, str]]]:
    found = []
    for line in text.splitlines():
        line = line.replace(" ", "")
        if line.startswith("["):
            found.append((line[1:-1], {}))
        elif "=" in line and not line.startswith("#"):
            key, value = line.split("=")
            found[-1][1][key] = value
    return found


class Network(nn.Module):
    """[batch, channels, height, width] -> the maps ahead of every [yolo], or the last
    layer's."""

    def __init__(self, text: str):
        super().__init__()
        (_, net), *self.layers = sections(text)
        self.convolutions = nn.ModuleDict()
        channels = []
        before = int(net["channels"])
        for i, (kind, options) in enumerate(self.layers):
            if kind == "convolutional":
                n, size = int(options["filters"]), int(options["size"])
                padding = size // 2 if options.get("pad") == "1" else 0
                normalised = options.get("batch_normalize") == "1"
                conv = nn.Conv2d(
                    before, n, size, int(options.get("stride", 1)), padding,
                    bias=not normalised,
                )  # fmt: skip
                norm = (
                    nn.BatchNorm2d(n, eps=1e-5, momentum=0.01) if normalised else None
                )
                parts = [conv, norm] if norm else [conv]
                self.convolutions[str(i)] = nn.Sequential(*parts)
                before = n
            elif kind == "route":
                before = sum(channels[j] for j in self._others(i, options["layers"]))
            channels.append(before)

    @staticmethod
    def _others(i: int, value: str) -> list[int]:
        return [j + i if j < 0 else j for j in map(int, value.split(","))]

    def forward(self, x):
        outputs, maps = [], []
        for i, (kind, options) in enumerate(self.layers):
            if kind == "convolutional":
                x = self.convolutions[str(i)](x)
                if options["activation"] == "leaky":
                    x = F.leaky_relu(x, 0.1)
            elif kind == "maxpool":
                size, stride = int(options["size"]), int(options["stride"])
                total = int(options.get("padding", size - 1))
                sides = (total // 2, total - total // 2) * 2
                x = F.max_pool2d(F.pad(x, sides, value=-torch.inf), size, stride)
            elif kind == "upsample":
                x = F.interpolate(x, scale_factor=int(options["stride"]))
            elif kind == "shortcut":
                x = x + outputs[self._others(i, options["from"])[0]]
            elif kind == "route":
                others = self._others(i, options["layers"])
                x = torch.cat([outputs[j] for j in others], 1)
            elif kind == "avgpool":
                x = x.mean((2, 3), keepdim=True)
            elif kind == "yolo":
                maps.append(x)
            outputs.append(x)
        return maps or [x]

    def weights(self, seen: int = 0) -> bytes:
        """The bytes of a .weights file."""
        parts = [struct.pack("<3iQ", 0, 2, 0, seen)]
        for layer in self.convolutions.values():
            conv = layer[0]
            if len(layer) == 2:
                n = layer[1]
                arrays = [n.bias, n.weight, n.running_mean, n.running_var, conv.weight]
            else:
                arrays = [conv.bias, conv.weight]
            parts += [a.detach().numpy().astype(np.float32).tobytes() for a in arrays]
        return b"".join(parts)
