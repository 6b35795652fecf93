"""What one execution of a compiled program costs a chip, read from its optimised HLO.

XLA's own `cost_analysis()` counts the body of a loop once; this counts it as often as
it runs. The text of a partitioned program is the program of one chip, and so are the
figures. FLOPs follow XLA's HloCostAnalysis: two for a multiply and an add of a matrix
product or convolution, one an output element of elementwise arithmetic, integer and
logical too (the bits of dropout), one an input element of a reduction. exp, log, tanh
and their kind, sorts and custom kernels count none. Bytes do not follow XLA's on TPU:
it counts VMEM too, and what is copied there several times.
"""

import dataclasses
import functools
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple


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


class _Instruction(NamedTuple):
    name: str
    shape: str
    opcode: str
    operands: list[str]
    attributes: str  # all that follows "opcode("
    root: bool

    def get(self, attribute: str, value: str = r"%?([\w.-]+)") -> str:
        found = re.search(rf"\b{attribute}={value}", self.attributes)
        return found[1] if found else ""


class _Array(NamedTuple):
    dims: tuple[int, ...]
    size: float  # bytes
    hbm: bool


_Computation = dict[str, _Instruction]
_INSTRUCTION = re.compile(r"\s+(ROOT )?%?([\w.-]+) = (\(.*?\)|\S+) ([a-z][\w-]*)\((.*)")
_OPERANDS = re.compile(r"[^()]*(?:\([^()]*\)[^()]*)*")
_COLLECTIVE = re.compile(
    "all-reduce|all-gather|reduce-scatter|(?:ragged-)?all-to-all|"
    "collective-(?:permute|broadcast)"
).fullmatch
_ELEMENTWISE = re.compile(
    "add|subtract|multiply|divide|remainder|maximum|minimum|abs|negate|sign|clamp|"
    "select|compare|convert|and|or|xor|not|shift-.*|is-finite|floor|ceil|round-.*"
).fullmatch
# Names for what is in memory already, or, like `while`, whose bodies do the moving.
_STILL = re.compile(
    "parameter|constant|tuple|get-tuple-element|bitcast|after-all|add-dependency|"
    "(?:partition|replica)-id|while|conditional|call|opt-barrier|async-start|"
    ".*-(?:done|update)"
).fullmatch
_STILL_CALLS = re.compile(r'"(AllocateBuffer|ConcatBitcast|Assume\w+)"')
_SLICES = ("slice", "dynamic-slice", "gather")
_VIEWS = (
    "bitcast",
    "reshape",
    "convert",
)  # a slice of one needs a slice of its operand


def cost(hlo_text: str) -> Cost:
    """The cost of `compiled.as_text()`, for CPU or TPU. A loop is counted as often as
    it runs; of a conditional, the branch with the most FLOPs."""
    return _Program(hlo_text).cost()


