"""The networks, many at once: parameters have a leading axis of members, and one
vmapped program runs all of them.

Axes: rows (of a batch), replicas (1 where all members see the same images, else one a
member), members, classes.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, UInt8

from papers.distillation.config import Net

Images = UInt8[Array, "rows replicas height width channels"]


class MLP(nn.Module):
    """Rectified hidden layers between pixels in [0, 1] and logits."""

    config: Net
    classes: int

    @nn.compact
    def __call__(
        self, images: UInt8[Array, "rows height width channels"], train: bool = False
    ) -> Float[Array, "rows classes"]:
        c = self.config
        x = images.reshape(len(images), -1).astype(c.dtype) / 255
        x = nn.Dropout(c.dropout_input, deterministic=not train)(x)
        for width in c.hidden:
            x = nn.Dense(width, dtype=c.dtype, kernel_init=nn.initializers.he_normal())(
                x
            )
            x = nn.Dropout(c.dropout, deterministic=not train)(nn.relu(x))
        return nn.Dense(self.classes, dtype=c.dtype)(x).astype(jnp.float32)


def start(
    config: Net, shape: tuple[int, ...], classes: int, keys: Key[Array, "members"]
) -> Any:
    """Parameters of one member a key."""
    blank = jnp.zeros((1, *shape), jnp.uint8)
    return jax.vmap(lambda key: MLP(config, classes).init(key, blank)["params"])(keys)


def apply(
    config: Net,
    classes: int,
    params: Any,
    images: Images,
    keys: Key[Array, "members"] | None = None,
) -> Float[Array, "rows members classes"]:
    """Logits of all members; with `keys`, for dropout, as in training."""
    model, shared = MLP(config, classes), images.shape[1] == 1

    def member(params, images, key):
        rngs = None if key is None else {"dropout": key}
        return model.apply({"params": params}, images, key is not None, rngs=rngs)

    axes = (0, None if shared else 1, None if keys is None else 0)
    images = images[:, 0] if shared else images
    return jax.vmap(member, axes, out_axes=1)(params, images, keys)


def limit_norms(params: Any, limit: float) -> Any:
    """Scales the incoming weights of every hidden unit down to a norm of `limit`, where
    they are longer (Srivastava et al. 2014, section 5.1). The output layer is free."""
    output = f"Dense_{len(params) - 1}"

    def limited(kernel: Float[Array, "members inputs units"]):
        norms = jnp.linalg.norm(kernel, axis=-2, keepdims=True)
        return kernel * jnp.minimum(1.0, limit / jnp.maximum(norms, 1e-12))

    return {
        name: layer if name == output else {**layer, "kernel": limited(layer["kernel"])}
        for name, layer in params.items()
    }
