"""Collectives: what a chip sends to the others."""

import dataclasses
import math
import re

from launch.ahead.hlo.text import Op, Program, shape_bytes

_is_collective = re.compile(
    "all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute"
).fullmatch


@dataclasses.dataclass(frozen=True)
class Collective:
    """Collectives of one kind. `bytes` is the full payload of a chip: the gathered or
    the unreduced array. `wire_bytes` is what a chip sends of it around a ring.

    On 64 TPU chips and more XLA may write an all-reduce for an all-gather: where parts
    are small, each chip adds its own to zeros. It is counted as what it is, and sends
    three times as much: float32 to the sum, and its bfloat16 back.
    """

    count: float = 0.0
    bytes: float = 0.0
    wire_bytes: float = 0.0


def collective(program: Program, op: Op) -> dict[tuple[str, str], float]:
    """{(kind, field of Collective): its value}; empty for other instructions."""
    kind = op.opcode.removesuffix("-start")
    if not _is_collective(kind) or is_repeat(program, op):
        return {}
    group = _group_size(op.rest, program.chips)
    size = sum(shape_bytes(program.ops[name].shape) for name in op.operands)
    size *= group if kind == "all-gather" else 1
    if op.computation.startswith("all-reduce-scatter"):
        kind = "reduce-scatter"  # TPU's: an all-reduce and a slice
    sent = size  # to be reduced, or gathered
    if kind == "all-reduce":  # reduced, then gathered, perhaps in another type
        sent += shape_bytes(op.shape)
    wire = size if kind == "collective-permute" else sent * (group - 1) / group
    return {(kind, "count"): 1, (kind, "bytes"): size, (kind, "wire_bytes"): wire}


def is_repeat(program: Program, op: Op) -> bool:
    """Whether `op` is a collective that was counted before. TPU writes an asynchronous
    one several times: a fusion starts it, the fusions that run meanwhile carry it, one
    awaits it. The one that starts it counts."""
    if "AsyncCollectiveDone" in op.rest:
        return op.opcode == "custom-call"
    if "chain_id=" not in op.rest or not _is_collective(op.opcode):
        return False
    return not any("AsyncCollectiveStart" in y.rest for y in program.users[op.name])


def _group_size(rest: str, chips: int) -> int:
    """Chips that take part in a collective together."""
    if mesh := re.search(r"replica_groups=mesh\[([^\]]*)\][^{]*\{([^}]*)\}", rest):
        sizes = dict(re.findall(r"'([^']+)'=(\d+)", mesh[1]))
        axes = re.findall(r"'([^']+)'(?::\(\d+\)(\d+))?", mesh[2])
        return math.prod(int(part or sizes[axis]) for axis, part in axes)
    if iota := re.search(r"replica_groups=\[(?:\d+,)*(\d+)\]<=", rest):
        return int(iota[1])
    listed = re.search(r"replica_groups=\{\{([\d,]+)\}", rest)
    return listed[1].count(",") + 1 if listed else chips
