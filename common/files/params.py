"""Trained parameters as a file of their own, by the names that they have in a state."""

from functools import partial
from pathlib import Path
from typing import Any

import jax

from common.files import weights
from common.host import to_host
from common.optim import ema_params

_name = partial(jax.tree_util.keystr, simple=True, separator=".")


def save_params(path: str | Path, state: Any) -> None:
    """Writes what is measured of a state, the running averages of its parameters where
    they are kept. `path` ends in .safetensors or .npz."""
    weights.write(path, named(ema_params(state.opt_state, state.params)))


def named(params: Any) -> dict[str, Any]:
    """{name: array} of a tree of parameters, on the host."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {_name(key): to_host(leaf) for key, leaf in leaves}


def load_params(path: str | Path, like: Any) -> Any:
    """The inverse of `save_params`: parameters of the structure of `like`, a state's
    `params`. UserError: the file has other names or shapes."""
    leaves = jax.tree_util.tree_leaves_with_path(like)
    shapes = {_name(key): leaf.shape for key, leaf in leaves}
    found = weights.read(path)
    weights.refuse_differences(shapes, found)
    arrays = [
        found[name].astype(leaf.dtype)
        for name, (_, leaf) in zip(shapes, leaves, strict=True)
    ]
    return jax.tree.unflatten(jax.tree.structure(like), arrays)
