"""How fast a train step is on this machine, and a matrix product for comparison."""

import resource
import statistics
import time

import jax

from common.contract import Table
from common.timing import MATMUL, matmul_flops
from launch.reports.results import show
from launch.session import Session

WARM_UP = 3  # steps, after the one that compiles
STEPS = 20  # timed


def benchmark(session: Session, names: list[str]) -> None:
    """Prints a row for each run. Every step has a fresh batch, which is on the devices
    before the step's time begins."""
    peak = jax.process_count() * matmul_flops()
    rows = [_row(session, name, peak) for name in names]
    columns = (
        "run", "devices", "compile s", "step ms", "fastest ms", "items/s", "GFLOP/s",
        "share of matmul", "peak MiB",
    )  # fmt: skip
    note = (
        f"median of {STEPS} steps; a {MATMUL} x {MATMUL} float32 product reaches "
        f"{peak / 1e9:.0f} GFLOP/s here"
    )
    show("Benchmark", Table(columns, rows, note))


def _row(session: Session, name: str, peak: float) -> list[str | int | float | None]:
    trainer = session.trainer(name)
    config = trainer.config
    data = trainer.batches("train")
    state = trainer.make_state()
    seconds = []
    for _ in range(1 + WARM_UP + STEPS):
        batch = jax.block_until_ready(trainer.put("train", next(data)))
        start = time.perf_counter()
        state, metrics = trainer.train_step(state, batch)
        jax.block_until_ready((state, metrics))
        seconds.append(time.perf_counter() - start)
    compiling = seconds[0]
    timed = seconds[1 + WARM_UP :]
    median = statistics.median(timed)
    flops = session.runs.step_flops(name)
    return [
        name,
        trainer.placement.mesh.size,
        compiling,
        1e3 * median,
        1e3 * min(timed),
        config.items_per_step / median,
        flops / median / 1e9,
        flops / median / peak,
        peak_bytes() / 2**20,
    ]


def peak_bytes() -> int:
    """The most memory used so far: of the fullest device, or of a CPU's process."""
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    used = [s["peak_bytes_in_use"] for s in stats if "peak_bytes_in_use" in s]
    return max(used, default=1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
