"""One train step compiled for one slice: what XLA says of its memory and its cost."""

import dataclasses
import importlib
import math
import multiprocessing
import re
import signal
import time
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import jax

from common.contract import UserError
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


@dataclasses.dataclass(frozen=True)
class Died:
    """libtpu ended the process that it ran in, as it does on some programs."""

    topology: str
    chip: Chip
    why: str
    seconds: float
    fits: bool = True  # as far as we know


def compile_apart(
    session: Session, name: str, topology: str, mesh: str, effort: float
) -> Compiled | TooLarge | Died:
    """`compile_run` in a process of its own, which alone ends when libtpu dies."""
    context = multiprocessing.get_context("spawn")
    answers, answer_to = context.Pipe(duplex=False)
    job = (session.paper.__name__, session.config, effort, name, topology, mesh)
    child = context.Process(
        target=_compile_and_answer, args=(answer_to, *job), daemon=True
    )
    start = time.perf_counter()
    child.start()
    answer_to.close()  # the child's end alone is open: if it dies, `recv` ends
    try:
        result, error = answers.recv()
    except EOFError:
        child.join()
        chip, _ = parse_topology(topology)
        return Died(topology, chip, _why(child), time.perf_counter() - start)
    child.join()
    if error:
        raise error
    return result


def _compile_and_answer(
    answer_to: Connection, paper: str, config: Any, effort: float, *job
) -> None:
    """Sends the result, or the user's mistake. Any other error ends this process."""
    jax.config.update("jax_platforms", "cpu")  # a TPU that is here stays free
    # An entry of the cache cannot be read without a TPU; trying warns at length.
    jax.config.update("jax_enable_compilation_cache", False)
    jax.config.update("jax_exec_time_optimization_effort", effort)
    session = Session(importlib.import_module(paper), config, Path())
    try:
        answer_to.send((compile_run(session, *job), None))
    except UserError as error:
        answer_to.send((None, error))


def _why(child: multiprocessing.Process) -> str:
    """How it ended: "SIGSEGV", or "exit code 1"."""
    code = child.exitcode
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def compile_run(
    session: Session, name: str, topology: str, mesh: str
) -> Compiled | TooLarge:
    """Compiles the train step of run `name` for one slice."""
    chip, _ = parse_topology(topology)
    paper = session.runs.paper(name)
    config = session.runs[name].config
    state = session.runs.abstract_state(name)
    batch = paper.batch_spec(config)
    rows = math.gcd(*(leaf.shape[0] for leaf in jax.tree.leaves(batch)))
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
