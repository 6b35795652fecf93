"""What one execution of a compiled program costs a chip, read from its optimised HLO.

XLA's own `cost_analysis()` counts the body of a loop once; this counts it as often as
it runs. The text of a partitioned program is one chip's, and so are the figures. FLOPs
follow XLA's HloCostAnalysis: two for a multiply and an add of a matrix product or
convolution, one an output element of elementwise arithmetic, integers too, one an input
element of a reduction. exp, tanh and their kind, sorts and custom kernels count none.
"""

import dataclasses
import functools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np


@dataclasses.dataclass(frozen=True)
class Collective:
    """Collectives of one kind. `bytes` is the full payload of a chip: the gathered or
    the unreduced array. `wire_bytes` is what a chip sends of it around a ring."""

    count: float = 0.0
    bytes: float = 0.0
    wire_bytes: float = 0.0


@dataclasses.dataclass(frozen=True)
class Cost:
    """A chip's share of one execution. `bytes` is traffic to and from HBM, without the
    padding of tiles; `unknown_loops` ran an unknown number of times, counted as one."""

    flops: float = 0.0
    bytes: float = 0.0
    collectives: Mapping[str, Collective] = dataclasses.field(default_factory=dict)
    unknown_loops: int = 0


class _Op(NamedTuple):
    home: str  # its computation
    name: str
    shape: str
    opcode: str
    operands: list[str]
    rest: str  # all that follows "opcode("

    def get(self, attribute: str, value: str = r"%?([\w.-]+)") -> str:
        found = re.search(rf"\b{attribute}={value}", self.rest)
        return found[1] if found else ""


class _Array(NamedTuple):
    dims: tuple[int, ...]
    size: float  # bytes
    hbm: bool


_HEAD = re.compile(r"(ENTRY )?%?([\w.-]+) .*->.*\{$")
_OP = re.compile(r"\s+(ROOT )?%?([\w.-]+) = (\(.*?\)|\S+) ([a-z][\w-]*)\((.*)")
_OPERANDS = re.compile(r"[^()]*(?:\([^()]*\)[^()]*)*")
_ARRAY = re.compile(r"([a-z]\w*)\[([\d,<=]*)\](\{[^}]*\})?")
_COLLECTIVE = re.compile(
    "all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute"
).fullmatch
_ELEMENTWISE = re.compile(
    "add|subtract|multiply|divide|remainder|maximum|minimum|abs|negate|sign|clamp|"
    "select|compare|convert|and|or|xor|not|shift-.*|is-finite|floor|ceil|round-.*"
).fullmatch
_COUNTED = re.compile(
    "dot|convolution|reduce|reduce-window|select-and-scatter|scatter"
).fullmatch
# Names for what is in memory already, or, like `while`, whose bodies do the moving.
_STILL = re.compile(
    "parameter|constant|tuple|get-tuple-element|bitcast|after-all|add-dependency|"
    "(partition|replica)-id|while|conditional|call|opt-barrier|async-start|"
    ".*-(done|update)"
).fullmatch
_STILL_CALLS = re.compile(r'"(AllocateBuffer|ConcatBitcast|Assume\w+)"').search
_VIEWS = ("bitcast", "reshape", "convert")  # a slice of one needs one of its operand
_UPDATES = {"dynamic-update-slice": 1, "scatter": -1}  # operand with the new values
_NO_COPY = (*_VIEWS, "copy", "copy-start", "copy-done")


def cost(hlo_text: str) -> Cost:
    """The cost of `compiled.as_text()`, for CPU or TPU. A loop is counted as often as
    it runs; of a conditional, the branch with the fewest FLOPs."""
    program = _Program(hlo_text)
    total = program.computation(program.entry, False)
    found = {key[0] for key in total if isinstance(key, tuple)}
    fields = [field.name for field in dataclasses.fields(Collective)]
    kinds = {k: Collective(*(total[k, field] for field in fields)) for k in found}
    return Cost(total["flops"], total["bytes"], kinds, len(program.unknown))