class _Program:
    def __init__(self, text: str):
        header = text[: text.find("\n")]
        sizes = re.findall(r"\b(?:num_partitions|replica_count)=(\d+)", header)
        self.chips = math.prod(int(size) for size in sizes)
        self.computations, self.entry = _parse(text)
        self.arguments: dict[str, Callable[[int], Any]] = {}  # constants of loop tuples
        self.computation = functools.cache(self._computation)
        self.parameters = functools.cache(self._parameters)
        self.users = functools.cache(self._users)
        self.reads = functools.cache(self._reads)

    def cost(self) -> Cost:
        return self.computation(self.entry, False)

    def _computation(self, name: str, fused: bool) -> Cost:
        instructions = self.computations[name].values()
        return _total((self._instruction(name, x, fused), 1) for x in instructions)

    def _instruction(self, name: str, x: _Instruction, fused: bool) -> Cost:
        """An instruction with all it calls. A fused one leaves HBM to its fusion."""
        if x.opcode == "while":
            return self._loop(name, x)
        if x.opcode == "conditional":
            branches = [self.computation(branch, fused) for branch in _branches(x)]
            return max(branches, key=lambda branch: (branch.flops, branch.bytes))
        own = Cost(
            _flops(self.computations[name], x),
            0.0 if fused else self._bytes(name, x),
            self._collective(name, x),
        )
        if x.opcode not in ("fusion", "call", "async-start"):
            return own
        target = x.get("to_apply" if x.opcode == "call" else "calls")
        inner = self.computation(target, fused or x.opcode == "fusion")
        return _total([(inner, 1), (own, 1)])

    def _loop(self, name: str, x: _Instruction) -> Cost:
        body, condition = x.get("body"), x.get("condition")
        start = functools.partial(self._value, name, x.operands[0])
        root = _root(self.computations[body]).name
        conditions = self.computations[condition]

        def constant(index: int) -> Any:
            """Element `index` of the tuple, if the body hands it on as it got it."""
            after = self._value(body, root, index, lambda i: ("element", i))
            return start(index) if after == ("element", index) else None

        known = x.get("backend_config", r'.*?"known_trip_count":\{"n":"(\d+)"')
        trips = int(known) if known else None
        if trips is None:
            second = functools.partial(self._value, body, root, elements=start)
            test = functools.partial(self._value, condition, _root(conditions).name)
            trips = _trips(test(elements=start), test(elements=second))
        self.arguments[body] = self.arguments[condition] = constant
        times = 1 if trips is None else trips
        parts = [(self.computation(part, False), times) for part in (body, condition)]
        return _total([*parts, (Cost(unknown_loops=int(trips is None)), 1)])

    def _value(self, name: str, at: str, index=None, elements=None) -> Any:
        """The integer that `at` or its element `index` is, or (direction, left, right)
        of a comparison; None where that depends on data. `elements` gives a fusion's
        parameters, or those of a loop by element of its tuple."""
        x = self.computations[name][at]
        elements = elements or self.arguments.get(name)
        value = functools.partial(self._value, name, elements=elements)
        if x.opcode == "constant":
            number = re.match(r"-?\d+(?=\))", x.attributes)
            return int(number[0]) if number else None
        if x.opcode == "parameter" and elements:
            number = index if x.shape.startswith("(") else int(_argument(x))
            return None if number is None else elements(number)
        if x.opcode == "get-tuple-element":
            return value(x.operands[0], int(x.get("index")))
        if x.opcode == "tuple" and index is not None:
            return value(x.operands[index])
        if x.opcode in ("copy", "copy-start", "copy-done", *_VIEWS):
            return value(x.operands[0])
        if x.opcode == "fusion":
            inner, given = x.get("calls"), [*map(value, x.operands)]
            root = _root(self.computations[inner]).name
            return self._value(inner, root, index, given.__getitem__)
        if x.opcode == "compare":
            return (x.get("direction"), *map(value, x.operands))
        if x.opcode in ("add", "subtract") and not _arrays(x.shape)[0].dims:
            left, right = map(value, x.operands)
            if isinstance(left, int) and isinstance(right, int):
                return left + right if x.opcode == "add" else left - right
        return None

    def _collective(self, name: str, x: _Instruction) -> dict[str, Collective]:
        kind = x.opcode.removesuffix("-start")
        if not _COLLECTIVE(kind) or self._echo(name, x):
            return {}
        group = _group(x.attributes, self.chips)
        operands = [self.computations[name][operand] for operand in x.operands]
        payload = sum(_size(operand.shape) for operand in operands)
        if kind == "all-gather":
            payload *= group
        elif name.startswith("all-reduce-scatter"):  # TPU's: an all-reduce and a slice
            kind = "reduce-scatter"
        share = {"all-reduce": 2.0}.get(kind, 1.0) * (group - 1) / group
        if kind.startswith("collective-"):
            share = 1.0
        return {kind: Collective(1.0, payload, share * payload)}

    def _echo(self, name: str, x: _Instruction) -> bool:
        """TPU repeats an asynchronous collective: a fusion starts it, others that run
        meanwhile carry it, one awaits it. Only the first is not an echo."""
        if x.opcode == "custom-call":
            return "AsyncCollectiveDone" in x.attributes
        if not _COLLECTIVE(x.opcode) or "chain_id=" not in x.attributes:
            return False
        return not any(_is_start(user) for user in self.users(name).get(x.name, ()))

    def _users(self, name: str) -> dict[str, list[_Instruction]]:
        users = defaultdict(list)
        for x in self.computations[name].values():
            for operand in dict.fromkeys(x.operands):
                users[operand].append(x)
        return users

    def _parameters(self, name: str) -> list[str]:
        found = [x for x in self.computations[name].values() if x.opcode == "parameter"]
        return [x.name for x in sorted(found, key=lambda x: int(_argument(x)))]

    def _bytes(self, name: str, x: _Instruction) -> float:
        """HBM traffic of an instruction that is not inside a fusion."""
        if _STILL(x.opcode) or _STILL_CALLS.search(x.attributes):
            return 0.0
        results = zip_longest(
            _arrays(x.shape), self._written(name, x), fillvalue=math.inf
        )
        written = sum(min(array.size, most) for array, most in results if array.hbm)
        shapes = self.computations[name]
        return written + sum(
            min(self._read(name, x, at), _size(shapes[at].shape, hbm=True))
            for at in dict.fromkeys(x.operands)
        )

    def _read(self, name: str, x: _Instruction, at: str) -> float:
        """Bytes of its operand `at` that `x` reads at most."""
        first = x.operands[0] == at
        if x.opcode.endswith("-start") and x.opcode != "all-reduce-start":
            return 0.0  # the operand is part of the result, and counted there
        if x.opcode == "fusion":
            inner = x.get("calls")
            pairs = zip(self.parameters(inner), x.operands, strict=True)
            return sum(self.reads(inner, p) for p, operand in pairs if operand == at)
        if first and x.opcode in _SLICES:
            return _size(x.shape)
        if first and x.opcode == "dynamic-update-slice":
            return 0.0
        if first and x.opcode == "scatter":
            return _size(self.computations[name][_update(x)].shape)
        return math.inf

    def _reads(self, name: str, at: str) -> float:
        """Bytes of `at` that a fused computation reads at most."""
        total = 0.0
        given = self.computations[name][at].opcode == "parameter"
        for x in self.users(name).get(at, ()):
            if (given and x.opcode == "tuple" and x.root) or self._echo(name, x):
                continue  # handed on as it is
            view = x.opcode in _VIEWS
            if x.opcode == "fusion":
                inner = self.computations[x.get("calls")]
                view = len(inner) == 2 and _root(inner).opcode in _VIEWS
            alike = view and not x.root
            total += self.reads(name, x.name) if alike else self._read(name, x, at)
        return total

    def _written(self, name: str, x: _Instruction) -> list[float]:
        """Bytes of each array of its result that `x` writes at most."""
        if x.opcode == "slice-start":
            part = _arrays(x.shape)[1].size  # (all of the source, the part of it, ...)
            return [part, part, 0.0]
        if x.opcode != "fusion":
            return [self._update_bytes(name, x)]
        name = x.get("calls")
        computation = self.computations[name]
        root = _root(computation)
        if _is_start(root):
            return [0.0]  # the operand, handed on; then the result
        most = []
        for at in root.operands if root.opcode == "tuple" else [root.name]:
            y = computation[at]
            while y.opcode in _VIEWS:
                y = computation[y.operands[0]]
            same = root.opcode == "tuple" and computation[at].opcode == "parameter"
            still = same or self._echo(name, y)
            most.append(0.0 if still else self._update_bytes(name, y))
        return most

    def _update_bytes(self, name: str, x: _Instruction) -> float:
        if x.opcode not in ("dynamic-update-slice", "scatter"):
            return math.inf
        return _size(self.computations[name][_update(x)].shape)


