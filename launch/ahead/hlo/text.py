"""The text of a compiled program, taken apart: its instructions and their shapes."""

import functools
import math
import re
from collections import defaultdict
from typing import NamedTuple

_HEAD = re.compile(r"(ENTRY )?%?([\w.-]+) .*->.*\{$")
_OP = re.compile(r"\s+(ROOT )?%?([\w.-]+) = (\(.*?\)|\S+) ([a-z][\w-]*)\((.*)")
_OPERANDS = re.compile(r"[^()]*(?:\([^()]*\)[^()]*)*")
_ARRAY = re.compile(r"([a-z]\w*)\[([\d,<=]*)\](\{[^}]*\})?")


class Op(NamedTuple):
    """One instruction."""

    computation: str  # that it stands in
    name: str  # "computation/instruction", so that no two are the same
    shape: str
    opcode: str
    operands: list[str]  # their names
    rest: str  # of the line, behind "opcode("

    def attribute(self, name: str, value: str = r"%?([\w.-]+)") -> str:
        """The group of the pattern `value` behind "name="; "" if it is not there."""
        found = re.search(rf"\b{name}={value}", self.rest)
        return found[1] if found else ""


class Array(NamedTuple):
    dims: tuple[int, ...]
    bytes: float
    in_hbm: bool


class Program:
    """The instructions of `compiled.as_text()`, by name and by computation.

    A computation is a list of instructions that an instruction calls: the body of a
    loop, the inside of a fusion. Its root is the instruction whose result it returns.
    """

    def __init__(self, text: str) -> None:
        self.entry = ""  # the computation that runs first
        self.ops: dict[str, Op] = {}
        self.computations: dict[str, list[Op]] = defaultdict(list)
        self.roots: dict[str, Op] = {}
        self.users: dict[str, list[Op]] = defaultdict(list)
        # {computation: {number: name}} of its parameters.
        self.parameters: dict[str, dict[int, str]] = defaultdict(dict)
        lines = text.splitlines()
        sizes = re.findall(r"\b(?:num_partitions|replica_count)=(\d+)", lines[0])
        self.chips = math.prod(map(int, sizes))
        computation = ""
        for line in lines:
            if head := _HEAD.match(line):
                computation = head[2]
                self.entry = computation if head[1] else self.entry
            elif found := _OP.match(line):
                self._add(computation, *found.groups())

    def _add(
        self, computation: str, root: str, name: str, shape: str, opcode: str, rest: str
    ) -> None:
        names = [name, *re.findall(r"%([\w.-]+)", _OPERANDS.match(rest)[0])]
        name, *operands = (f"{computation}/{local}" for local in names)
        op = Op(computation, name, shape, opcode, operands, rest)
        self.ops[name] = op
        self.computations[computation].append(op)
        for operand in dict.fromkeys(operands):
            self.users[operand].append(op)
        if root:
            self.roots[computation] = op
        if opcode == "parameter":
            self.parameters[computation][parameter_number(op)] = name


def parameter_number(op: Op) -> int:
    """N of "parameter(N)"."""
    return int(op.rest.split(")")[0])


@functools.lru_cache(None)
def arrays(shape: str) -> tuple[Array, ...]:
    """The arrays of a shape. S(1) and up in a layout is VMEM and other memory."""
    found = []
    for dtype, dims, layout in _ARRAY.findall(shape):
        sides = tuple(int(side.strip("<=")) for side in dims.split(",") if side)
        bits = 8 if dtype == "pred" else int((re.findall(r"\d+", dtype) or [0])[0])
        found.append(Array(sides, math.prod(sides) * bits / 8, "S(" not in layout))
    return tuple(found)


def shape_bytes(shape: str) -> float:
    """Bytes of all arrays of a shape."""
    return sum(array.bytes for array in arrays(shape))


def hbm_bytes(shape: str) -> float:
    """Bytes of those arrays of a shape that live in HBM."""
    return sum(array.bytes for array in arrays(shape) if array.in_hbm)
