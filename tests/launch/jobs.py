"""Jobs of several processes, started as a user starts them, and what they leave."""

import json
import os
import socket
import subprocess
import sys
from itertools import chain
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from launch import distributed

QUICKEST = "espcn"
MAIN = Path(__file__).parents[2] / "launch" / "main.py"
SECONDS = 600  # bounds a hang, on a busy machine too
SHORT = ["--config.loop.steps=6", "--config.loop.eval_every=3"]


def command(
    workdir: Path, *more: str, paper: str = "transformer_xl", program: str = ""
) -> list[str]:
    """main.py's, or that of a `program` which gets the workdir and then the flags."""
    start = ["-c", program, str(workdir)] if program else [str(MAIN)]
    flags = [f"--paper={paper}", "--config=smoke", f"--workdir={workdir}"]
    return [sys.executable, *start, *flags, *more]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


def job(
    workdir: Path, *more: str, processes: int = 2, each: int = 4, **options
) -> list:
    """Starts the processes of one job, with so many devices each."""
    place = [f"--coordinator=localhost:{free_port()}", f"--num_processes={processes}"]
    devices = f"--cpu_devices={each}"
    # A program of the test's own has no parent process of ours.
    child = {distributed.UNDER_PARENT: str(os.getpid())} if "program" in options else {}
    return [
        subprocess.Popen(
            command(workdir, *more, *place, devices, f"--process_id={i}", **options),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=MAIN.parents[1],
            env=os.environ | child,
        )
        for i in range(processes)
    ]


def ended(processes: list) -> list[tuple[int, str, str]]:
    """(exit code, stdout, stderr) of each process."""
    outputs = [p.communicate(timeout=SECONDS) for p in processes]
    return [
        (p.returncode, *output) for p, output in zip(processes, outputs, strict=True)
    ]


def run_alone(workdir: Path, *more: str, devices: int, **options) -> None:
    subprocess.run(
        command(workdir, *more, f"--cpu_devices={devices}", **options),
        check=True,
        capture_output=True,
    )


def losses(workdir: Path, run: str) -> list[float]:
    lines = (workdir / run / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


def timeless(workdir: Path, run: str = "xl") -> list[dict]:
    """The metrics without their times."""
    lines = (workdir / run / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if k != "seconds"} for x in lines]


def arrays(workdir: Path, run: str) -> dict[str, np.ndarray]:
    """The newest checkpoint's arrays, in whatever way they were sharded."""
    steps = [int(f.name) for f in (workdir / run / "checkpoints").glob("[0-9]*")]
    folder = workdir / run / "checkpoints" / str(max(steps)) / "state"
    with ocp.PyTreeCheckpointer() as reader:
        one = jax.sharding.SingleDeviceSharding(jax.devices()[0])
        tree = reader.metadata(folder).item_metadata.tree
        restore = jax.tree.map(lambda _: ocp.ArrayRestoreArgs(sharding=one), tree)
        restored = reader.restore(folder, restore_args=restore)
    return {
        name: np.asarray(x if not jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
                         else jax.random.key_data(x))
        for name, x in restored.items()
    }  # fmt: skip


def assert_same(a: dict, b: dict, *, atol: float, rtol: float) -> None:
    """Arrays agree to a tolerance, and pictures to one grey level."""
    assert a.keys() == b.keys()
    for name in a:
        x, y = (np.asarray(arrays[name], np.float64) for arrays in (a, b))
        least = float(atol > 0 and a[name].dtype == np.uint8)
        np.testing.assert_allclose(x, y, err_msg=name, atol=max(atol, least), rtol=rtol)


TIMED = (
    "Training", "Operations and time", "Seconds a token", "Cost of a step", "Speed",
)  # fmt: skip


def tables(workdir: Path) -> dict[str, list]:
    """The rows of a report's tables, but for those with seconds in them."""
    report = json.loads((workdir / "report" / "results.json").read_text())
    assert "incomplete" not in report["facts"]
    return {
        result["name"]: result["value"]["rows"]
        for result in report["results"]
        if result["kind"] == "table" and result["name"] not in (*TIMED, "Summary")
    }


def assert_same_tables(a: dict[str, list], b: dict[str, list]) -> None:
    """But for rounding."""
    assert a.keys() == b.keys()
    for name in a:
        for x, y in zip(chain(*a[name]), chain(*b[name]), strict=True):
            if isinstance(x, float):
                assert x == pytest.approx(y, rel=1e-3, abs=1e-4), name
            else:
                assert x == y, name


def bytes_of(tree) -> dict[int, int]:
    """{device: bytes of the arrays on it}"""
    shards = [s for leaf in jax.tree.leaves(tree) for s in leaf.addressable_shards]
    found = dict.fromkeys((s.device.id for s in shards), 0)
    for shard in shards:
        found[shard.device.id] += shard.data.nbytes
    return found
