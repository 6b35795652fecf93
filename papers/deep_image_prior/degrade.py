"""Degrading a picture, for a net to restore: noise, shrinking, JPEG, masks."""

import functools
import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common.pixels import squeeze_grey, to_uint8
from common.resize import enlarge
from papers.deep_image_prior.config import Config, Task
from papers.deep_image_prior.pictures import Picture, known, read_beside


def target_of(target: str, picture: Picture, rng: np.random.Generator) -> Picture:
    """A target of figure 2: the picture itself, the picture with noise, its pixels in
    random order, or noise alone."""
    match target:
        case "image_noise":
            return np.clip(picture + rng.normal(0, 25 / 255, picture.shape), 0, 1)
        case "shuffled":
            pixels = picture.reshape(-1, picture.shape[-1])
            return rng.permutation(pixels).reshape(picture.shape)
        case "noise":
            return rng.random(picture.shape)
    return picture


def degraded(task: Task, picture: Picture, rng: np.random.Generator) -> Picture:
    """The degraded picture, without a mask."""
    height, width, channels = picture.shape
    match task.name:
        case "denoise" | "flash":
            noise = rng.normal(0, task.sigma / 255, picture.shape)
            return np.clip(picture + noise, 0, 1)
        case "sr":
            # Pillow's Lanczos of three lobes, as in the released code. The energy's
            # operator has two, so that the two are near to each other, and not equal.
            size = width // task.factor, height // task.factor
            small = _image(picture).resize(size, Image.Resampling.LANCZOS)
            return _array(small, channels)
        case "jpeg":
            file = io.BytesIO()
            _image(picture).save(file, "jpeg", quality=task.quality)
            return _array(Image.open(file), channels)
    return picture


def _image(picture: Picture) -> Image.Image:
    return Image.fromarray(squeeze_grey(to_uint8(picture)))


def _array(image: Image.Image, channels: int) -> Picture:
    array = np.asarray(image).reshape(*image.size[::-1], channels)
    return array.astype(np.float32) / 255


def mask_of(config: Config, name: str, rng: np.random.Generator) -> Picture:
    """The mask of inpainting or restoration, 1 where the picture is known."""
    task = config.task
    size = tuple(config.data.size)
    if task.name == "restore":
        return (rng.random((*size, 1)) < task.keep).astype(np.float32)
    if task.mask == "text":
        return text_mask(size)
    return known(read_beside(config.data, task.mask, name, size, 1), task.mask)


@functools.cache
def text_mask(size: tuple[int, int]) -> Picture:
    """The mask of a picture with lines of text all over it: 0 on the letters."""
    height, width = size
    line = max(height // 8, 9)
    font = ImageFont.load_default(0.8 * line)
    mask = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(mask)
    words = "a network that has seen no picture knows what pictures look like " * 8
    for i, top in enumerate(range(0, height, line)):
        draw.text((-2 * i, top - line // 8), words[13 * i :], font=font, fill=0)
    return known(_array(mask, 1), "text")


def guide_of(config: Config, name: str, truth: Picture, small: int) -> Picture:
    """The flash picture: the file `data.guide`, enlarged `small` times, or a stand-in
    made from the truth, which is brighter, paler and without noise."""
    if config.data.guide:
        size = truth.shape[0] // small, truth.shape[1] // small
        channels = config.model.channels
        guide = read_beside(config.data, config.data.guide, name, size, channels)
        return enlarge(guide, small)
    bright = np.sqrt(truth)
    return 0.3 * bright + 0.7 * np.mean(bright, -1, keepdims=True)
