"""Files of weights, {name: array}, of this and other programs, never a pickle.

| path | is |
| --- | --- |
| `*.npz`, `*.safetensors` | names and arrays |
| `*.safetensors.index.json` | Hugging Face's: which of several safetensors has a name |
| `model.ckpt`, or its `.index` | TensorFlow's: `common.files.tensorflow_checkpoint` |
| `*_shapes.json` | OpenAI's, named 0, 1 ...: `common.files.numbered_arrays` |
| a folder | the one of `IN_FOLDERS` that it has |
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from common.contract import UserError
from common.files import numbered_arrays, storage, tensorflow_checkpoint

Wanted = Callable[[str], bool]  # whether the array of a name is read

PICKLES = (".pt", ".pth", ".tar", ".bin")
SHARDED = ".safetensors.index.json"
CHECKPOINT = ".ckpt"
IN_FOLDERS = (
    tensorflow_checkpoint.STATE,
    "model.safetensors",
    f"model{SHARDED}",
    f"params{numbered_arrays.SHAPES}",
)


def read(path: str | Path, wanted: Wanted = lambda name: True) -> dict[str, np.ndarray]:
    """The arrays of a path whose names are `wanted`. UserError: it cannot be read."""
    path = located(path)
    try:
        return _read(path, wanted)
    except UserError:
        raise
    except Exception as error:  # zip, zlib, numpy and safetensors raise their own
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a readable weights file: {reason}") from error


def located(path: str | Path) -> Path:
    """The file that a path names: in a folder, the weights that it has, or itself if it
    has none. UserError: it has weights of two kinds."""
    path = storage.path(path)
    if not path.is_dir():
        return path
    found = [name for name in IN_FOLDERS if (path / name).is_file()]
    if len(found) > 1:
        several = " and ".join(found)
        raise UserError(f"{path} has {several}: name the file that is meant")
    return path / found[0] if found else path


def _read(path: Path, wanted: Wanted) -> dict[str, np.ndarray]:
    if path.suffix in PICKLES:
        raise UserError(
            f"{path} is a pickle, which is never loaded: convert it, where torch is, "
            "with safetensors.torch.save_file(state_dict, 'weights.safetensors')"
        )
    if checkpoint := tensorflow_checkpoint.named(path):
        return tensorflow_checkpoint.read(checkpoint, wanted)
    if path.is_file() and path.suffix == ".npz":
        with np.load(storage.local(path), allow_pickle=False) as file:
            return {name: file[name] for name in file.files if wanted(name)}
    if path.is_file() and path.suffix == ".safetensors":
        return _safetensors(path, wanted)
    if path.is_file() and path.name.endswith(SHARDED):
        return _sharded(path, wanted)
    if path.is_file() and path.name.endswith(numbered_arrays.SHAPES):
        arrays = numbered_arrays.read(path)
        return {str(i): array for i, array in enumerate(arrays) if wanted(str(i))}
    raise UserError(
        f"{path}: no such weights file, .npz or .safetensors, nor a checkpoint of "
        "TensorFlow's"
    )


def _safetensors(path: Path, wanted: Wanted) -> dict[str, np.ndarray]:
    with safe_open(storage.local(path), framework="numpy") as file:
        return {name: file.get_tensor(name) for name in filter(wanted, file.keys())}


def _sharded(path: Path, wanted: Wanted) -> dict[str, np.ndarray]:
    """The arrays of several files, where `path` says which has which."""
    places = json.loads(storage.read_bytes(path))["weight_map"]
    files: dict[str, set[str]] = {}
    for name in filter(wanted, places):
        files.setdefault(places[name], set()).add(name)
    arrays = {}
    for file, names in files.items():
        shard = path.parent / file
        if not shard.is_file():
            raise UserError(f"{shard} is missing: {path.name} names it")
        found = _safetensors(shard, names.__contains__)
        missing = sorted(names - found.keys())
        if missing:
            raise UserError(f"{shard}: {path.name} says that it has {missing[0]}")
        arrays |= found
    return arrays


def write(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """The inverse of `read`: the ending, .npz, .safetensors or .ckpt, says which kind.

    A safetensors says that its names are PyTorch's, which Hugging Face asks of a file.
    UserError: another ending, or a kind of array that such a file cannot hold.
    """
    path = storage.path(path)
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    if path.suffix == CHECKPOINT:
        tensorflow_checkpoint.write(path, arrays)
    elif path.suffix == ".npz":
        _refuse_what_npz_lacks(path, arrays)
        with storage.replacing(path) as local, local.open("wb") as file:
            np.savez(file, **arrays)
    elif path.suffix == ".safetensors":
        with storage.replacing(path) as local:
            save_file(arrays, local, {"format": "pt"})
    else:
        raise UserError(
            f"{path}: a weights file ends in .npz, .safetensors or {CHECKPOINT}"
        )


def _refuse_what_npz_lacks(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind not in "biufcSU":  # numpy would pickle it, or lose its kind
            raise UserError(
                f"{path}: {name} of {array.dtype} fits no .npz: write a .safetensors"
            )


def write_settings(file: Path, settings: Mapping[str, Any]) -> None:
    """Writes the JSON file that `settings_beside` reads."""
    with storage.replacing(file) as path:
        path.write_text(json.dumps(settings, indent=2) + "\n")


def settings_beside(path: str | Path, name: str) -> dict[str, Any]:
    """What the JSON file of that name beside a weights file says; {} without one.
    UserError: it is not JSON."""
    path = located(path)
    file = path.parent / name
    if path.is_dir() or not file.is_file():
        return {}
    try:
        return dict(json.loads(storage.read_bytes(file)))
    except (ValueError, TypeError) as error:
        raise UserError(f"{file}: not a JSON object: {error}") from error


def refuse_differences(
    expected: Mapping[str, tuple[int, ...]], found: Mapping[str, np.ndarray]
) -> None:
    """UserError naming the arrays that are missing, surplus or of another shape."""
    shapes = {name: str([*shape]) for name, shape in expected.items()}
    described = {name: _described(array) for name, array in found.items()}
    differ = [
        f"{n} expected {shapes.get(n, 'nothing')}, found {described.get(n, 'nothing')}"
        for n in shapes | described
        if shapes.get(n) != described.get(n)
    ]
    if differ:
        shown = "; ".join(differ[:5])
        raise UserError(f"{len(differ)} weights do not fit config.model: {shown}")


def _described(array: np.ndarray) -> str:
    kind = "" if jnp.issubdtype(array.dtype, jnp.floating) else f" of {array.dtype}"
    return f"{list(array.shape)}{kind}"
