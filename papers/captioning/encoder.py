"""Image encoders: a trunk of convolutions, and a neck that makes one vector of maps.

cnn      convolutions of stride 2 with BatchNorm; the last maps, flat; linear; ReLU
vgg16    Simonyan & Zisserman's to fc7 (4096); linear; ReLU
resnet   `papers.resnet`'s of any depth; the mean over the last maps; linear

BatchNorm's statistics move in the run "classifier". A captioner that trains its encoder
leaves them, since its batches are small, unless `statistics` is "moving".

Axes: batch, height, width (of an image), channels; features (of the vector).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, UInt8

from common.convolution import Conv, he_normal_fan_in, uniform_fan_in
from common.repeat import loop_by_platform
from papers.captioning.config import Encoder as Settings
from papers.captioning.sources.scenes import COLOURS, GROUNDS
from papers.resnet.config import Model as ResNetModel
from papers.resnet.config import blocks
from papers.resnet.data import IMAGENET_MEAN, IMAGENET_STD
from papers.resnet.model import LOOP_FROM, Backbone, ConvNorm

Pixels = UInt8[Array, "batch height width 3"]
Maps = Float[Array, "batch height width channels"]
Features = Float[Array, "batch features"]

CAFFE_MEAN = (123.68, 116.779, 103.939)  # red, green, blue, of 255
VGG16 = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512,
         "pool", 512, 512, 512, "pool")  # fmt: skip
VGG_UNITS = 4096
CROP_LABELS = {"digit": 10, "colour": len(COLOURS), "ground": len(GROUNDS)}


def normalised(image: Pixels, how: str) -> Float[Array, "batch height width 3"]:
    """The trunk's input."""
    x = image.astype(jnp.float32)
    if how == "caffe":
        return x - jnp.array(CAFFE_MEAN)
    if how == "imagenet":
        return (x / 255 - jnp.array(IMAGENET_MEAN)) / jnp.array(IMAGENET_STD)
    return x / 255 - 0.5


class SmallCNN(nn.Module):
    """A stage a width: 3 x 3 convolutions, the first of stride 2, each with BatchNorm
    and ReLU."""

    widths: tuple[int, ...]
    layers: int  # convolutions of a stage
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Maps, train: bool = False) -> Maps:
        layer = partial(ConvNorm, train=train, axis_name=self.axis_name)
        for i, width in enumerate(self.widths):
            for j in range(self.layers):
                x = layer(width, 3, 1 if j else 2, name=f"conv{i}_{j}")(x)
        return x


class VGG16Trunk(nn.Module):
    """The thirteen convolutions and five poolings of VGG-16."""

    @nn.compact
    def __call__(self, x: Maps, train: bool = False) -> Maps:
        del train  # there is no BatchNorm
        number = 0
        for width in VGG16:
            if width == "pool":
                x = nn.max_pool(x, (2, 2), (2, 2))
                continue
            name = f"conv{number}"
            conv = Conv(width, 3, padding=1, kernel_init=he_normal_fan_in, name=name)
            x = nn.relu(conv(x))
            number += 1
        return x


class ResNetTrunk(nn.Module):
    """The last maps of a ResNet."""

    model: ResNetModel
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Maps, train: bool = False) -> Maps:
        net = Backbone(self.model, self.axis_name, name="backbone")
        *_, last = net(x, train).values()
        return last


def resnet_model(config: Settings, scan: str = "never") -> ResNetModel:
    """The section of `papers.resnet` that gives this trunk: torchvision's form."""
    return ResNetModel(
        family=config.family,
        depth=config.depth,
        width=config.stem,
        num_classes=1000,
        shortcut="B",
        stride_on="3x3",
        scan=scan,
    )


def trunk(config: Settings, axis_name: str | None, scan: str = "never") -> nn.Module:
    if config.name == "cnn":
        return SmallCNN(tuple(config.widths), config.layers, axis_name, name="trunk")
    if config.name == "vgg16":
        return VGG16Trunk(name="trunk")
    return ResNetTrunk(resnet_model(config, scan), axis_name, name="trunk")


class Encoder(nn.Module):
    """Images -> the vectors I.

    Parameters "trunk", of VGG-16 "fc6" and "fc7", and "output" [inputs, features].
    """

    config: Settings
    features: int
    scan: str = "never"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, image: Pixels, train: bool = False) -> Features:
        """train: dropout of one half behind VGG-16's fc6 and fc7, and statistics that
        move where `config.statistics` says so."""
        c = self.config
        moving = train and c.statistics == "moving"
        net = trunk(c, self.axis_name, self.scan)
        maps = net(normalised(image, c.pixels), moving)
        if c.name == "resnet":
            x = jnp.mean(maps.astype(jnp.float32), axis=(1, 2))
        else:
            x = maps.reshape(maps.shape[0], -1)
        if c.name == "vgg16":
            for name in ("fc6", "fc7"):
                x = nn.relu(_linear(VGG_UNITS, x, name)(x))
                x = nn.Dropout(0.5)(x, deterministic=not train)
        x = _linear(self.features, x, "output")(x)
        return x if c.name == "resnet" else nn.relu(x)


def _linear(features: int, x: Features, name: str) -> nn.Dense:
    """With PyTorch's initialiser."""
    uniform = uniform_fan_in(x.shape[-1])
    return nn.Dense(features, kernel_init=uniform, bias_init=uniform, name=name)


class Classifier(nn.Module):
    """The trunk, and logits of what a crop shows: its digit, colour and ground."""

    config: Settings
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, image: Pixels, train: bool = False
    ) -> dict[str, Float[Array, "batch classes"]]:
        c = self.config
        maps = trunk(c, self.axis_name)(normalised(image, c.pixels), train)
        pooled = jnp.mean(maps.astype(jnp.float32), axis=(1, 2))
        return {
            name: _linear(classes, pooled, name)(pooled)
            for name, classes in CROP_LABELS.items()
        }


def encode(config: Settings, width: int, variables: Any, image: Pixels) -> Features:
    """I of every image."""

    def run(scan: str, variables, image):
        return Encoder(config, width, scan).apply(variables, image)

    return _by_platform(config, run, variables, image)


def encode_to_train(
    config: Settings,
    width: int,
    variables: Any,
    image: Pixels,
    dropout: Key[Array, ""],
    axis_name: str | None = None,
) -> tuple[Features, Any]:
    """I of every image while the encoder trains, and the new "batch_stats"."""

    def run(scan: str, variables, image):
        net = Encoder(config, width, scan, axis_name)
        rngs = {"dropout": dropout}
        found, moved = net.apply(
            variables, image, train=True, rngs=rngs, mutable=["batch_stats"]
        )
        return found, {**variables["batch_stats"], **moved.get("batch_stats", {})}

    return _by_platform(config, run, variables, image)


def _by_platform(config: Settings, run: Callable, variables: Any, image: Pixels) -> Any:
    """Away from CPUs, the equal blocks of a deep ResNet are one loop, which compiles in
    a moment."""
    deep = config.name == "resnet" and max(blocks(resnet_model(config))) >= LOOP_FROM
    if not deep:
        return run("never", variables, image)

    def chosen(loop: bool, variables, image):
        return run("always" if loop else "never", variables, image)

    return loop_by_platform(chosen, variables, image)
