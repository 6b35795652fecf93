"""The train step compiled for a TPU slice that is not here: does it fit, what does a
step cost, and what bounds it.

All of it is known at compile time: sizes and traffic are XLA's and `hlo/`'s figures for
one chip, times are a roofline over published peaks (`chips.py`). Nothing is measured.
No step is faster than its roofline, for which the cheapest branch of a conditional
counts.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from common.contract import Table, UserError
from launch.ahead.one_slice import (
    Compiled,
    Died,
    TooLarge,
    compile_apart,
    usable_bytes,
)
from launch.chips import TOPOLOGIES, parse_topology
from launch.devices import parse_mesh
from launch.reports.report import Report
from launch.runs import parameter_count
from launch.session import Session

GIB = 2**30
MIB = 2**20
COLUMNS = (
    "step", "parameters", "slice", "peak GiB", "of", "fits", "TFLOP", "HBM GiB",
    "network MiB", "roofline ms", "bound", "items/s at most", "compile s",
)  # fmt: skip
FITS = COLUMNS.index("fits")  # yes, no, or how the compiler died


def compile_for(
    session: Session,
    names: list[str],
    slices: Sequence[str],
    mesh: str,
    effort: float = 0.0,
    *,
    title: str,
    facts: Mapping[str, str],
) -> bool:
    """Prints what the named runs cost on each of `slices`. The report's "Compiled" has
    a row for each, which `python -m launch.readme` joins with those of other papers and
    variants. Returns whether the compiler lived through all of them.

    effort: of XLA, from -1 to 0, that of a run. With -1 it searches less for a fast
      program: a step compiles in a fraction of the time, and may be slower.

    UserError: the mesh does not fit a slice.
    """
    for one in slices:
        parse_mesh(mesh, math.prod(parse_topology(one)[1]))
    folder = session.workdir / "compile" / "report"
    report = Report(folder, title=f"{title}, compiled ahead of time", facts=facts)
    rows: list[Sequence] = []
    for name in names:
        label = title if len(session.runs) == 1 else f"{title} · {name}"
        if effort:
            label += f", effort {effort:g}"
        tight = None
        for one in slices:
            print(
                f"{name}: compiling for {one}, minutes for a deep network", flush=True
            )
            result = compile_apart(session, name, one, mesh, effort)
            report.add(f"{name} on {one}", _details(session, name, result))
            report.write()  # an interrupted table keeps its rows
            rows.append(_row(session, name, label, result))
            tight = tight or (None if result.fits else result)
        if tight:
            report.add(f"{name} on {tight.topology} does not fit", _advice(
                session.runs[name].config, tight, mesh))  # fmt: skip
    note = "a chip's share of one step; compile-time figures and published peaks"
    report.add("Compiled", Table(COLUMNS, rows, note))
    report.write()
    return all(row[FITS] in ("yes", "no") for row in rows)


def topologies(text: str | None) -> list[str]:
    """The slices of "v5e:4x4,v6e", a generation or "all" standing for the usual ones.
    UserError: there is none, or not one of them."""
    if not text:
        every = ", ".join(TOPOLOGIES["v5e"])
        raise UserError(f"--mode=compile needs --topology, such as {every}, or all")
    groups = {**TOPOLOGIES, "all": sum(TOPOLOGIES.values(), ())}
    parts = [part.strip() for part in text.split(",")]
    slices = [one for part in parts for one in groups.get(part, [part])]
    for one in slices:
        parse_topology(one)
    return [*dict.fromkeys(slices)]


def _details(session: Session, name: str, result: Any) -> Table | str:
    """All figures of one slice."""
    if isinstance(result, Died):
        return (
            f"the compiler died ({result.why}): there is nothing to say of this slice"
        )
    if isinstance(result, TooLarge):
        return (
            f"needs {result.needed / GIB:.2f} GiB a chip beside its arguments; "
            f"a {result.chip.name} chip has {result.chip.hbm_bytes / GIB:.0f}"
        )
    config = session.runs[name].config
    state = session.runs.abstract_state(name)
    cost = result.cost
    times = result.times
    rows: list[Sequence] = [
        ["parameters", parameter_count(state), ""],
        ["chips", result.chips, ""],
        ["arguments", result.arguments / GIB, "GiB a chip"],
        ["temporaries", result.temporaries / GIB, "GiB a chip"],
        ["peak", result.peak / GIB, f"GiB of {result.chip.hbm_bytes / GIB:.0f}"],
        ["FLOPs", cost.flops, "a step and chip"],
        ["HBM traffic", cost.bytes / GIB, "GiB a step and chip"],
    ]
    for kind, c in sorted(cost.collectives.items()):
        rows.append([kind, c.bytes / MIB, f"MiB a step, in {c.count:,.0f} of them"])
    rows += [[f"{what} time", 1e3 * t, "ms at the peak"] for what, t in times.items()]
    slowest = max(times.values())
    rows += [
        ["bound", result.bound, "of the roofline"],
        [config.unit, config.items_per_step / slowest, "a second at most"],
        ["compiling", result.seconds, "s, on this machine"],
    ]
    return Table(("per step", "value", "unit"), rows, _notes(result))


def _notes(result: Compiled) -> str:
    notes = ["known at compile time, nothing measured"]
    if result.repeats > 1:
        notes.append(
            f"the rows do not divide over the chips, every {result.repeats} compute "
            "the same: a batch size that is a multiple of the chips mends it"
        )
    if result.cost.unknown_loops:
        notes.append(f"{result.cost.unknown_loops} loops of unknown length count once")
    return "; ".join(notes)


def _row(session: Session, name: str, label: str, result: Any) -> list:
    """The cells under COLUMNS."""
    config = session.runs[name].config
    count = parameter_count(session.runs.abstract_state(name))
    head = [label, count, result.topology]
    room = result.chip.hbm_bytes / GIB
    if isinstance(result, Died):
        return [*head, None, room, result.why, *[None] * 6, result.seconds]
    if isinstance(result, TooLarge):
        return [*head, result.needed / GIB, room, "no", *[None] * 6, result.seconds]
    wire = sum(c.wire_bytes for c in result.cost.collectives.values())
    slowest = max(result.times.values())
    return [
        *head, result.peak / GIB, room, "yes" if result.fits else "no",
        result.cost.flops / 1e12, result.cost.bytes / GIB, wire / MIB, 1e3 * slowest,
        result.bound, config.items_per_step / slowest, result.seconds,
    ]  # fmt: skip


def _advice(config: Any, result: Compiled | TooLarge, mesh: str) -> str:
    """How much is missing, and what helps."""
    missing = result.needed - usable_bytes(result.chip)
    knobs = []
    if "fsdp" not in mesh:
        knobs.append("--mesh=fsdp splits parameters and optimiser over the chips")
    model = getattr(config, "model", None)
    if getattr(model, "remat", True) is False:
        knobs.append("--config.model.remat=true recomputes layers")
    twice = 2 * config.optim.accumulate
    knobs.append(f"--config.optim.accumulate={twice} halves the rows computed at once")
    knobs.append("a larger slice, or a smaller batch")
    return f"{missing / GIB:.2f} GiB a chip are missing. What helps: " + "; ".join(
        knobs
    )
