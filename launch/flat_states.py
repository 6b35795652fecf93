"""A state as {path: array}: how files and exported programs name its arrays."""

import functools
from typing import Any

import jax


def flat_state(state: Any) -> dict[str, Any]:
    """{path: leaf} of a state."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    name = functools.partial(jax.tree_util.keystr, simple=True, separator=".")
    return {name(path): leaf for path, leaf in leaves}


def unflat(flat: dict[str, Any], like: Any) -> Any:
    """The inverse of `flat_state`, for a state of the structure of `like`."""
    leaves = [flat[name] for name in flat_state(like)]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)
