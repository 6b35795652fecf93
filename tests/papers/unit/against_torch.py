"""Our parameters from PyTorch's arrays, and its outputs, for tests of both networks."""

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from tests.papers.unit import torch_outputs

SHAPES, OUTPUTS = torch_outputs.read()


def expected(case: str) -> dict[str, np.ndarray]:
    """PyTorch's arrays by their names."""
    prefix = f"{case}/"
    return {
        n.removeprefix(prefix): x for n, x in OUTPUTS.items() if n.startswith(prefix)
    }


def parameters(tree) -> int:
    return sum(x.size for x in jax.tree.leaves(tree))


def close(found, expected, tolerance=2e-5):
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def renamed(arrays, shapes, name):
    """PyTorch's arrays as a tree: `name` says what each of ours is called there."""
    flat = {}
    for path in flatten_dict(shapes, sep="/"):
        array = arrays[name(path)]
        flat[path] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
    assert len(flat) == len(arrays)
    return unflatten_dict(flat, sep="/")


def dotted(path: str) -> str:
    return path.replace("/kernel", "/weight").replace("/", ".")
