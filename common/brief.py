"""A state that shows itself by its shapes: in a notebook, an error, a debugger."""

import dataclasses
import re
from collections import Counter
from typing import Any

import jax

MOST = 16  # lines of a field; numbered modules of equal shapes share one


class Brief:
    """The base of a paper's `State`: its repr has paths, shapes and types of arrays,
    the number of parameters and the step, and none of the values.

        State at step 20, 20,480 parameters
          step    int32[]
          params
            layers_*/attention/qkv/kernel    2 x float32[32, 96]
    """

    def __init_subclass__(cls, **more: Any) -> None:
        """A dataclass writes a repr of its own unless the class has one itself."""
        super().__init_subclass__(**more)
        cls.__repr__ = brief


def brief(state: Any) -> str:
    """The text for a flax dataclass with the fields `step` and `params`."""
    count = sum(map(_size, jax.tree.leaves(state.params)))
    title = f"{type(state).__name__} at step {_step(state.step)}, {count:,} parameters"
    lines = [title]
    for field in dataclasses.fields(state):
        lines += _field(field.name, getattr(state, field.name))
    return "\n".join(lines)


def _field(name: str, value: Any) -> list[str]:
    """A line for a field that is one array or None, else one for each path."""
    found = jax.tree_util.tree_leaves_with_path(value)
    if not found:
        return [f"  {name}    {'None' if value is None else 'no arrays'}"]
    if value is found[0][1]:
        return [f"  {name}    {_array(value)}"]
    rows = Counter((_path(path), _array(leaf)) for path, leaf in found)
    lines = [
        f"    {path}    {f'{times} x ' if times > 1 else ''}{array}"
        for (path, array), times in rows.items()
    ]
    left = len(lines) - MOST
    more = [f"    and {left} lines more"] if left > 0 else []
    return [f"  {name}, {len(found)} arrays", *lines[:MOST], *more]


def _path(path: tuple) -> str:
    """As in "layers_*/ff_1/kernel": the first number that tells equal modules apart."""
    text = jax.tree_util.keystr(path, simple=True, separator="/")
    modules = re.sub(r"(?<=_)\d+", "*", text, count=1)
    return re.sub(r"(?<=/)\d+", "*", text, count=1) if modules == text else modules


def _size(leaf: Any) -> int:
    """0 of what is no array: a state of shardings has the same fields."""
    try:
        return int(leaf.size)
    except (AttributeError, TypeError):
        return 0


def _array(leaf: Any) -> str:
    try:
        return f"{leaf.dtype}{[*leaf.shape]}"
    except (AttributeError, TypeError):
        return type(leaf).__name__


def _step(step: Any) -> str:
    """The number, unless it is traced, was donated to a step, or is no array."""
    try:
        return f"{int(step):,}"
    except (TypeError, ValueError, RuntimeError):
        return "?"