def _parse(text: str) -> tuple[dict[str, _Computation], str]:
    """Computations by name, each its instructions by name, and the entry's name."""
    computations, entry, current = {}, "", {}
    for line in text.splitlines():
        if line.endswith("{") and "->" in line and line[0] != " ":
            name = re.match(r"(?:ENTRY )?%?([\w.-]+)", line)[1]
            computations[name] = current = {}
            entry = name if line.startswith("ENTRY") else entry
        elif found := _INSTRUCTION.match(line):
            root, name, shape, opcode, rest = found.groups()
            operands = re.findall(r"%([\w.-]+)", _OPERANDS.match(rest)[0])
            current[name] = _Instruction(
                name, shape, opcode, operands, rest, root is not None
            )
    return computations, entry


def _root(computation: _Computation) -> _Instruction:
    return next(x for x in reversed(computation.values()) if x.root)


def _argument(x: _Instruction) -> str:
    return x.attributes.partition(")")[0]


def _branches(x: _Instruction) -> list[str]:
    names = x.get("branch_computations", r"\{([^}]*)\}").replace("%", "")
    either = [x.get("true_computation"), x.get("false_computation")]
    return names.split(", ") if names else either


def _is_start(x: _Instruction) -> bool:
    return x.opcode == "custom-call" and "AsyncCollectiveStart" in x.attributes