class _Program:
    def __init__(self, text: str):
        self.entry, self.unknown = "", set()
        self.ops: dict[str, _Op] = {}  # by "computation/name"
        self.roots: dict[str, _Op] = {}
        self.computations, self.users = defaultdict(list), defaultdict(list)
        self.parameters: dict[str, dict[int, str]] = defaultdict(dict)
        self.elements: dict[str, Callable[[int], Any]] = {}  # of a loop's tuple
        self.computation = functools.cache(self._computation)
        self.reads = functools.cache(self._reads)
        lines = text.splitlines()
        sizes = re.findall(r"\b(?:num_partitions|replica_count)=(\d+)", lines[0])
        self.chips = math.prod(map(int, sizes))
        for line in lines:
            self._parse(line)

    def _parse(self, line: str) -> None:
        if head := _HEAD.match(line):
            self.home = head[2]
            self.entry = self.home if head[1] else self.entry
        elif found := _OP.match(line):
            root, name, shape, opcode, rest = found.groups()
            names = [name, *re.findall(r"%([\w.-]+)", _OPERANDS.match(rest)[0])]
            name, *operands = (f"{self.home}/{local}" for local in names)
            x = self.ops[name] = _Op(self.home, name, shape, opcode, operands, rest)
            self.computations[self.home].append(x)
            for operand in dict.fromkeys(operands):
                self.users[operand].append(x)
            if root:
                self.roots[x.home] = x
            if opcode == "parameter":
                self.parameters[x.home][int(rest.split(")")[0])] = name

    def _computation(self, name: str, fused: bool) -> Counter:
        """What is inside a fusion leaves HBM to the fusion."""
        total = Counter()
        for x in self.computations[name]:
            total["flops"] += self._flops(x)
            total["bytes"] += 0.0 if fused else self._bytes(x)
            total.update(self._collective(x))
            for part, times in self._parts(x, fused or x.opcode == "fusion"):
                for key, value in part.items():
                    total[key] += times * value
        return total

    def _parts(self, x: _Op, fused: bool) -> list[tuple[Counter, int]]:
        """The costs of what an instruction calls, and how often it does."""
        if x.opcode == "while":
            names, times = [x.get("body"), x.get("condition")], self._trips(x)
            return [(self.computation(name, fused), times) for name in names]
        if x.opcode == "conditional":
            names = re.findall(r"%([\w.-]+)", x.get("branch_computations", r"{(.*?)}"))
            names = names or [x.get("true_computation"), x.get("false_computation")]
            parts = [self.computation(name, fused) for name in names]
            return [(min(parts, key=lambda part: (part["flops"], part["bytes"])), 1)]
        if x.opcode in ("fusion", "call", "async-start"):
            called = x.get("to_apply") if x.opcode == "call" else x.get("calls")
            return [(self.computation(called, fused), 1)]
        return []

    def _trips(self, x: _Op) -> int:
        """Also tells the body which elements of its tuple stay constants."""
        body, test = self.roots[x.get("body")], self.roots[x.get("condition")]
        start = functools.partial(self._value, x.operands[0])

        def constant(index: int) -> Any:
            same = self._value(body.name, index, lambda i: ("element", i))
            return start(index) if same == ("element", index) else None

        def after(index: int) -> Any:
            return self._value(body.name, index, start)

        known = x.get("backend_config", r'.*?"known_trip_count":\{"n":"(\d+)"')
        pair = [self._value(test.name, None, at) for at in (start, after)]
        self.elements[body.home] = self.elements[test.home] = constant
        trips = int(known) if known else _iterations(*pair)
        self.unknown |= {x.name} if trips is None else set()
        return 1 if trips is None else trips

    def _value(self, at: str, index: int | None = None, elements: Any = None) -> Any:
        """The integer that `at`, or its element `index`, is, or the (direction, left,
        right) of a comparison; None if it depends on data. `elements` tells those of
        the parameters, of a fusion by number, of a loop by place in its tuple."""
        x = self.ops[at]
        elements = elements or self.elements.get(x.home)
        value = functools.partial(self._value, elements=elements)
        if x.opcode == "constant":
            number = re.match(r"-?\d+(?=\))", x.rest)
            return int(number[0]) if number else None
        if x.opcode == "parameter" and elements:
            number = index if x.shape.startswith("(") else int(x.rest.split(")")[0])
            return None if number is None else elements(number)
        if x.opcode == "get-tuple-element":
            return value(x.operands[0], int(x.get("index")))
        if x.opcode == "tuple" and index is not None:
            return value(x.operands[index])
        if x.opcode in _NO_COPY:
            return value(x.operands[0])
        if x.opcode == "fusion":
            root, given = self.roots[x.get("calls")], [*map(value, x.operands)]
            return self._value(root.name, index, given.__getitem__)
        if x.opcode == "compare":
            return (x.get("direction"), *map(value, x.operands))
        if x.opcode in ("add", "subtract") and not _arrays(x.shape)[0].dims:
            left, right = map(value, x.operands)
            if isinstance(left, int) and isinstance(right, int):
                return left + right if x.opcode == "add" else left - right
        return None

    def _collective(self, x: _Op) -> dict[tuple[str, str], float]:
        kind = x.opcode.removesuffix("-start")
        if not _COLLECTIVE(kind) or self._echo(x):
            return {}
        group = _group(x.rest, self.chips)
        size = sum(_size(self.ops[at].shape) for at in x.operands)
        size *= group if kind == "all-gather" else 1
        if x.home.startswith("all-reduce-scatter"):  # TPU's: an all-reduce and a slice
            kind = "reduce-scatter"
        share = (2 if kind == "all-reduce" else 1) * (group - 1) / group
        wire = size if kind == "collective-permute" else share * size
        return {(kind, "count"): 1, (kind, "bytes"): size, (kind, "wire_bytes"): wire}

    def _echo(self, x: _Op) -> bool:
        """TPU repeats an asynchronous collective: a fusion starts it, others that run
        meanwhile carry it, one awaits it. Only the first is not an echo."""
        if "AsyncCollectiveDone" in x.rest:
            return x.opcode == "custom-call"
        if "chain_id=" not in x.rest or not _COLLECTIVE(x.opcode):
            return False
        return not any("AsyncCollectiveStart" in y.rest for y in self.users[x.name])

    def _bytes(self, x: _Op) -> float:
        """HBM traffic of an instruction that is not inside a fusion."""
        if _STILL(x.opcode) or _STILL_CALLS(x.rest):
            return 0.0
        pairs = zip_longest(_arrays(x.shape), self._written(x), fillvalue=math.inf)
        written = sum(min(array.size, most) for array, most in pairs if array.hbm)
        return written + sum(
            min(self._read(x, at), _size(self.ops[at].shape, hbm=True))
            for at in dict.fromkeys(x.operands)
        )

    def _read(self, x: _Op, at: str) -> float:
        """Bytes of its operand `at` that `x` reads at most."""
        if x.opcode.endswith("-start") and x.opcode != "all-reduce-start":
            return 0.0  # the operand is part of the result, and counted there
        if x.opcode == "fusion":
            given = self.parameters[x.get("calls")]
            places = (i for i, operand in enumerate(x.operands) if operand == at)
            return sum(self.reads(given[i]) for i in places)
        if x.operands[0] == at and x.opcode in ("slice", "dynamic-slice", "gather"):
            return _size(x.shape) * self._wider(at, x)
        if x.operands[0] == at and x.opcode in _UPDATES:
            return self._update(x, False) if x.opcode == "scatter" else 0.0
        return math.inf

    def _reads(self, at: str) -> float:
        """Bytes of `at` that a fused computation reads at most."""
        total = 0.0
        for x in self.users[at]:
            root = self.roots[x.home] is x
            given = root and self.ops[at].opcode == "parameter"
            if (given and x.opcode == "tuple") or self._echo(x):
                continue  # handed on as it is
            view = not root and x.opcode in _VIEWS
            if view:
                total += self.reads(x.name) * self._wider(at, x)
            else:
                total += self._read(x, at)
        return total

    def _wider(self, at: str, x: _Op) -> float:
        """How much wider an element of `at` is than one of `x`, which may convert."""
        (source, *_), (target, *_) = _arrays(self.ops[at].shape), _arrays(x.shape)
        widths = [a.size / max(math.prod(a.dims), 1) for a in (source, target)]
        return widths[0] / widths[1] if all(widths) else 1.0

    def _written(self, x: _Op) -> list[float]:
        """Bytes of each array of its result that `x` writes at most."""
        if x.opcode == "slice-start":
            part = _arrays(x.shape)[1].size  # (all of the source, the part of it, ...)
            return [part, part]
        root = self.roots[x.get("calls")] if x.opcode == "fusion" else x
        if root is not x and "AsyncCollectiveStart" in root.rest:
            return [0.0]  # the operand, handed on; then the result
        several = root.opcode == "tuple"
        names = root.operands if several else [root.name]
        return [self._update(self.ops[name], several) for name in names]

    def _update(self, x: _Op, handed_on: bool) -> float:
        """Bytes of the result `x` of a fusion that are new at most."""
        if handed_on and x.opcode == "parameter":
            return 0.0
        while x.opcode in _VIEWS:
            x = self.ops[x.operands[0]]
        if x.opcode in _UPDATES:
            return _size(self.ops[x.operands[_UPDATES[x.opcode]]].shape)
        return 0.0 if handed_on and self._echo(x) else math.inf

    def _flops(self, x: _Op) -> float:
        if _ELEMENTWISE(x.opcode):
            return math.prod(_arrays(x.shape)[0].dims)
        if not _COUNTED(x.opcode):
            return 0.0
        at = x.operands[-1 if x.opcode == "scatter" else 0]
        left, out = _arrays(self.ops[at].shape)[0].dims, _arrays(x.shape)[0].dims
        if x.opcode == "dot":
            axes = re.findall(r"\d+", x.get("lhs_contracting_dims", r"\{([\d,]*)\}"))
            return 2.0 * math.prod(out) * math.prod(left[int(axis)] for axis in axes)
        if x.opcode == "convolution":
            right = _arrays(self.ops[x.operands[1]].shape)[0].dims
            return _convolution(x, left, right, out)
        if x.opcode != "reduce-window":
            return math.prod(left)
        window = [int(side) for side in x.get("size", r"([\dx]+)").split("x")]
        # TPU writes a softmax's maximum, handed to every place of its row, like this.
        if all(w in (1, 2 * n - 1) for w, n in zip(window, left, strict=True)):
            return math.prod(left)
        return (math.prod(window) - 1.0) * math.prod(out)


