"""What one execution of a compiled program costs a chip, read from its optimised HLO.

XLA's own `cost_analysis()` counts the body of a loop once; this counts it as often as
it runs. The text of a partitioned program is one chip's, and so are the figures.
"""

import dataclasses
import functools
import re
from collections import Counter
from collections.abc import Mapping

from launch.ahead.hlo.collectives import Collective, collective
from launch.ahead.hlo.flops import flops
from launch.ahead.hlo.text import Op, Program
from launch.ahead.hlo.traffic import Traffic
from launch.ahead.hlo.trips import Trips


@dataclasses.dataclass(frozen=True)
class Cost:
    """A chip's share of one execution. `bytes` is traffic to and from HBM, without the
    padding of tiles; `unknown_loops` ran an unknown number of times, counted as one."""

    flops: float = 0.0
    bytes: float = 0.0
    collectives: Mapping[str, Collective] = dataclasses.field(default_factory=dict)
    unknown_loops: int = 0


def cost(hlo_text: str) -> Cost:
    """The cost of `compiled.as_text()`, for CPU or TPU. A loop is counted as often as
    it runs; of a conditional, the branch with the fewest FLOPs."""
    summed = _Sum(Program(hlo_text))
    total = summed.entry()
    kinds = {key[0] for key in total if isinstance(key, tuple)}
    fields = [field.name for field in dataclasses.fields(Collective)]
    collectives = {k: Collective(*(total[k, field] for field in fields)) for k in kinds}
    unknown = len(summed.trips.unknown)
    return Cost(total["flops"], total["bytes"], collectives, unknown)


class _Sum:
    """Adds up the costs of instructions, those of what they call included.

    A cost is a Counter of "flops", "bytes" and (kind, field of Collective).
    """

    def __init__(self, program: Program) -> None:
        self.trips = Trips(program)
        self._program = program
        self._traffic = Traffic(program)
        self._computation = functools.cache(self._uncached_computation)

    def entry(self) -> Counter:
        return self._computation(self._program.entry, False)

    def _uncached_computation(self, name: str, fused: bool) -> Counter:
        """The cost of a computation; `fused`, it is inside a fusion, which moves to and
        from HBM for all that is inside of it."""
        total = Counter()
        for op in self._program.computations[name]:
            total["flops"] += flops(self._program, op)
            total["bytes"] += 0.0 if fused else self._traffic.bytes(op)
            total.update(collective(self._program, op))
            for part, times in self._calls(op, fused or op.opcode == "fusion"):
                for key, value in part.items():
                    total[key] += times * value
        return total

    def _calls(self, op: Op, fused: bool) -> list[tuple[Counter, int]]:
        """The costs of what an instruction calls, and how often it does."""

        def called(attribute: str) -> Counter:
            return self._computation(op.attribute(attribute), fused)

        match op.opcode:
            case "while":
                times = self.trips.count(op)  # before the loops inside
                return [(called("body"), times), (called("condition"), times)]
            case "conditional":
                return [(self._cheapest_branch(op, fused), 1)]
            case "call":
                return [(called("to_apply"), 1)]
            case "fusion" | "async-start":
                return [(called("calls"), 1)]
        return []

    def _cheapest_branch(self, op: Op, fused: bool) -> Counter:
        listed = op.attribute("branch_computations", r"{(.*?)}")
        two = [op.attribute("true_computation"), op.attribute("false_computation")]
        names = re.findall(r"%([\w.-]+)", listed) or two
        branches = [self._computation(name, fused) for name in names]
        return min(branches, key=lambda cost: (cost["flops"], cost["bytes"]))
