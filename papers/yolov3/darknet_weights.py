"""Darknet's .weights files.

A header, then float32 numbers without any names: for each convolution, in the cfg's
order, its biases (of BatchNorm beta, gamma, the running mean and variance) and its
kernel [filters, inputs, rows, columns]. All is little-endian. A file `name.conv.N` has
the layers before N alone.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from common.contract import UserError
from common.files import storage
from papers.yolov3.cfg import Cfg
from papers.yolov3.layers import Convolutional

Arrays = dict[str, Any]  # {"conv": {"kernel", ...}, "norm": {...}} of a convolution
VERSION = (0, 2, 0)  # what darknet writes since 2016
PARTIAL = re.compile(r"\.conv\.(\d+)$")


class Header(NamedTuple):
    """version: major, minor, revision. seen: images that training has read."""

    version: tuple[int, int, int]
    seen: int
    bytes: int = 20


class Slot(NamedTuple):
    """Where a convolution's numbers are."""

    index: int  # of its layer
    layer: Convolutional
    inputs: int
    start: int
    stop: int


def slots(cfg: Cfg, until: int | None = None) -> list[Slot]:
    """The convolutions of a file, or those of the layers before `until`, and the places
    of their numbers after the header."""
    channels = [cfg.net.channels, *(shape.channels for shape in cfg.shapes())]
    found: list[Slot] = []
    start = 0
    for i, layer in enumerate(cfg.layers[:until]):
        if isinstance(layer, Convolutional):
            inputs = channels[i] // layer.groups
            vectors = 4 if layer.batch_normalize else 1
            count = layer.filters * (vectors + inputs * layer.size**2)
            found.append(Slot(i, layer, inputs, start, start + count))
            start += count
    return found


def partial_of(path: str | Path) -> int | None:
    """N of a file called name.conv.N; None: the file has all layers."""
    found = PARTIAL.search(Path(path).name)
    return int(found[1]) if found else None


def is_darknet(path: str | Path) -> bool:
    """Whether the name is that of a file of darknet's."""
    return Path(path).suffix == ".weights" or partial_of(path) is not None


def numbers(path: str | Path) -> tuple[Header, Float[np.ndarray, "count"]]:
    """The header and all float32 numbers. UserError: there is no such file, or it is
    too short for a header."""
    file = storage.path(path)
    if not file.is_file():
        raise UserError(f"{path}: there is no such .weights file")
    local = storage.local(file)
    with local.open("rb") as opened:
        header = _header(path, opened.read(20))
    size = local.stat().st_size - header.bytes
    if size % 4:
        raise UserError(
            f"{path}: {size:,} bytes follow the header, which are no float32 numbers: "
            "it is truncated, or no .weights file"
        )
    return header, np.fromfile(local, "<f4", offset=header.bytes)


def _header(path: str | Path, data: bytes) -> Header:
    """`seen` has 8 bytes from version 0.2 on, and 4 before."""
    if len(data) < 16:
        raise UserError(f"{path}: {len(data)} bytes are too few for a .weights file")
    major, minor, revision, short = struct.unpack_from("<3iI", data)
    long = major * 10 + minor >= 2 and major < 1000 and minor < 1000
    if not long:
        return Header((major, minor, revision), short, 16)
    if len(data) < 20:
        raise UserError(f"{path}: it ends in its header")
    return Header((major, minor, revision), struct.unpack_from("<Q", data, 12)[0], 20)


def arrays(path: str | Path, cfg: Cfg, until: int | None = None) -> dict[str, Arrays]:
    """{"layer_0": arrays of its convolution, ...} of a file of exactly this network, or
    of its layers before `until`. UserError, which names the first convolution that does
    not fit: the file is shorter or longer, or a number is not finite."""
    _, found = numbers(path)
    places = slots(cfg, until)
    _refuse_length(path, cfg, places, found.size)
    return dict(_read(path, places, found))


def _refuse_length(
    path: str | Path, cfg: Cfg, places: Sequence[Slot], count: int
) -> None:
    expected = places[-1].stop if places else 0
    if count == expected:
        return
    sizes = f"{path} has {count:,} numbers, the network {expected:,}"
    if count > expected:
        last = places[-1].index if places else 0
        raise UserError(
            f"{sizes}: {count - expected:,} are left after its last convolution, layer "
            f"{last}; are they of another cfg, or of another number of classes?"
        )
    short = next(place for place in places if place.stop > count)
    hint = "is it truncated, or of another cfg?"
    if short.start == count:
        hint = f"a file of the layers before it is called name.conv.{short.index}"
    raise UserError(
        f"{sizes}: the first convolution that does not fit is layer {short.index}, "
        f"{short.inputs} to {short.layer.filters} channels; {hint}"
    )


def _read(
    path: str | Path, places: Sequence[Slot], found: Float[np.ndarray, "count"]
) -> Iterator[tuple[str, Arrays]]:
    for place in places:
        own = found[place.start : place.stop]
        if not np.isfinite(own).all():
            raise UserError(
                f"{path}: layer {place.index} has numbers that are not finite"
            )
        layer = _split(place, own)
        if "norm" in layer and (layer["norm"]["var"] < 0).any():
            raise UserError(
                f"{path}: layer {place.index} has variances below 0: the file is of "
                "another cfg"
            )
        yield f"layer_{place.index}", layer


def _split(place: Slot, own: Float[np.ndarray, "count"]) -> Arrays:
    layer = place.layer
    n = layer.filters
    bias, rest = own[:n], own[n:]
    if not layer.batch_normalize:
        return {"conv": {"kernel": _kernel(place, rest), "bias": bias}}
    scale, mean, var = rest[: 3 * n].reshape(3, n)
    norm = {"scale": scale, "bias": bias, "mean": mean, "var": var}
    return {"conv": {"kernel": _kernel(place, rest[3 * n :])}, "norm": norm}


def _kernel(place: Slot, own: Float[np.ndarray, "count"]):
    """[filters, inputs, rows, columns] -> [rows, columns, inputs, filters]."""
    n, size = place.layer.filters, place.layer.size
    return own.reshape(n, place.inputs, size, size).transpose(2, 3, 1, 0)


def write(
    path: str | Path,
    cfg: Cfg,
    layers: dict[str, Arrays],
    *,
    until: int | None = None,
    header: Header | None = None,
) -> None:
    """The inverse of `arrays`. With `until` None, a name.conv.N says it; with `header`
    None, it is that of today's darknet and no image."""
    header = header or Header(VERSION, 0)
    until = partial_of(path) if until is None else until
    file = storage.path(path)
    with storage.replacing(file) as local, local.open("wb") as opened:
        seen = struct.pack("<Q" if header.bytes == 20 else "<I", header.seen)
        opened.write(struct.pack("<3i", *header.version) + seen)
        for place in slots(cfg, until):
            for array in _joined(layers[f"layer_{place.index}"]):
                opened.write(np.asarray(array, "<f4").tobytes())


def _joined(own: Arrays) -> Iterator[np.ndarray]:
    if "norm" in own:
        yield from (own["norm"][name] for name in ("bias", "scale", "mean", "var"))
    else:
        yield own["conv"]["bias"]
    yield np.asarray(own["conv"]["kernel"]).transpose(3, 2, 0, 1)