def _update(x: _Instruction) -> str:
    """The operand of an update in place that holds the new values."""
    return x.operands[1 if x.opcode == "dynamic-update-slice" else -1]


@functools.lru_cache(None)
def _arrays(shape: str) -> tuple[_Array, ...]:
    """The arrays of a shape. S(1) and up in a layout is VMEM and other memory."""
    arrays = []
    for dtype, dims, layout in re.findall(
        r"([a-z]\w*)\[([\d,<=]*)\](\{[^}]*\})?", shape
    ):
        sides = tuple(int(side.strip("<=")) for side in dims.split(",") if side)
        bits = 8 if dtype == "pred" else int((re.findall(r"\d+", dtype) or [0])[0])
        arrays.append(_Array(sides, math.prod(sides) * bits / 8, "S(" not in layout))
    return tuple(arrays)


def _size(shape: str, hbm: bool = False) -> float:
    """Bytes of a shape; with `hbm`, of those arrays only that live there."""
    return sum(array.size for array in _arrays(shape) if array.hbm or not hbm)


def _total(parts: Iterable[tuple[Cost, float]]) -> Cost:
    flops, traffic, unknown, collectives = 0.0, 0.0, 0, {}
    for part, times in parts:
        flops += part.flops * times
        traffic += part.bytes * times
        unknown += part.unknown_loops
        for kind, more in part.collectives.items():
            old = dataclasses.astuple(collectives.get(kind, Collective()))
            pairs = zip(old, dataclasses.astuple(more), strict=True)
            collectives[kind] = Collective(*(a + b * times for a, b in pairs))
    return Cost(flops, traffic, collectives, unknown)


