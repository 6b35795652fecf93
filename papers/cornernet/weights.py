"""Reads the published network's state dict into this package's variables, and writes
it.

A weights file, .safetensors or .npz, holds the arrays under the published names, such
as `module.pre.0.conv.weight`. The published file is a pickle, which is never loaded;
where torch is, it becomes one by

    from safetensors.torch import save_file
    state = torch.load("CornerNet_500000.pkl", map_location="cpu")
    save_file({n: x.contiguous() for n, x in state.items()}, "cornernet.safetensors")

Its first convolution reads blue, green, red; ours red, green, blue: it is turned round.
"""

import re
import warnings
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from common import variables as table
from common.files import weights

Variables = dict[str, Any]  # {"params": ..., "batch_stats": ...}

STEM = "stem/conv/kernel"
LEAVES = {
    "conv/kernel": "conv{}.weight",
    "norm/scale": "bn{}.weight",
    "norm/bias": "bn{}.bias",
    "norm/mean": "bn{}.running_mean",
    "norm/var": "bn{}.running_var",
}
# The entries of a sequence of a convolution and a norm.
IN_SEQUENCE = {
    "conv/kernel": "0.weight",
    "norm/scale": "1.weight",
    "norm/bias": "1.bias",
    "norm/mean": "1.running_mean",
    "norm/var": "1.running_var",
}
ROWS = {"up": "up1", "down": "low1", "inner": "low2", "back": "low3"}
CORNERS = {"top_left": "tl", "bottom_right": "br"}
HEADS = {"heat": "heats", "tag": "tags", "offset": "regrs"}
HEAD_LEAVES = {
    "conv/kernel": "0.conv.weight",
    "conv/bias": "0.conv.bias",
    "out/kernel": "1.weight",
    "out/bias": "1.bias",
}


def published_name(path: str) -> str:
    """ "hourglass_0/inner/up_1/layer2/conv/kernel" -> "module.kps.0.low2.up1.1.conv2.\
weight"."""
    first, *place = path.split("/")
    return f"module.{_name(first, place)}"


def _name(first: str, place: list[str]) -> str:
    leaf = "/".join(place[-2:])
    if first == "stem":
        return f"pre.0.{LEAVES[leaf].format('')}"
    if first == "stem_residual":
        return f"pre.1.{_in_residual(place)}"
    kind, _, stack = first.rpartition("_")
    if kind == "hourglass":
        return f"kps.{stack}.{_in_hourglass(place)}"
    if kind == "features":
        return f"cnvs.{stack}.{LEAVES[leaf].format('')}"
    if kind == "inter":
        return f"inters.{stack}.{_in_residual(place)}"
    if kind in ("from_inter", "from_features"):
        sequence = {"from_inter": "inters_", "from_features": "cnvs_"}[kind]
        return f"{sequence}.{stack}.{IN_SEQUENCE[leaf]}"
    corner = next(name for name in CORNERS if kind.startswith(name))
    head = kind.removeprefix(corner).removeprefix("_")
    if head:
        return f"{CORNERS[corner]}_{HEADS[head]}.{stack}.{HEAD_LEAVES[leaf]}"
    return f"{CORNERS[corner]}_cnvs.{stack}.{_in_corner(place[0], leaf)}"


def _in_residual(place: list[str]) -> str:
    layer, *leaf = place
    if layer == "skip":
        return f"skip.{IN_SEQUENCE['/'.join(leaf)]}"
    return LEAVES["/".join(leaf)].format(layer.removeprefix("layer"))


def _in_hourglass(place: list[str]) -> str:
    first, *rest = place
    if first == "inner":
        return f"low2.{_in_hourglass(rest)}"
    row, _, number = first.rpartition("_")
    return f"{ROWS[row]}.{number}.{_in_residual(rest)}"


def _in_corner(layer: str, leaf: str) -> str:
    if branch := re.fullmatch(r"branch(\d)", layer):
        return f"p{branch[1]}_conv1.{LEAVES[leaf].format('')}"
    if layer == "out":
        return f"conv2.{LEAVES[leaf].format('')}"
    numbered = LEAVES[leaf].format(1)
    return f"p_{numbered}" if layer == "pooled" else numbered


def load(path: str, like: Variables) -> Variables:
    """The variables in a weights file.

    like: variables of the right shapes. They give the last layers of the heat maps, if
        the file has those of another number of classes.

    UserError: the file cannot be read, or does not hold exactly this network's arrays.
    """
    return from_published(weights.read(path), like)


def from_published(arrays: Mapping[str, np.ndarray], like: Variables) -> Variables:
    """Arrays by their published names -> float32 variables. The names may come without
    "module."."""
    arrays = {
        f"module.{name.removeprefix('module.')}": array
        for name, array in arrays.items()
        if not name.endswith("num_batches_tracked")
    }
    flat = table.flat(like)
    kept = {path: x for path, x in flat.items() if _other_classes(path, x, arrays)}
    if kept:
        warnings.warn(
            "the weights are for other classes: the last layers of the heat maps are "
            "new",
            stacklevel=2,
        )
        names = {published_name(path) for path in kept}
        arrays = {name: a for name, a in arrays.items() if name not in names}
    wanted = {path: x for path, x in flat.items() if path not in kept}
    shapes = {
        published_name(path): _to_torch(path, np.empty(x.shape, np.uint8)).shape
        for path, x in wanted.items()
    }
    weights.refuse_differences(shapes, arrays)
    found = {
        path: jnp.asarray(_from_torch(path, arrays[published_name(path)]), jnp.float32)
        for path in wanted
    }
    return table.nested(found | kept, like)


def _other_classes(path: str, leaf: Any, arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether this is the last layer of a heat map whose file has another number of
    classes."""
    first, *place = path.split("/")
    if "_heat_" not in first or place[0] != "out":
        return False
    found = arrays.get(published_name(path))
    return found is not None and len(found) != leaf.shape[-1]


def to_published(variables: Variables) -> dict[str, np.ndarray]:
    """The inverse: variables -> arrays by their published names."""
    flat = table.flat(variables)
    return {published_name(p): _to_torch(p, np.asarray(x)) for p, x in flat.items()}


def save(path: str, variables: Variables) -> None:
    """Writes a file that `load` reads, and the published network after `load_file`."""
    weights.write(path, to_published(variables))


def _to_torch(path: str, array: np.ndarray) -> np.ndarray:
    """HWIO -> OIHW, and the colours of the first kernel turned round."""
    if path == STEM:
        array = array[:, :, ::-1]
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array


def _from_torch(path: str, array: np.ndarray) -> np.ndarray:
    if array.ndim == 4:
        array = array.transpose(2, 3, 1, 0)
    return array[:, :, ::-1] if path == STEM else array
