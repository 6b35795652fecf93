"""The networks, many at once: variables have a leading axis of members, and one vmapped
program runs all of them.

Axes: rows (of a batch), members, classes, replicas (1 where all members see the same
images, otherwise as many as members).
"""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, UInt8

from papers.distillation.config import Net
from papers.resnet.model import ResNet

Pictures = UInt8[Array, "rows height width channels"]
Images = UInt8[Array, "rows replicas height width channels"]


class MLP(nn.Module):
    """Pixels in [0, 1], hidden layers with ReLU, and logits."""

    config: Net
    classes: int

    @nn.compact
    def __call__(
        self, images: Pictures, train: bool = False
    ) -> Float[Array, "rows classes"]:
        c = self.config
        init = nn.initializers.he_normal()
        x = images.reshape(images.shape[0], -1).astype(c.dtype) / 255
        x = nn.Dropout(c.dropout_input, deterministic=not train)(x)
        for width in c.hidden:
            x = nn.relu(nn.Dense(width, dtype=c.dtype, kernel_init=init)(x))
            x = nn.Dropout(c.dropout, deterministic=not train)(x)
        return nn.Dense(self.classes, dtype=c.dtype)(x).astype(jnp.float32)


class Residual(nn.Module):
    """A ResNet that reads images scaled to [-1, 1]."""

    config: Net
    classes: int
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, images: Pictures, train: bool = False
    ) -> Float[Array, "rows classes"]:
        c = dataclasses.replace(
            self.config.resnet, num_classes=self.classes, dtype=self.config.dtype
        )
        x = images.astype(self.config.dtype) / 127.5 - 1
        return ResNet(c, self.axis_name, name="resnet")(x, train).astype(jnp.float32)


def network(config: Net, classes: int, axis_name: str | None = None) -> nn.Module:
    """The network of one member. BatchNorm alone uses `axis_name`."""
    if config.kind == "mlp":
        return MLP(config, classes)
    return Residual(config, classes, axis_name)


def start(
    config: Net, shape: tuple[int, ...], classes: int, keys: Key[Array, "members"]
) -> dict[str, Any]:
    """Random variables of a member for each key: "params", and "batch_stats" where
    there is BatchNorm."""
    model = network(config, classes)
    blank = jnp.zeros((1, *shape), jnp.uint8)
    return jax.vmap(lambda key: model.init(key, blank))(keys)


def apply(
    config: Net, classes: int, variables: dict[str, Any], images: Images
) -> Float[Array, "rows members classes"]:
    """Logits of all members in evaluation mode."""

    def member(variables, images):
        return network(config, classes).apply(variables, images)

    images, axis = _by_member(images)
    return jax.vmap(member, (0, axis), out_axes=1)(variables, images)


def apply_train(
    config: Net,
    classes: int,
    variables: dict[str, Any],
    images: Images,
    keys: Key[Array, "members"],
    axis_name: str | None = None,
) -> tuple[Float[Array, "rows members classes"], Any]:
    """Logits with dropout and batch statistics, and the new "batch_stats"."""

    def member(variables, images, key):
        logits, updated = network(config, classes, axis_name).apply(
            variables, images, True, rngs={"dropout": key}, mutable=["batch_stats"]
        )
        return logits, updated.get("batch_stats", {})

    images, axis = _by_member(images)
    members = jax.vmap(member, (0, axis, 0), out_axes=(1, 0))
    return members(variables, images, keys)


def _by_member(images: Images) -> tuple[Array, int | None]:
    """Images, and their axis of members for `vmap`: None where one copy serves all."""
    return (images[:, 0], None) if images.shape[1] == 1 else (images, 1)


def limit_norms(params: dict[str, Any], limit: float) -> dict[str, Any]:
    """Scales the incoming weights of every hidden unit of an MLP down to a norm of
    `limit`, where they are longer (Srivastava et al. 2014, section 5.1)."""

    def limited(kernel: Float[Array, "members inputs units"]):
        norms = jnp.linalg.norm(kernel, axis=-2, keepdims=True)
        return kernel * jnp.minimum(1.0, limit / jnp.maximum(norms, 1e-12))

    return {
        name: {**layer, "kernel": limited(layer["kernel"])}
        if name != output_layer(params)
        else layer
        for name, layer in params.items()
    }


def output_layer(params: dict[str, Any]) -> str:
    """The name of an MLP's last layer."""
    return f"Dense_{len(params) - 1}"
