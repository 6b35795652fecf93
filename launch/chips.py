"""TPU chips and peaks of GPUs as published, and the devices of a slice that is not
attached."""

import dataclasses
import difflib
import math
import os
import re
from collections.abc import Iterable
from typing import Any

from common.contract import UserError


@dataclasses.dataclass(frozen=True)
class Chip:
    """One chip at its published peaks; all a roofline needs.

    `flops` is the bfloat16 peak. It is the one for float32 too: at JAX's default
    precision a TPU multiplies float32 matrices in bfloat16 and adds in float32.
    """

    name: str
    kind: str  # `device_kind` as JAX reports it
    flops: float  # FLOP/s
    hbm_bytes: float
    hbm_bandwidth: float  # bytes/s, reads and writes together
    ici_bandwidth: float  # bytes/s sent over all links of a chip, one direction
    dims: int  # axes of the torus
    pod: int  # chips of the largest slice
    vcpus: int = 0  # of a host with VM_CHIPS chips; 0: not found published


VM_CHIPS = 4  # of each machine that a slice of several is made of

# Cloud TPU documentation, pages "TPU v4", "TPU v5e", "TPU v5p" and "TPU v6e". They give
# the interconnect in both directions (v5e 400, v5p 1200, v6e 800 GB/s a chip); half of
# it is one direction, as the bisection of a pod confirms: the 32 links that cut a 16x16
# torus carry 1.6 TB/s on v5e and 3.2 TB/s on v6e, so a link is 50 and 100 GB/s and a
# chip has four. "TPU v4" gives the bisection alone, 24 TB/s over the 512 links that cut
# 16x16x16: 47 GB/s a link, of six, taken for 50. The GB of memory of v5e and v6e are
# taken for GiB, as those of v4 and v5p are; 95 of v5p's 96 GiB are the user's.
# "TPU v5e" and "TPU v5p" give the vCPUs: of ct5lp-hightpu-4t, and of a v5p host.
_GIB = 2**30
CHIPS = {
    "v4": Chip("v4", "TPU v4", 275e12, 32 * _GIB, 1200e9, 300e9, 3, 4096),
    "v5e": Chip("v5e", "TPU v5 lite", 197e12, 16 * _GIB, 819e9, 200e9, 2, 256, 112),
    "v5p": Chip("v5p", "TPU v5", 459e12, 95 * _GIB, 2765e9, 600e9, 3, 6144, 208),
    "v6e": Chip("v6e", "TPU v6 lite", 918e12, 32 * _GIB, 1638e9, 400e9, 2, 256),
}
_FLAT = ("2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
_CUBES = ("2x2x2", "2x2x4", "2x4x4", "4x4x4", "4x4x8", "4x8x8")
# The slices that Google rents out. In three dimensions also those of whole cubes of
# 4x4x4 chips, which optical switches join, with their sides in order.
_SMALL = {2: ("1x1", "2x2", *_FLAT), 3: ("2x2x1", *_CUBES)}
# The usual slices of 8, 16, 32, 64, 128 and 256 chips.
TOPOLOGIES = {
    name: tuple(f"{name}:{shape}" for shape in (_FLAT if chip.dims == 2 else _CUBES))
    for name, chip in CHIPS.items()
}


# NVIDIA's data sheets "A100 80GB", "H100 Tensor Core GPU" and "H200 Tensor Core GPU":
# dense bfloat16, half of what the latter two give "with sparsity". The first name that
# a GPU's own begins with counts. JAX calls a GPU as CUDA does, "NVIDIA A100-SXM4-80GB",
# a part of one "... MIG 1g.10gb".
GPU_FLOPS = {
    "NVIDIA H200 NVL": 835e12,
    "NVIDIA H200": 989e12,
    "NVIDIA H100 NVL": 835e12,
    "NVIDIA H100 PCIe": 756e12,
    "NVIDIA H100 80GB HBM2e": 756e12,  # the PCIe card, as older drivers call it
    "NVIDIA H100": 989e12,
    "NVIDIA A100": 312e12,
}


def peak_flops(devices: Iterable[Any]) -> float:
    """FLOP/s of the devices together in bfloat16, as published; 0 if one of them is not
    known."""
    each = [_peak(device.device_kind) for device in devices]
    return sum(each) if all(each) else 0.0


def _peak(kind: str) -> float:
    peaks = {chip.kind: chip.flops for chip in CHIPS.values()}
    whole = not re.search(r"\bMIG\b", kind)
    gpus = [x for name, x in GPU_FLOPS.items() if re.match(rf"{name}\b", kind)]
    return peaks.get(kind) or next(iter(gpus if whole else []), 0.0)


def parse_topology(name: str) -> tuple[Chip, tuple[int, ...]]:
    """The chip and the slice of "v5e:16x16", or a UserError that says what is wrong."""
    generation, _, layout = name.partition(":")
    if generation not in CHIPS:
        near = difflib.get_close_matches(generation, CHIPS, n=1, cutoff=0)[0]
        raise UserError(
            f"no TPU generation {generation!r} in topology {name!r}; did you mean "
            f"{TOPOLOGIES[near][1]!r}? There are {', '.join(CHIPS)}"
        )
    chip = CHIPS[generation]
    shape = _shape(layout)
    wrong = _misfit(chip, shape)
    if wrong:
        examples = ", ".join(TOPOLOGIES[generation])
        raise UserError(f"topology {name!r}: {wrong}; such as {examples}")
    return chip, shape


def topology_devices(name: str) -> list[Any]:
    """The devices of a slice, one a chip, to compile for: nothing runs on them.

    Asks libtpu, which needs no TPU. Sets environment variables that tell it so, and so
    is not for a process that then trains on TPUs of its own.
    """
    chip, shape = parse_topology(name)
    os.environ["TPU_SKIP_MDS_QUERY"] = "1"
    # Without a host's name and kind libtpu complains on stderr, whatever the log level.
    os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
    os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-4")
    # Two processes may ask at once; libtpu's lock guards chips, and here are none.
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    options: dict[str, Any] = {}
    if chip.dims == 3:
        options["chip_config_name"] = "megacore"  # else each of v4's two cores is one
    if math.prod(shape) == 1:
        options["chips_per_host_bounds"] = (1, 1, 1)
    from jax.experimental import topologies

    try:
        return list(topologies.get_topology_desc(name, "tpu", **options).devices)
    except (RuntimeError, OSError) as error:
        reason = str(error).partition("\n")[0]
        if "not installed" in reason:
            reason = "libtpu is not installed; `pip install libtpu` (it needs no TPU)"
        raise UserError(f"no devices for topology {name!r}: {reason}") from error


def _shape(layout: str) -> tuple[int, ...]:
    """(4, 4) of "4x4"; () of what is not a shape."""
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", layout):
        return ()
    return tuple(int(side) for side in layout.split("x"))


def _misfit(chip: Chip, shape: tuple[int, ...]) -> str:
    """Why no slice has this shape, or "". libtpu itself takes v4:4x4 and v5e:10x14."""
    if len(shape) != chip.dims:
        return f"a {chip.name} slice has {chip.dims} sides"
    if "x".join(map(str, shape)) in _SMALL[chip.dims]:
        return ""
    if chip.dims == 2:
        return f"{chip.name} slices are {', '.join(_SMALL[2])}"
    if any(side % 4 for side in shape) or [*shape] != sorted(shape):
        return (
            f"{chip.name} slices are {', '.join(_SMALL[3][:4])}, and all whose sides "
            "are multiples of 4, the shortest first"
        )
    if math.prod(shape) > chip.pod:
        return f"a {chip.name} slice has at most {chip.pod} chips"
    return ""
