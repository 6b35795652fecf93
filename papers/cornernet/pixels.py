"""Pixels as the network reads them, and the colours that training varies: on the
device, so that a batch is uint8.

Published constants are those of COCO's training images, here in the order red, green,
blue; the published network reads blue first, which `weights.py` turns round.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, UInt8

from papers.cornernet.config import Config

Images = Float[Array, "batch height width 3"]

MEAN = np.array([0.47026115, 0.44719302, 0.40789654], np.float32)
STD = np.array([0.27809835, 0.27408164, 0.28863828], np.float32)
# Principal axes of the colours, as columns, and the variance along each.
EIGENVALUES = np.array([0.2141788, 0.01817699, 0.00341571], np.float32)
EIGENVECTORS = np.array(
    [
        [-0.56089297, 0.71832671, 0.41158938],
        [-0.5832747, 0.00994535, -0.81221408],
        [-0.58752847, -0.69563484, 0.41340352],
    ],
    np.float32,
)
GREY = np.array([0.299, 0.587, 0.114], np.float32)


def normalised(config: Config, images: UInt8[Array, "batch height width 3"]) -> Images:
    """The network's input: mean 0 and deviation 1 over COCO's pixels."""
    x = images.astype(jnp.float32) / 255
    return ((x - MEAN) / STD).astype(config.model.dtype)


def varied(
    config: Config, images: UInt8[Array, "batch height width 3"], key: Key[Array, ""]
) -> Images:
    """The normalised images with their colours varied, each by draws of its own, as
    `data.colour` and `data.lighting` say."""
    x = images.astype(jnp.float32) / 255
    jitter, light = jax.random.split(key)
    if config.data.colour:
        keys = jax.random.split(jitter, len(x))
        x = jax.vmap(jittered, (0, 0, None))(x, keys, config.data.colour)
    if config.data.lighting:
        x = x + lit(light, len(x), config.data.lighting)
    return ((x - MEAN) / STD).astype(config.model.dtype)


def jittered(
    image: Float[Array, "height width 3"], key: Key[Array, ""], most: float
) -> Float[Array, "height width 3"]:
    """Brightness, contrast and saturation times a draw from [1 - most, 1 + most] each,
    in a random order: towards black, the mean grey of the image as it came, and each
    pixel's own grey. Not clipped."""
    order_key, amount_key = jax.random.split(key)
    order = jax.random.permutation(order_key, 3)
    amounts = jax.random.uniform(amount_key, (3,), minval=1 - most, maxval=1 + most)
    grey = image @ GREY
    targets = (jnp.zeros(()), jnp.mean(grey), grey[..., None])
    towards = jnp.stack([jnp.broadcast_to(t, image.shape) for t in targets])
    for i in range(3):
        amount = amounts[order[i]]
        image = amount * image + (1 - amount) * towards[order[i]]
    return image


def lit(key: Key[Array, ""], rows: int, std: float) -> Float[Array, "rows 1 1 3"]:
    """A colour for each image: along each principal axis its eigenvalue times a draw of
    N(0, std)."""
    draws = std * jax.random.normal(key, (rows, 3))
    return ((draws * EIGENVALUES) @ EIGENVECTORS.T)[:, None, None]
