"""Times this package beside PyTorch: two processes that take turns of a few calls, so
that both meet the same machine.

A script names its cases and hands two functions to `main`. PyTorch's runs in the
environment of the Python that --torch_python names, which needs torch alone.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

CALLS = 6
TURNS = 6
WARM_UP = 2
ROOT = Path(__file__).resolve().parents[1]
Size = Mapping[str, Any]  # of a case, as JSON carries it
# What is done before the clock starts, and what is timed: call(prepare()).
Timed = tuple[Callable[[], Any], Callable[[Any], Any]]


def main(
    script: str,
    doc: str,
    cases: Callable[[argparse.Namespace, list[str]], Mapping[str, Size]],
    torch_case: Callable[[Size], Timed],
    jax_case: Callable[[Size, list[str]], Timed],
    parser: argparse.ArgumentParser | None = None,
) -> None:
    """Prints for every case the medians of milliseconds, by the wall's clock and of
    CPU, which a busy machine disturbs less, and their ratios, turn by turn.

    script: the caller's `__file__`; both processes run it.
    cases: of the parsed flags, and of those that are left: `--config.` overrides.
    parser: knows the script's own flags.
    """
    parser = parser or argparse.ArgumentParser()
    parser.description = doc
    parser.add_argument("--torch_python", required=True, help="a Python that has torch")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--devices", type=int, help="that JAX sees; the cores")
    parser.add_argument("--without_kept_memory", action="store_true", help="for JAX")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=json.loads, help=argparse.SUPPRESS)
    flags, overrides = parser.parse_known_args()
    if flags.worker == "torch":
        import torch

        torch.set_num_threads(flags.cores)
        return _answer(*torch_case(flags.size))
    if flags.worker == "jax":
        from launch import devices

        if not flags.without_kept_memory:
            devices.keep_freed_memory()
        devices.use_cpu_devices(flags.devices or flags.cores)
        import jax

        prepare, call = jax_case(flags.size, overrides)
        ready = jax.block_until_ready  # a call returns before its result is there
        return _answer(lambda: ready(prepare()), lambda given: ready(call(given)))
    if not shutil.which(flags.torch_python):
        parser.error(f"--torch_python={flags.torch_python} is no program")
    for name, size in cases(flags, overrides).items():
        _compare(name, [script, *sys.argv[1:], f"--size={json.dumps(size)}"], flags)


def steps(
    paper: ModuleType, config: Any, run: str, fresh: Callable[[], Any] | None = None
) -> Timed:
    """A paper's training steps, through the trainer that the command line uses, on the
    batches that `fresh` makes, or on the run's own; on all devices if they divide the
    rows."""
    import jax

    from launch.session import Session

    divides = config.data.batch_size % jax.device_count() == 0
    folder = Path(tempfile.mkdtemp())
    session = Session(paper, config, folder, every_device=divides)
    trainer = session.trainer(run)
    state = trainer.placement.put_state(trainer.make_state())
    fresh = fresh or partial(next, trainer.batches("train"))

    def step(batch):
        nonlocal state
        state, metrics = trainer.train_step(state, batch)
        return state, metrics

    return lambda: trainer.put("train", fresh()), step


def _answer(prepare: Callable[[], Any], call: Callable[[Any], Any]) -> None:
    """Reads lines; answers each with the seconds of CALLS calls."""
    for _ in sys.stdin:
        seconds = []
        for _ in range(CALLS):
            given = prepare()
            start = time.perf_counter(), time.process_time()
            call(given)
            end = time.perf_counter(), time.process_time()
            seconds.append([b - a for a, b in zip(start, end, strict=True)])
        print(json.dumps(seconds), flush=True)


def _compare(name: str, command: list[str], flags: argparse.Namespace) -> None:
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    workers = [
        subprocess.Popen(
            [python, *command, f"--worker={worker}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": paths},
        )
        for worker, python in (("torch", flags.torch_python), ("jax", sys.executable))
    ]  # fmt: skip
    for _ in range(WARM_UP):
        [_ask(worker) for worker in workers]
    turns = []
    for turn in range(1, TURNS + 1):
        turns.append([_ask(worker) for worker in workers])
        print(f"{name}, turn {turn}: {_compared(*turns[-1])}", flush=True)
    medians = [
        [statistics.median(kind) for kind in zip(*side, strict=True)]
        for side in zip(*turns, strict=True)
    ]
    load = os.getloadavg()[0]
    print(f"{name}, median: {_compared(*medians)}; load {load:.1f}", flush=True)
    for worker in workers:
        worker.stdin.close()
        worker.wait()


def _ask(worker: subprocess.Popen) -> list[float]:
    """Median milliseconds of a call, by the wall's clock and of CPU."""
    worker.stdin.write("go\n")
    worker.stdin.flush()
    answer = worker.stdout.readline()
    if not answer:
        sys.exit(f"{worker.args[0]} ended before its time; what it said is above")
    calls = json.loads(answer)
    return [1e3 * statistics.median(kind) for kind in zip(*calls, strict=True)]


def _compared(torch: list[float], jax: list[float]) -> str:
    return "; ".join(
        f"{clock} torch {a:.1f} ms, jax {b:.1f} ms, ratio {b / a:.2f}"
        for clock, a, b in zip(("wall", "CPU"), torch, jax, strict=True)
    )
