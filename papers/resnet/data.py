"""Images as the network reads them: uint8 batches, augmented on the host."""

import dataclasses
import functools
from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from common.contract import UserError
from common.data import augment, image_sources
from common.data.image_set import ImageSet
from common.data.pipeline import pipeline
from common.data.shuffled import ShuffledBatches
from common.pixels import Picture
from papers.resnet.config import Config, Data

IN_MEMORY = 2**30  # bytes; larger training sets are read image by image
DRAWS = 3  # random numbers for each image: how far down, how far right, mirrored or not

# Mean and deviation of ImageNet's RGB values in [0, 1], as torchvision uses them.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`. "train" is shuffled, augmented and endless, and has
    `get_state` and `set_state`; "valid" and "test" have a mask."""
    share = {"process_index": process_index, "process_count": process_count}
    data = image_set(config, split)
    d = config.data
    if split != "train":
        return in_order(config, data, **share)
    if _kept_in_memory(d, data):
        shape = d.size, d.size, d.channels
        stream = ShuffledBatches(
            image_sources.arrays(d.source, split, d.name, d.root, shape),
            batch_size=d.batch_size,
            seed=config.seed,
            map_fn=partial(_augmented, d),
            draws=DRAWS,
            **share,
        )
        return pipeline(stream)
    return pipeline(
        data,
        batch_size=d.batch_size // process_count,
        seed=config.seed,
        shuffle=True,
        random_map_fn=partial(_augmented_alone, d),
        costly=data.decoded_on_access,
        **share,
    )


def in_order(
    config: Config, data: ImageSet, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of all images of `data`, in their order, as evaluation sees them. The
    mask is 0 where one cannot be read."""
    return pipeline(
        data.with_mask(),
        batch_size=config.eval.batch_size // process_count,
        repeat=False,
        map_fn=partial(_prepared, config),
        process_index=process_index,
        process_count=process_count,
        costly=data.decoded_on_access,
    )


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch."""
    d = config.data
    train = split == "train"
    rows = d.batch_size if train else config.eval.batch_size
    spec = {
        "image": jax.ShapeDtypeStruct((rows, d.size, d.size, d.channels), jnp.uint8),
        "label": jax.ShapeDtypeStruct((rows,), jnp.int32),
    }
    mask = jax.ShapeDtypeStruct((rows,), jnp.float32)
    return spec if train else {**spec, "mask": mask}


def image_set(config: Config, split: str) -> ImageSet:
    """One split, neither resized nor augmented. UserError: the network has too few
    classes."""
    d = config.data
    classes = config.model.num_classes
    data = image_sources.load(d.source, split, d.name, d.root, d.channels)
    if len(data.class_names) > classes:
        raise UserError(
            f"the images have {len(data.class_names)} classes, the network {classes}: "
            f"set --config.model.num_classes={len(data.class_names)}"
        )
    return data


def _prepared(config: Config, item: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {**item, "image": prepare(config, item["image"])}


def prepare(config: Config, image: Picture) -> Picture:
    """A picture of any size as evaluation sees it."""
    size = config.data.size
    short = config.eval.short
    if not short:
        return augment.resize(image, (size, size))
    return augment.centre_crop(augment.resize_short(image, short), size)


def _kept_in_memory(data: Data, train: ImageSet) -> bool:
    """Whether the training images are read once, resized, into one array. A folder of
    pictures is not, because all would be decoded before the first step; nor is a set
    for ImageNet's augmentation, which needs pictures at their full size."""
    if data.source == "files" and train.decoded_on_access:
        return False
    size = len(train) * data.size**2 * data.channels
    return data.augment != "imagenet" and size <= IN_MEMORY


def _augmented(
    data: Data, item: dict[str, np.ndarray], draws: Float[np.ndarray, "*batch draws"]
) -> dict[str, np.ndarray]:
    """The augmentations "shift" and "cifar", of an item or of a batch."""
    image = item["image"]
    if data.augment != "none":
        image = augment.moved(image, draws[..., :2], data.padding)
    if data.augment == "cifar":
        image = augment.mirrored(image, draws[..., 2])
    return {**item, "image": image}


def _augmented_alone(
    data: Data, item: dict[str, np.ndarray], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Any of the augmentations, of one picture of any size."""
    image = item["image"]
    size = data.size
    if data.augment == "imagenet":
        whole = data.resize == "whole"
        image = augment.scale_jitter(image, rng, data.short, size, whole=whole)
        image = augment.pca_colour(augment.mirrored(image, rng.random()), rng)
        return {**item, "image": image}
    image = augment.resize(image, (size, size))
    return _augmented(data, {**item, "image": image}, rng.random(DRAWS))


def normalised(
    config: Config,
    mean: Float[Array, "height width channels"],
    image: UInt8[Array, "batch rows columns channels"],
) -> Float[Array, "batch rows columns channels"]:
    """The network's input: pixels in [0, 1] less the mean image, and with
    `data.subtract` "imagenet" in units of ImageNet's deviation. Images of a multi-scale
    test have other sizes; for them the mean image is resized."""
    if mean.shape[:2] not in ((1, 1), image.shape[1:3]):
        mean = jax.image.resize(mean, image.shape[1:], "bilinear")
    x = image.astype(jnp.float32) / 255.0 - mean
    if config.data.subtract == "imagenet":
        x = x / jnp.array(IMAGENET_STD)
    return x.astype(config.model.dtype)


def mean_image(config: Config) -> Float[Array, "height width channels"]:
    """What `normalised` subtracts, in [0, 1]: the mean, pixel by pixel, of the training
    images, resized without a crop; or one constant a channel. The images are read when
    the program runs, not when it is traced."""
    d = config.data
    if d.subtract == "imagenet":
        return jnp.array(IMAGENET_MEAN).reshape(1, 1, 3)
    shape = jax.ShapeDtypeStruct((d.size, d.size, d.channels), jnp.float32)
    fields = tuple(dataclasses.asdict(d).items())
    read = partial(_mean_image, fields)
    return jax.pure_callback(read, shape, vmap_method="sequential")


@functools.cache
def _mean_image(data: tuple) -> np.ndarray:
    config = Config(data=Data(**dict(data)))
    config.model.num_classes = 1 << 30  # enough for any set
    source = image_set(config, "train")
    chosen = np.random.default_rng(0).permutation(len(source))[: config.data.mean_of]
    total = 0.0
    for index in chosen:
        total = total + prepare(config, source[index]["image"]).astype(np.float64)
    return (total / (255.0 * len(chosen))).astype(np.float32)
