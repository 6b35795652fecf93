"""One train step compiled for one slice: what XLA says of its memory and its cost."""

import dataclasses
import re
import time
from functools import partial

import jax

from launch import devices, placement
from launch.ahead.hlo.cost import Cost, cost
from launch.chips import Chip, parse_topology, topology_devices
from launch.session import Session

RESERVED = 2**28  # bytes of HBM that the runtime keeps: XLA says 15.75 of v5e's 16 GiB


def usable_bytes(chip: Chip) -> float:
    """Bytes of a chip's HBM that a step may take."""
    return chip.hbm_bytes - RESERVED


@dataclasses.dataclass(frozen=True)
class Compiled:
    """One step on one chip of a slice: bytes, FLOPs, seconds."""

    topology: str
    chip: Chip
    chips: int
    repeats: int  # chips that compute the same rows
    arguments: float
    temporaries: float
    peak: float
    cost: Cost
    seconds: float  # of compiling

    @property
    def times(self) -> dict[str, float]:
        """Seconds a step at the chip's published peaks, by what would bound it."""
        wire = sum(c.wire_bytes for c in self.cost.collectives.values())
        return {
            "compute": self.cost.flops / self.chip.flops,
            "memory": self.cost.bytes / self.chip.hbm_bandwidth,
            "network": wire / self.chip.ici_bandwidth,
        }

    @property
    def bound(self) -> str:
        return max(self.times, key=self.times.get)

    @property
    def needed(self) -> float:
        return self.peak

    @property
    def fits(self) -> bool:
        return self.peak <= usable_bytes(self.chip)


@dataclasses.dataclass(frozen=True)
class TooLarge:
    """What XLA said of a step that no chip of the slice can hold."""

    topology: str
    chip: Chip
    chips: int
    needed: float  # bytes
    seconds: float
    fits: bool = False


def compile_run(
    session: Session, name: str, topology: str, mesh: str
) -> Compiled | TooLarge:
    """Compiles the train step of run `name` for one slice."""
    chip, _ = parse_topology(topology)
    paper = session.runs.paper(name)
    config = session.runs[name].config
    state = session.runs.abstract_state(name)
    batch = paper.batch_spec(config)
    rows = min(leaf.shape[0] for leaf in jax.tree.leaves(batch))
    grid = devices.make_mesh(rows, mesh, devices=topology_devices(topology))
    place = placement.place(state, grid, rules=paper.SHARDING)
    shardings = jax.tree.map(lambda leaf: place.rows(leaf.shape[0]), batch)
    step = place.compile_train(partial(paper.train_step, config))
    lowered = step.lower(
        place.abstract(state, place.state), place.abstract(batch, shardings)
    )
    start = time.perf_counter()
    try:
        compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        seconds = time.perf_counter() - start
        return TooLarge(topology, chip, grid.size, _needed(error), seconds)
    seconds = time.perf_counter() - start
    memory = compiled.memory_analysis()
    outputs = memory.output_size_in_bytes - memory.alias_size_in_bytes
    arguments = memory.argument_size_in_bytes
    temporaries = memory.temp_size_in_bytes
    return Compiled(
        topology=topology,
        chip=chip,
        chips=grid.size,
        repeats=grid.size // _used(grid, rows),
        arguments=arguments,
        temporaries=temporaries,
        peak=arguments + temporaries + outputs + memory.generated_code_size_in_bytes,
        cost=cost(compiled.as_text()),
        seconds=seconds,
    )


def _used(mesh: jax.sharding.Mesh, rows: int) -> int:
    """Devices that the rows are split over."""
    used = 1
    for axis in devices.split_rows(mesh, rows):
        used *= mesh.shape[axis]
    return used


def _needed(error: Exception) -> float:
    """Bytes that XLA wanted, from its refusal. Other errors are raised again."""
    said = re.search(r"\(?([\d.]+)([KMG])\)? exceeds|Used ([\d.]+)([KMG])", str(error))
    if "RESOURCE_EXHAUSTED" not in str(error) or not said:
        raise error
    number, unit = (part for part in said.groups() if part)
    return float(number) * {"K": 2**10, "M": 2**20, "G": 2**30}[unit]
