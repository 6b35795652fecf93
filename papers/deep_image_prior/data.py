"""Pictures, what is done to them, and the rows of a batch.

A row is one picture with a net of its own. Rows go through the pictures first, then
through the targets of each, then begin again with other random weights: restarts.
"""

import dataclasses
import functools
import io
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt8
from PIL import Image, ImageDraw, ImageFont

from common.contract import UserError
from common.data.image_files import decode, picture_paths
from common.data.photos import photo_path
from common.data.pipeline import pipeline
from common.resize import bicubic, enlarge
from papers.deep_image_prior.config import Config, Data, Task

Picture = Float[np.ndarray, "height width channels"]
Problem = dict[str, Float[np.ndarray, "height width channels"]]
MARGIN = 32  # pixels a side: less than this is cropped and not scaled, as released


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`: which rows this process has, the same at every step. The
    pictures are in the state."""
    _names(config.data)  # the pictures are there
    each = config.data.batch_size // process_count
    rows = np.arange(process_index * each, (process_index + 1) * each, dtype=np.int32)
    if split == "train":
        return pipeline(_Constant(rows))
    return iter([{"row": rows, "mask": np.ones(each, np.float32)}])


@dataclasses.dataclass(frozen=True)
class _Constant:
    rows: Int[np.ndarray, "rows"]

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {"row": self.rows}


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch."""
    rows = (config.data.batch_size,)
    spec = {"row": jax.ShapeDtypeStruct(rows, jnp.int32)}
    if split != "train":
        spec["mask"] = jax.ShapeDtypeStruct(rows, jnp.float32)
    return spec


def restart(data: Data) -> Int[np.ndarray, "rows"]:
    """How many rows before each one have the same picture and target."""
    return np.arange(data.batch_size) // _items(data)


def _items(data: Data) -> int:
    """Different rows: pictures times targets."""
    pictures = 1 if _nowhere(data) else len(_names(data))
    return pictures * len(data.targets)


def _nowhere(data: Data) -> bool:
    return data.source == "files" and not data.root


def row_name(config: Config, row: int) -> str:
    """What a row is: its picture, its target if there are several, its restart."""
    names, targets = _names(config.data), config.data.targets
    name = Path(names[row // len(targets) % len(names)]).stem
    if len(targets) > 1:
        name = targets[row % len(targets)].replace("_", " + ")
    again = row // (len(names) * len(targets))
    return f"{name} {again + 1}" if again else name


def problems(config: Config) -> dict[str, Float[Array, "rows height width channels"]]:
    """What each row is restored from: "truth" and "observed" and, where the task has
    them, "mask" and "guide". Blank where no root is given to read from: a state is then
    good for its shapes, and `batches` says what is missing."""
    d = config.data
    if _nowhere(d):
        d = dataclasses.replace(d, source="generated", pictures=("blank",), guide="")
        task = dataclasses.replace(config.task, mask="text")
        config = dataclasses.replace(config, data=d, task=task)
    made = [problem(config, row) for row in range(d.batch_size)]
    return {
        name: jnp.asarray(np.stack([one[name] for one in made]), jnp.float32)
        for name in made[0]
    }


def problem(config: Config, row: int) -> Problem:
    """One row's part of `problems`."""
    d, task = config.data, config.task
    names = _names(d)
    name = names[row // len(d.targets) % len(names)]
    rng = np.random.default_rng([config.seed, row % (len(names) * len(d.targets))])
    small = task.factor if task.name == "sr" and not task.degrade else 1
    size = d.size[0] // small, d.size[1] // small
    picture = _read(d, name, size, config.model.channels)
    picture = _target(d.targets[row % len(d.targets)], picture, rng)
    if not task.degrade:
        truth = enlarge(picture, small) if small > 1 else picture
        made = {"truth": np.clip(truth, 0, 1), "observed": picture}
    else:
        made = {"truth": picture, "observed": degraded(task, picture, rng)}
    if len(d.targets) > 1:
        made["observed"] = picture  # impedance: fitted as it is
    if task.name in ("inpaint", "restore"):
        made["mask"] = _mask(config, name, rng)
        made["observed"] = made["observed"] * made["mask"]
    if config.model.input == "image":
        made["guide"] = _guide(config, name, made["truth"], small)
    return made


def _names(data: Data) -> list[str]:
    """The pictures of a run, by name or path."""
    if data.source != "files":
        return [*data.pictures] or ["astronaut"]
    root = Path(data.root).expanduser()
    if not data.root or not root.exists():
        raise UserError(f"config.data.root={data.root!r}: no such picture or folder")
    if root.is_file():
        return [str(root)]
    paths = {path.name: str(path) for path in picture_paths(root)}
    if missing := [name for name in data.pictures if name not in paths]:
        raise UserError(f"config.data.pictures: {missing[0]!r} is not in {data.root!r}")
    names = [paths[n] for n in data.pictures] or [*paths.values()]
    if not names:
        raise UserError(f"config.data.root={data.root!r} has no pictures")
    return names


def _read(data: Data, name: str, size: tuple[int, int], channels: int) -> Picture:
    if data.source == "generated":
        return _generated(name, size, channels)
    return read(_path(data, name), size, channels, data.box)


def _path(data: Data, name: str) -> Path:
    return photo_path(name) if data.source == "embedded" else Path(name)


def read(
    path: Path, size: tuple[int, int], channels: int, box: tuple[int, ...] = ()
) -> Picture:
    """A file's picture in [0, 1], scaled down until it just covers `size` (rows,
    columns), or as it is where it is larger by less than MARGIN a side, and its middle.
    UserError: it cannot be read, is smaller or does not hold `box`."""
    array = _decoded(path, channels)
    rows, columns = array.shape[:2]
    if box:
        top, left, height, width = box
        array = array[top : top + height, left : left + width]
        if array.shape[:2] != (height, width):
            raise UserError(
                f"config.data.box={box} is not inside {str(path)!r}, which is "
                f"{rows} x {columns}"
            )
        rows, columns = height, width
    scale = max(size[0] / rows, size[1] / columns)
    if scale > 1:
        raise UserError(
            f"{str(path)!r} is {rows} x {columns}, smaller than config.data.size: "
            f"{size[0]} x {size[1]}"
        )
    if max(rows - size[0], columns - size[1]) < MARGIN:
        scale = 1.0
    wide = max(round(columns * scale), size[1]), max(round(rows * scale), size[0])
    image = Image.fromarray(array[..., 0] if channels == 1 else array)
    image = np.asarray(image.resize(wide, Image.Resampling.LANCZOS))
    top, left = (image.shape[0] - size[0]) // 2, (image.shape[1] - size[1]) // 2
    image = image[top : top + size[0], left : left + size[1]]
    return image.reshape(*size, channels).astype(np.float32) / 255


def _decoded(path: Path, channels: int) -> UInt8[np.ndarray, "height width channels"]:
    """UserError: not a picture."""
    array = decode(path, channels)
    if array is None:
        raise UserError(f"{str(path)!r} cannot be read as a picture")
    return array


def _generated(name: str, size: tuple[int, int], channels: int) -> Picture:
    """Soft colours and a disc, others for each name."""
    rng = np.random.default_rng([*name.encode()])
    picture = np.clip(bicubic(rng.random((3, 3, channels)), size), 0, 1)
    rows, columns = np.indices(size)
    distance = np.hypot(rows / size[0] - 0.4, columns / size[1] - 0.6)
    return np.where(distance[..., None] < 0.25, rng.random(channels), picture).astype(
        np.float32
    )


def _target(target: str, picture: Picture, rng: np.random.Generator) -> Picture:
    """What the net is to make, of figure 2: the picture, the picture and noise, its
    pixels in random order, or noise alone."""
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
    """What is left of the picture, before a mask."""
    height, width, channels = picture.shape
    match task.name:
        case "denoise" | "flash":
            noise = rng.normal(0, task.sigma / 255, picture.shape)
            return np.clip(picture + noise, 0, 1)
        case "sr":
            # As the released code, by Pillow's Lanczos of three lobes: near to the
            # energy's operator, and not the same.
            size = width // task.factor, height // task.factor
            small = _image(picture).resize(size, Image.Resampling.LANCZOS)
            return _array(small, channels)
        case "jpeg":
            file = io.BytesIO()
            _image(picture).save(file, "jpeg", quality=task.quality)
            return _array(Image.open(file), channels)
    return picture


def _image(picture: Picture) -> Image.Image:
    array = np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)
    return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)


def _array(image: Image.Image, channels: int) -> Picture:
    array = np.asarray(image).reshape(*image.size[::-1], channels)
    return array.astype(np.float32) / 255


def _mask(config: Config, name: str, rng: np.random.Generator) -> Picture:
    """1 where the picture is known."""
    task, size = config.task, tuple(config.data.size)
    if task.name == "restore":
        return (rng.random((*size, 1)) < task.keep).astype(np.float32)
    if task.mask == "text":
        return text_mask(size)
    return known(_beside(config.data, task.mask, name, size, 1), task.mask)


def known(grey: Picture, name: str) -> Picture:
    """The mask `name` from a picture: 1 where it is lighter than half of its lightest
    pixel, so that 0/1 and 0/255 are one. UserError: it is black."""
    if not grey.any():
        raise UserError(
            f"the mask {name!r} is black: make it white where the picture is known"
        )
    return (grey > grey.max() / 2).astype(np.float32)


def _beside(
    data: Data, file: str, name: str, size: tuple[int, int], channels: int
) -> Picture:
    """A mask or guide, cut and scaled as the picture `name` that it belongs to.
    UserError: its file is of another size."""
    path, box, shape = Path(file).expanduser(), data.box, size
    if data.source == "generated":
        box = ()
    else:
        shape = _decoded(_path(data, name), channels).shape
    same_size(file, _decoded(path, channels).shape, name, shape)
    return read(path, size, channels, box)


def same_size(
    file: str, shape: tuple[int, ...], name: str, picture_shape: tuple[int, ...]
) -> None:
    """UserError unless a mask or guide is as high and wide as its picture."""
    if shape[:2] != picture_shape[:2]:
        one, other = (f"{s[1]}x{s[0]}" for s in (shape, picture_shape))
        raise UserError(
            f"{file!r} is {one} pixels, the picture {name!r} {other}: make them equal"
        )


@functools.cache
def text_mask(size: tuple[int, int]) -> Picture:
    """Lines of text over the whole picture, hidden where the letters are."""
    height, width = size
    line = max(height // 8, 9)
    font = ImageFont.load_default(0.8 * line)
    mask = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(mask)
    words = "a network that has seen no picture knows what pictures look like " * 8
    for i, top in enumerate(range(0, height, line)):
        draw.text((-2 * i, top - line // 8), words[13 * i :], font=font, fill=0)
    return known(_array(mask, 1), "text")


def _guide(config: Config, name: str, truth: Picture, small: int) -> Picture:
    """The flash picture: a file, of the given picture's size and enlarged with it, or a
    stand-in, brighter, paler and without noise."""
    if config.data.guide:
        size = truth.shape[0] // small, truth.shape[1] // small
        channels = config.model.channels
        guide = _beside(config.data, config.data.guide, name, size, channels)
        return enlarge(guide, small)
    bright = np.sqrt(truth)
    return 0.3 * bright + 0.7 * np.mean(bright, -1, keepdims=True)
