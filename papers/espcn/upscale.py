"""Photographs through a network of Y or of RGB, at any size."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, UInt8

from common import colour
from common.optim import ema_params
from common.pixels import mirrored_to_multiple, to_uint8
from common.resize import enlarge
from papers.espcn.config import Config, Model
from papers.espcn.data import Planes
from papers.espcn.train import forward

Upscale = Callable[[Planes], Planes]  # [h, w, channels] -> [r h, r w, channels]
Rgb = Float[np.ndarray, "height width 3"]


def upscaler(config: Config, state: Any) -> Upscale:
    """The trained network on one image. Images are padded to multiples of
    `predict.bucket`, which changes nothing inside: a program a bucket is compiled."""
    params = inference_params(state)
    run = jax.jit(partial(forward, config))
    r, bucket = config.model.scale, config.predict.bucket

    def upscale(low: Planes) -> Planes:
        height, width = low.shape[:2]
        low = mirrored_to_multiple(low.astype(np.float32), bucket)
        high = run(params, low[None], np.array([[height, width]], np.int32))
        return np.asarray(high[0])[: r * height, : r * width]

    return upscale


def inference_params(state: Any) -> Any:
    """The parameters' average where one is kept, on the host: what they are computed
    with decides where."""
    return jax.device_get(ema_params(state.opt_state, state.params))


def bicubic_upscaler(model: Model) -> Upscale:
    """The baseline."""
    return partial(enlarge, factor=model.scale)


def upscaled_rgb(
    model: Model, upscale: Upscale, low: Rgb
) -> UInt8[np.ndarray, "height_r width_r 3"]:
    """A colour image, in [0, 1] before and whole grey levels after. A network of Y has
    Cb and Cr enlarged by bicubic interpolation beside it (section 3 of the paper)."""
    if model.channels == 3:
        high = upscale(low)
    else:
        planes = colour.ycbcr(low)
        y, chroma = planes[..., :1], planes[..., 1:]
        parts = [upscale(y), enlarge(chroma, model.scale)]
        high = colour.rgb(np.concatenate(parts, axis=-1))
    return to_uint8(high)
