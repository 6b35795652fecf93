"""Bytes that an instruction moves to and from HBM, without the padding of tiles.

An instruction moves at most its operands and its result, and less where it uses a part:
a slice reads a slice, an update in place writes the update, and a fusion reads of its
operands what the instructions inside of it read.
"""

import functools
import math
import re
from itertools import zip_longest

from launch.ahead.hlo.collectives import is_repeat
from launch.ahead.hlo.text import Op, Program, arrays, hbm_bytes, shape_bytes

# They name what is in memory already or, like `while`, call what does the moving.
_moves_nothing = re.compile(
    "parameter|constant|tuple|get-tuple-element|bitcast|after-all|add-dependency|"
    "(partition|replica)-id|while|conditional|call|opt-barrier|async-start|"
    ".*-(done|update)"
).fullmatch
_custom_call_moves_nothing = re.compile(
    '"(AllocateBuffer|ConcatBitcast|Assume\\w+)"'
).search
_SLICES = ("slice", "dynamic-slice", "gather")
_VIEWS = ("bitcast", "reshape", "convert")  # a slice of one needs one of its operand
_UPDATES = {"dynamic-update-slice": 1, "scatter": -1}  # operand with the new values


class Traffic:
    """Counts the HBM traffic of the instructions of `program`."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._read_inside = functools.cache(self._uncached_read_inside)

    def bytes(self, op: Op) -> float:
        """Traffic of an instruction that is not inside a fusion."""
        if _moves_nothing(op.opcode) or _custom_call_moves_nothing(op.rest):
            return 0.0
        results = zip_longest(
            arrays(op.shape), self._written_at_most(op), fillvalue=math.inf
        )
        written = sum(min(array.bytes, most) for array, most in results if array.in_hbm)
        return written + sum(
            min(self._read_at_most(op, name), hbm_bytes(self._program.ops[name].shape))
            for name in dict.fromkeys(op.operands)
        )

    def _read_at_most(self, op: Op, operand: str) -> float:
        """Bytes that `op` reads of one of its operands."""
        if op.opcode.endswith("-start") and op.opcode != "all-reduce-start":
            return 0.0  # the operand is part of the result, and counted there
        if op.opcode == "fusion":
            inside = self._program.parameters[op.attribute("calls")]
            places = (i for i, name in enumerate(op.operands) if name == operand)
            return sum(self._read_inside(inside[i]) for i in places)
        if operand == op.operands[0] and op.opcode in _SLICES:
            return shape_bytes(op.shape) * self._width_ratio(operand, op)
        if operand == op.operands[0] and op.opcode in _UPDATES:
            return self._update_bytes(op) if op.opcode == "scatter" else 0.0
        return math.inf

    def _uncached_read_inside(self, name: str) -> float:
        """Bytes that the instructions of a fusion read of `name`, one of them."""
        total = 0.0
        for user in self._program.users[name]:
            is_root = self._program.roots[user.computation] is user
            is_parameter = self._program.ops[name].opcode == "parameter"
            handed_on = is_root and is_parameter and user.opcode == "tuple"
            if handed_on or is_repeat(self._program, user):
                continue
            if not is_root and user.opcode in _VIEWS:
                total += self._read_inside(user.name) * self._width_ratio(name, user)
            else:
                total += self._read_at_most(user, name)
        return total

    def _width_ratio(self, operand: str, op: Op) -> float:
        """Bytes of an element of `operand` over those of one of `op`'s result."""
        source = arrays(self._program.ops[operand].shape)[0]
        result = arrays(op.shape)[0]
        widths = [x.bytes / max(math.prod(x.dims), 1) for x in (source, result)]
        return widths[0] / widths[1] if all(widths) else 1.0

    def _written_at_most(self, op: Op) -> list[float]:
        """Bytes that `op` writes of each array of its result."""
        if op.opcode == "slice-start":
            part = arrays(op.shape)[1].bytes  # (the whole source, the part of it, ...)
            return [part, part]
        if op.opcode != "fusion":
            return self._written_by_root(op)
        root = self._program.roots[op.attribute("calls")]
        if "AsyncCollectiveStart" in root.rest:
            return [0.0]  # the operand, handed on; then the result
        return self._written_by_root(root)

    def _written_by_root(self, root: Op) -> list[float]:
        if root.opcode != "tuple":
            return [self._update_bytes(root)]
        parts = [self._program.ops[name] for name in root.operands]
        return [
            0.0 if self._is_handed_on(part) else self._update_bytes(part)
            for part in parts
        ]

    def _is_handed_on(self, part: Op) -> bool:
        """Whether a part of a fusion's result was in memory before."""
        source = self._behind_views(part)
        return part.opcode == "parameter" or is_repeat(self._program, source)

    def _update_bytes(self, op: Op) -> float:
        """Bytes of the new values if `op` updates an array in place; else no limit."""
        op = self._behind_views(op)
        if op.opcode in _UPDATES:
            values = op.operands[_UPDATES[op.opcode]]
            return shape_bytes(self._program.ops[values].shape)
        return math.inf

    def _behind_views(self, op: Op) -> Op:
        while op.opcode in _VIEWS:
            op = self._program.ops[op.operands[0]]
        return op