@functools.lru_cache(None)
def _arrays(shape: str) -> tuple[_Array, ...]:
    """The arrays of a shape. S(1) and up in a layout is VMEM and other memory."""
    arrays = []
    for dtype, dims, layout in _ARRAY.findall(shape):
        sides = tuple(int(side.strip("<=")) for side in dims.split(",") if side)
        bits = 8 if dtype == "pred" else int((re.findall(r"\d+", dtype) or [0])[0])
        arrays.append(_Array(sides, math.prod(sides) * bits / 8, "S(" not in layout))
    return tuple(arrays)


def _size(shape: str, hbm: bool = False) -> float:
    """Bytes of a shape; with `hbm`, of those arrays only that live there."""
    return sum(array.size for array in _arrays(shape) if array.hbm or not hbm)


def _iterations(first: Any, second: Any) -> int | None:
    """Iterations of a loop, from its comparison before the first and second."""
    if not first or not second or None in (*first, *second):
        return None
    (direction, *sides), (_, *after) = first, second
    if (sides[0] == after[0]) == (sides[1] == after[1]):
        return None
    counter = int(sides[0] == after[0])  # else it stands on the left
    start, end = sides[counter], sides[1 - counter]
    step = after[counter] - start
    if direction[1] == "E" and direction != "NE":
        end += 1 if step > 0 else -1
    return len(range(start, end, step))


