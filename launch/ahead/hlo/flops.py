"""FLOPs of an instruction, as XLA's HloCostAnalysis counts them.

Two for a multiply and an add of a matrix product or convolution, one an output element
of elementwise arithmetic, integers too, one an input element of a reduction. exp, tanh
and their kind, sorts and custom kernels count none.
"""

import functools
import math
import re

import numpy as np

from launch.ahead.hlo.text import Op, Program, arrays

_is_elementwise = re.compile(
    "add|subtract|multiply|divide|remainder|maximum|minimum|abs|negate|sign|clamp|"
    "select|compare|convert|and|or|xor|not|shift-.*|is-finite|floor|ceil|round-.*"
).fullmatch


def flops(program: Program, op: Op) -> float:
    """Of the instruction itself, without what it calls."""
    if _is_elementwise(op.opcode):
        return math.prod(_dims(op))

    def operand(i: int) -> tuple[int, ...]:
        return _dims(program.ops[op.operands[i]])

    match op.opcode:
        case "dot":
            return _dot(op, operand(0))
        case "convolution":
            return _convolution(op, operand(0), operand(1))
        case "reduce-window":
            return _reduce_window(op, operand(0))
        case "reduce" | "select-and-scatter":
            return math.prod(operand(0))
        case "scatter":
            return math.prod(operand(-1))  # the updates
    return 0.0


def _dims(op: Op) -> tuple[int, ...]:
    return arrays(op.shape)[0].dims


def _dot(op: Op, left: tuple[int, ...]) -> float:
    axes = re.findall(r"\d+", op.attribute("lhs_contracting_dims", r"\{([\d,]*)\}"))
    return 2.0 * math.prod(_dims(op)) * math.prod(left[int(axis)] for axis in axes)


def _reduce_window(op: Op, operand: tuple[int, ...]) -> float:
    window = [int(side) for side in op.attribute("size", r"([\dx]+)").split("x")]
    # TPU writes a softmax's maximum, handed to every place of its row, like this.
    if all(w in (1, 2 * n - 1) for w, n in zip(window, operand, strict=True)):
        return math.prod(operand)
    return (math.prod(window) - 1.0) * math.prod(_dims(op))


def _convolution(op: Op, *operands: tuple[int, ...]) -> float:
    """Only taps on elements count, those on padding and between dilated elements do
    not: TPU writes batched matrix products as convolutions that are mostly such."""
    labels = re.split("_|->", op.attribute("dim_labels", r"([\w>-]+)"))
    inputs, kernel, result = map(dict, map(zip, labels, (*operands, _dims(op))))
    fields = re.findall(r"(\w+)=([-\dx_]+)", op.attribute("window", r"\{([^}]*)\}"))
    taps = 1
    for axis in set(labels[0]) - set("bf"):
        side = {field: sides.split("x")[int(axis)] for field, sides in fields}
        taps *= _taps(
            inputs[axis],
            kernel[axis],
            result[axis],
            pad=int(side.get("pad", "0_0").split("_")[0]),
            stride=int(side.get("stride", 1)),
            dilate=int(side.get("lhs_dilate", 1)),
            spread=int(side.get("rhs_dilate", 1)),
        )
    batch = inputs["b"] // int(op.attribute("batch_group_count") or 1)
    return 2.0 * batch * kernel["i"] * result["f"] * taps


@functools.lru_cache(None)
def _taps(
    size: int, kernel: int, out: int, *, pad: int, stride: int, dilate: int, spread: int
) -> int:
    """Along one axis, the pairs of an output and a kernel place that meet an element.

    dilate: steps between two elements of the input; spread: of the kernel.
    """
    places = np.arange(out) * stride - pad
    return sum(
        np.count_nonzero((at >= 0) & (at < size * dilate) & (at % dilate == 0))
        for at in (places + offset * spread for offset in range(kernel))
    )
