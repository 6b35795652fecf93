"""How often the loops of a program run.

XLA writes the count beside most loops. For the others it is worked out here, from the
integers that the loop's condition compares. An example, shortened:

    body (t)       i = t[0];  n = t[1];  j = add(i, 3);  tuple(j, n)
    condition (t)  compare(t[0], t[1]), direction=LT
    entry          while(tuple(0, 10)), body, condition

1. What the condition compares before the first iteration: `Trips._value` follows its
   two sides back through the loop's tuple to the constants 0 and 10.
2. What it compares before the second: t[0] is now what the body leaves there, 0 + 3.
   The body hands t[1] on as it is, so that stays 10.
3. One side moved, from 0 to 3, and the other did not: the loop runs while the counter
   is less than 10, for 0, 3, 6 and 9, four times.

A value that depends on data is None, and so is the count of a loop that compares it.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from launch.ahead.hlo.text import Op, Program, arrays, parameter_number

# An integer, a Comparison, or None for what depends on data.
Value = Any
# The value of an element of a loop's tuple, or of a parameter of a fusion.
Given = Callable[[int], Value]
# Instructions whose result has the value of their operand.
_SAME_VALUE = (
    "bitcast", "reshape", "convert", "copy", "copy-start", "copy-done",
)  # fmt: skip


class Comparison(NamedTuple):
    direction: str  # LT, LE, GT, GE, EQ or NE
    left: Value
    right: Value


class Trips:
    """Counts the iterations of the loops of `program`, outer loops first: what an inner
    loop compares may be an element that the outer one hands on."""

    def __init__(self, program: Program) -> None:
        self.unknown: set[str] = set()  # loops whose count depends on data
        self._program = program
        self._loop_constants: dict[str, Given] = {}  # by body and condition

    def count(self, loop: Op) -> int:
        """Iterations of a `while`; 1 if they are not known."""
        body = self._program.roots[loop.attribute("body")]
        condition = self._program.roots[loop.attribute("condition")]

        def at_start(element: int) -> Value:
            return self._value(loop.operands[0], element)

        def after_one(element: int) -> Value:
            return self._value(body.name, element, at_start)

        def constant(element: int) -> Value:
            """Its value in every iteration, if the body hands it on as it is."""
            own = ("element", element)
            handed_on = self._value(body.name, element, lambda e: ("element", e))
            return at_start(element) if handed_on == own else None

        first = self._value(condition.name, None, at_start)
        second = self._value(condition.name, None, after_one)
        self._loop_constants[body.computation] = constant
        self._loop_constants[condition.computation] = constant
        written = loop.attribute(
            "backend_config", r'.*?"known_trip_count":\{"n":"(\d+)"'
        )
        trips = int(written) if written else _iterations(first, second)
        if trips is None:
            self.unknown.add(loop.name)
            return 1
        return trips

    def _value(
        self, name: str, element: int | None = None, given: Given | None = None
    ) -> Value:
        """The value of instruction `name`, or of one element of its tuple.

        given: values of the parameters of its computation: of a fusion's by number, of
        a loop's by place in its tuple.
        """
        op = self._program.ops[name]
        given = given or self._loop_constants.get(op.computation)
        value = partial(self._value, given=given)
        match op.opcode:
            case "constant":
                return _literal(op)
            case "parameter" if given:
                of_loop = op.shape.startswith("(")
                number = element if of_loop else parameter_number(op)
                return None if number is None else given(number)
            case "get-tuple-element":
                return value(op.operands[0], int(op.attribute("index")))
            case "tuple" if element is not None:
                return value(op.operands[element])
            case "fusion":
                operands = [value(operand) for operand in op.operands]
                root = self._program.roots[op.attribute("calls")]
                return self._value(root.name, element, operands.__getitem__)
            case "compare":
                left, right = map(value, op.operands)
                return Comparison(op.attribute("direction"), left, right)
            case "add" | "subtract" if not arrays(op.shape)[0].dims:
                left, right = map(value, op.operands)
                return _sum(op.opcode, left, right)
            case opcode if opcode in _SAME_VALUE:
                return value(op.operands[0])
        return None


def _literal(op: Op) -> int | None:
    """N of "constant(N)", if it is an integer."""
    number = re.match(r"-?\d+(?=\))", op.rest)
    return int(number[0]) if number else None


def _sum(opcode: str, left: Value, right: Value) -> int | None:
    if not (isinstance(left, int) and isinstance(right, int)):
        return None
    return left + right if opcode == "add" else left - right


def _iterations(first: Comparison | None, second: Comparison | None) -> int | None:
    """Iterations of a loop, from its comparison before the first and the second."""
    if not first or not second or None in (*first, *second):
        return None
    left_stays = first.left == second.left
    right_stays = first.right == second.right
    if left_stays == right_stays:
        return None
    if right_stays:
        counter = first.left
        end = first.right
        step = second.left - counter
    else:
        counter = first.right
        end = first.left
        step = second.right - counter
    if first.direction in ("LE", "GE"):  # the end itself counts
        end += 1 if step > 0 else -1
    return len(range(counter, end, step))
