"""Upscaling photographs of any size, by a network for Y or for RGB."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, UInt8

from common import colour
from common.host import to_host
from common.optim import ema_params
from common.pixels import (
    Picture,
    as_picture,
    mirrored_to_multiple,
    parted,
    to_uint8,
    with_channels,
)
from common.resize import enlarge
from papers.espcn.config import Config, Model
from papers.espcn.data import Planes
from papers.espcn.train import forward

Upscale = Callable[[Planes], Planes]  # [h, w, channels] -> [r h, r w, channels]
Rgb = Float[np.ndarray, "height width 3"]


def upscale(config: Config, state: Any, picture: Any) -> Picture:
    """A picture at `model.scale` times its size, by a trained network.

    picture: uint8 [height, width] or [height, width, channels], grey or RGB, an alpha
      behind them. The result has 3 channels, or 4 with an alpha. UserError: any other
      array.
    """
    low = as_picture(picture)
    return upscaled_picture(config.model, upscaler(config, state), low)


def upscaler(config: Config, state: Any) -> Upscale:
    """The trained network, as a function of one image.

    An image is padded to multiples of `predict.bucket`, so that sizes share a compiled
    program. Its own pixels stay the same.
    """
    params = inference_params(state)
    run = jax.jit(partial(forward, config))
    r = config.model.scale
    bucket = config.predict.bucket

    def upscale(low: Planes) -> Planes:
        height, width = low.shape[:2]
        low = mirrored_to_multiple(low.astype(np.float32), bucket)
        high = run(params, low[None], np.array([[height, width]], np.int32))
        return np.asarray(high[0])[: r * height, : r * width]

    return upscale


def inference_params(state: Any) -> Any:
    """The running average of the parameters, or the parameters where none is kept.

    They are on the host, in every process of a job: they are few, and the caller's
    computation decides on the devices.
    """
    return to_host(ema_params(state.opt_state, state.params))


def bicubic_upscaler(model: Model) -> Upscale:
    """The baseline: bicubic interpolation."""
    return partial(enlarge, factor=model.scale)


def upscaled_rgb(
    model: Model, upscale: Upscale, low: Rgb
) -> UInt8[np.ndarray, "height_r width_r 3"]:
    """A colour image in [0, 1] -> the upscaled image in whole grey levels.

    Where the network is one for Y, bicubic interpolation enlarges Cb and Cr (section 3
    of the paper).
    """
    if model.channels == 3:
        high = upscale(low)
    else:
        planes = colour.ycbcr(low)
        y = upscale(planes[..., :1])
        chroma = enlarge(planes[..., 1:], model.scale)
        high = colour.rgb(np.concatenate([y, chroma], axis=-1))
    return to_uint8(high)


def upscaled_picture(
    model: Model, upscale: Upscale, low: Picture
) -> UInt8[np.ndarray, "height_r width_r rgb_or_rgba"]:
    """A picture file's pixels, grey or colour. An alpha is enlarged as Cb and Cr are,
    and what it hides has no part in the result."""
    colours, alpha = parted(low)
    rgb = with_channels(colours, 3) / np.float32(255)
    high = upscaled_rgb(model, upscale, rgb)
    if alpha is None:
        return high
    enlarged = to_uint8(enlarge(alpha / np.float32(255), model.scale))
    return np.concatenate([high, enlarged], axis=-1)
