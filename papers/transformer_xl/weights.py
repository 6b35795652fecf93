"""The released weights, to and from this package's parameters.

A weights file is TensorFlow's own checkpoint, `model.ckpt-0.index` with its
`.data-00000-of-00001`, or an .npz or .safetensors of arrays by name. The names are
those of one of RELEASES, and say which. TensorFlow is not needed. Of PyTorch's model,
here or at Hugging Face, one is written by

    safetensors.torch.save_model(model, "weights.safetensors")

which stores a tied array once, under one of its names.

Some habits of the originals are flags, not weights. LayerNorm's epsilon in TensorFlow
is `--config.model.norm_epsilon=1e-12`. TensorFlow's WikiText-103 and LM1B, and with
them `transfo-xl-wt103`, have `untied_biases`. `same_length` is a window of mem_len in
PyTorch, of mem_len + 1 in TensorFlow. TensorFlow and Hugging Face start a text with a
memory of zeros and attend to it: `--config.eval.count_zeros=true`. `transfo-xl-wt103`
is the variant wt103_large with untied biases. Its ids of words are those of the
vocabulary that was released with it, not of one that is counted here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from common.contract import UserError
from common.files import weights
from common.variants import pick
from papers.transformer_xl.config import Model
from papers.transformer_xl.releases import (
    BIASES,
    NO_WEIGHTS,
    RELEASES,
    Place,
    Release,
    Shape,
)


def load(path: str, config: Model, like: Mapping[str, Any]) -> dict:
    """The parameters in a weights file. `like`: a tree of the right shapes. UserError
    if the file cannot be read, or does not hold exactly this model's arrays."""
    # TensorFlow's optimiser has two thirds of a checkpoint.
    arrays = weights.read(path, lambda name: not NO_WEIGHTS.search(name))
    return from_release(arrays, config, like)


def save(path: str, config: Model, params: Mapping[str, Any], release: str) -> None:
    """Writes the parameters under the names of one of RELEASES."""
    weights.write(path, to_release(params, config, release))


def from_release(
    arrays: Mapping[str, np.ndarray], config: Model, like: Mapping[str, Any]
) -> dict:
    """Arrays by the names of a release -> float32 parameters, in the structure of
    `like`."""
    arrays = {n: a for n, a in arrays.items() if not NO_WEIGHTS.search(n)}
    arrays = _attention_named(arrays)
    release = release_of(arrays)
    shapes = {ours: leaf.shape for ours, leaf in flatten_dict(like, sep="/").items()}
    layout = _layout(release, config, shapes)
    arrays = _one_name_each(layout, arrays)
    weights.refuse_differences(
        {name: _joined_shape(parts) for name, parts in layout.items()}, arrays
    )
    found = {}
    for name, parts in layout.items():
        found |= _split(np.asarray(arrays[name]), parts)
    flat = {}
    for ours, shape in shapes.items():
        rows = [found[part] for part in _parts_of(ours, shape)]
        flat[ours] = jnp.array(rows, jnp.float32).reshape(shape)
    return unflatten_dict(flat, sep="/")


def to_release(
    params: Mapping[str, Any], config: Model, release: str
) -> dict[str, np.ndarray]:
    """The inverse: parameters -> arrays by the names of one of RELEASES. Every name of
    a tied array has it."""
    chosen = pick("release", release, RELEASES)
    flat = flatten_dict(params, sep="/")
    shapes = {ours: leaf.shape for ours, leaf in flat.items()}
    rows = {}
    for ours, leaf in flat.items():
        parts = _parts_of(ours, leaf.shape)
        rows |= dict(zip(parts, np.asarray(leaf).reshape(len(parts), -1), strict=True))
    arrays = {}
    for name, parts in _layout(chosen, config, shapes).items():
        columns = [rows[part].reshape(shape) for part, (_, shape) in parts.items()]
        place, _ = next(iter(parts.values()))
        array = place.turned(np.concatenate(columns, axis=place.axis))
        arrays |= dict.fromkeys((name, *place.others), array)
    return arrays | chosen.constants(config)


def release_of(names: Iterable[str]) -> Release:
    """The release that has a name of these. UserError if none has."""
    names = [*names]
    for release in RELEASES.values():
        if any(release.begins.match(name) for name in names):
            return release
    raise UserError(
        "the file has no weights of Transformer-XL: its names begin with transformer/ "
        "(TensorFlow), layers. (PyTorch) or transformer.layers. (Hugging Face), and "
        f"here is {names[0] if names else 'no array'}"
    )


# The name of an array there -> our parts in it: where each is, and its shape there.
Layout = dict[str, dict[str, tuple[Place, Shape]]]


def _layout(release: Release, config: Model, shapes: Mapping[str, Shape]) -> Layout:
    needs = release.needs.items()
    if any(vars(config)[name] != value for name, value in needs):
        needed = ", ".join(f"{name}={value!r}" for name, value in needs)
        raise UserError(f"{release.title} weights need config.model.{needed}")
    here = {
        part: shape[1:] if ours in BIASES else shape
        for ours, shape in shapes.items()
        for part in _parts_of(ours, shape)
    }
    layout: Layout = {}
    for part, place in release.places(config).items():
        if part in here:
            layout.setdefault(place.name, {})[part] = place, place.shape(here[part])
    return layout


def _parts_of(ours: str, shape: Shape) -> list[str]:
    """The rows of u or v, each a part; any other parameter is one."""
    return [f"{ours}/{i}" for i in range(shape[0])] if ours in BIASES else [ours]


def _attention_named(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """PyTorch's arrays of attention are named `dec_attn`, or all of them `attn`."""
    if any(".dec_attn." in name for name in arrays):
        return dict(arrays)
    return {n.replace(".attn.", ".dec_attn."): a for n, a in arrays.items()}


def _one_name_each(
    layout: Layout, arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The arrays without the further names of any."""
    arrays = dict(arrays)
    for name, parts in layout.items():
        place, _ = next(iter(parts.values()))
        there = [n for n in (name, *place.others) if n in arrays]
        copies = [arrays.pop(n) for n in there]
        for other, copy in zip(there, copies, strict=True):
            if not np.array_equal(copy, copies[0]):
                raise UserError(
                    f"{there[0]} and {other} differ: the network has one array for both"
                )
        if copies:
            arrays[name] = copies[0]
    return arrays


def _joined_shape(parts: Mapping[str, tuple[Place, Shape]]) -> Shape:
    place, shape = next(iter(parts.values()))
    joined = [*shape]
    joined[place.axis] = sum(shape[place.axis] for _, shape in parts.values())
    return place.turned(np.broadcast_to(np.float32(0), joined)).shape


def _split(
    array: np.ndarray, parts: Mapping[str, tuple[Place, Shape]]
) -> dict[str, np.ndarray]:
    place, _ = next(iter(parts.values()))
    ends = np.cumsum([shape[place.axis] for _, shape in parts.values()])
    columns = np.split(place.turned(array), ends[:-1], axis=place.axis)
    return dict(zip(parts, columns, strict=True))