def _trips(first: Any, second: Any) -> int | None:
    """Iterations of a loop, from its comparison before the first and second."""
    if not first or not second:
        return None
    (direction, left, right), (_, left2, right2) = first, second
    if left == left2:  # the counter stands on the right
        left, right, left2, right2 = right, left, right2, left2
        direction = direction.translate(str.maketrans("LG", "GL"))
    if None in (left, right, left2) or right != right2 or left == left2:
        return None
    step, distance = left2 - left, right - left
    if direction == "NE":
        return distance // step if distance % step == 0 else None
    if (step > 0) != (direction[0] == "L"):
        return None
    inclusive = direction[1] == "E"
    return max(0, distance // step + 1 if inclusive else -(-distance // step))


def _group(attributes: str, chips: int) -> int:
    """Chips that take part in a collective together."""
    mesh = re.search(r"replica_groups=mesh\[([^\]]*)\][^{]*\{([^}]*)\}", attributes)
    if mesh:
        sizes = dict(re.findall(r"'([^']+)'=(\d+)", mesh[1]))
        axes = re.findall(r"'([^']+)'(?::\(\d+\)(\d+))?", mesh[2])
        return math.prod(int(part or sizes[axis]) for axis, part in axes)
    if iota := re.search(r"replica_groups=\[(?:\d+,)*(\d+)\]<=", attributes):
        return int(iota[1])
    listed = re.search(r"replica_groups=\{\{([\d,]+)\}", attributes)
    return listed[1].count(",") + 1 if listed else chips


def _flops(shapes: _Computation, x: _Instruction) -> float:
    if _ELEMENTWISE(x.opcode):
        return math.prod(_arrays(x.shape)[0].dims)
    if x.opcode == "convolution":
        return _convolution(shapes, x)
    if x.opcode == "dot":
        left = _arrays(shapes[x.operands[0]].shape)[0].dims
        contracted = x.get("lhs_contracting_dims", r"\{([\d,]*)\}")
        inner = math.prod(left[int(axis)] for axis in contracted.split(",") if axis)
        return 2.0 * math.prod(_arrays(x.shape)[0].dims) * inner
    if x.opcode in ("reduce", "select-and-scatter"):
        return math.prod(_arrays(shapes[x.operands[0]].shape)[0].dims)
    if x.opcode == "scatter":
        return math.prod(_arrays(shapes[_update(x)].shape)[0].dims)
    if x.opcode == "reduce-window":
        window = [int(side) for side in x.get("size", r"([\dx]+)").split("x")]
        dims = _arrays(shapes[x.operands[0]].shape)[0].dims
        # TPU writes a softmax's maximum, handed to every place of its row, like this.
        if all(w in (1, 2 * n - 1) for w, n in zip(window, dims, strict=True)):
            return math.prod(dims)
        return (math.prod(window) - 1) * math.prod(_arrays(x.shape)[0].dims)
    return 0.0


def _convolution(shapes: _Computation, x: _Instruction) -> float:
    """Only taps inside the input count, not those on padding or between its dilated
    elements. TPU writes batched matrix products as convolutions that are mostly such.
    """
    labels = re.split("_|->", x.get("dim_labels", r"([\w>-]+)"))
    shape_of = [*(shapes[operand].shape for operand in x.operands[:2]), x.shape]
    inputs, kernel, result = (
        dict(zip(axes, _arrays(shape)[0].dims, strict=True))
        for axes, shape in zip(labels, shape_of, strict=True)
    )
    fields = re.findall(r"(\w+)=([-\dx_]+)", x.get("window", r"\{([^}]*)\}"))
    window = {field: value.split("x") for field, value in fields}
    taps = 1
    for axis in set(labels[0]) - set("bf"):
        side = {field: sides[int(axis)] for field, sides in window.items()}
        taps *= _taps(
            (inputs[axis], kernel[axis], result[axis]),
            int(side.get("stride", 1)),
            int(side.get("pad", "0_0").split("_")[0]),
            int(side.get("lhs_dilate", 1)),
            int(side.get("rhs_dilate", 1)),
        )
    batch = inputs["b"] // int(x.get("batch_group_count") or 1)
    return 2.0 * batch * kernel["i"] * result["f"] * taps


@functools.lru_cache(None)
def _taps(
    sizes: tuple[int, int, int], stride: int, pad: int, dilation: int, spread: int
) -> int:
    """Pairs of an output place and a kernel place along one axis that meet an element:
    place * stride + offset is a multiple of `dilation`, and inside the dilated input.
    `sizes` are those of input, kernel and output, `spread` the kernel's dilation."""
    size, kernel, out = sizes
    period = dilation // math.gcd(stride, dilation)
    total = 0
    for offset in range(-pad, kernel * spread - pad, spread):
        low = max(0, -(offset // stride))
        high = min(out - 1, ((size - 1) * dilation - offset) // stride)
        for place in range(low, min(low + period, high + 1)):
            if (place * stride + offset) % dilation == 0:
                total += (high - place) // period + 1
                break
    return total