def _group(rest: str, chips: int) -> int:
    """Chips that take part in a collective together."""
    if mesh := re.search(r"replica_groups=mesh\[([^\]]*)\][^{]*\{([^}]*)\}", rest):
        sizes = dict(re.findall(r"'([^']+)'=(\d+)", mesh[1]))
        axes = re.findall(r"'([^']+)'(?::\(\d+\)(\d+))?", mesh[2])
        return math.prod(int(part or sizes[axis]) for axis, part in axes)
    if iota := re.search(r"replica_groups=\[(?:\d+,)*(\d+)\]<=", rest):
        return int(iota[1])
    listed = re.search(r"replica_groups=\{\{([\d,]+)\}", rest)
    return listed[1].count(",") + 1 if listed else chips


def _convolution(x: _Op, *arrays: tuple[int, ...]) -> float:
    """Only taps on elements count, not those on padding or between dilated ones: TPU
    writes batched matrix products as convolutions that are mostly such."""
    labels = re.split("_|->", x.get("dim_labels", r"([\w>-]+)"))
    inputs, kernel, result = map(dict, map(zip, labels, arrays))
    fields = re.findall(r"(\w+)=([-\dx_]+)", x.get("window", r"\{([^}]*)\}"))
    taps = 1
    for axis in set(labels[0]) - set("bf"):
        side = {field: sides.split("x")[int(axis)] for field, sides in fields}
        sizes = inputs[axis], kernel[axis], result[axis]
        names = "stride", "lhs_dilate", "rhs_dilate"
        pad = int(side.get("pad", "0_0").split("_")[0])
        taps *= _taps(*sizes, pad, *(int(side.get(name, 1)) for name in names))
    batch = inputs["b"] // int(x.get("batch_group_count") or 1)
    return 2.0 * batch * kernel["i"] * result["f"] * taps


@functools.lru_cache(None)
def _taps(
    size: int, kernel: int, out: int, pad: int, stride: int, dilate: int, spread: int
) -> int:
    """Pairs of an output and a kernel place along one axis that meet an element."""
    places = np.arange(out) * stride - pad
    return sum(
        np.count_nonzero((at >= 0) & (at < size * dilate) & (at % dilate == 0))
        for at in (places + offset * spread for offset in range(kernel))
    )
