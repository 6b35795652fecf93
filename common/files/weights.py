"""Files of weights, {name: array}: .npz or .safetensors, never a pickle."""

from collections.abc import Callable, Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from common.contract import UserError
from common.files import storage


def read(
    path: str | Path, wanted: Callable[[str], bool] = lambda name: True
) -> dict[str, np.ndarray]:
    """The arrays of a file whose names are `wanted`. UserError: it cannot be read."""
    path = storage.path(path)
    if path.suffix in (".pt", ".pth", ".tar"):
        raise UserError(
            f"{path} is a pickle, which is never loaded: convert it, where torch is, "
            "with safetensors.torch.save_file(state_dict, 'weights.safetensors')"
        )
    if path.suffix not in (".npz", ".safetensors") or not path.is_file():
        raise UserError(f"{path}: no such weights file, .npz or .safetensors")
    local = storage.local(path)
    try:
        if path.suffix == ".npz":
            with np.load(local, allow_pickle=False) as file:
                return {name: file[name] for name in file.files if wanted(name)}
        with safe_open(local, framework="numpy") as file:
            names = filter(wanted, file.keys())
            return {name: file.get_tensor(name) for name in names}
    except Exception as error:  # zip, zlib, numpy and safetensors raise their own
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a readable weights file: {reason}") from error


def write(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """The inverse of `read`; the ending says which kind of file."""
    path = storage.path(path)
    if path.suffix not in (".npz", ".safetensors"):
        raise UserError(f"{path}: a weights file ends in .npz or .safetensors")
    local = storage.local(path)
    contiguous = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
    if path.suffix == ".npz":
        np.savez(local, **contiguous)
    else:
        save_file(contiguous, local)
    storage.put_back(local, path)


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
