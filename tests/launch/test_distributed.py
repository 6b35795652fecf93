"""Two processes with four devices each, as one job. A failure means that they train
otherwise than one process, or that losing one loses the run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from common.contract import UserError
from launch import catalogue, distributed, lost
from launch.runs import Runs
from tests.launch.jobs import (
    MAIN,
    QUICKEST,
    SECONDS,
    SHORT,
    arrays,
    assert_same,
    assert_same_tables,
    command,
    ended,
    free_port,
    job,
    losses,
    run_alone,
    tables,
    timeless,
)

OTHERS = [
    name
    for name in catalogue.names()
    if name not in (QUICKEST, "soft_nms")  # whose runs are YOLOv3's
]
# Its loss is a sum over slots: momentum reaches 30, and is compared as parts of that.
LARGE = {"yolov3": 1e-3}
MEASURED = {"distillation": "distilled"}  # its first run is in no table by itself


@pytest.mark.parametrize(
    "paper", [QUICKEST, *(pytest.param(p, marks=pytest.mark.slow) for p in OTHERS)]
)
def test_two_processes_are_one(paper, tmp_path):
    """Losses and every array, memory rows included, of one of the paper's runs as of
    one process with one device; the report is written once, by process 0, and is the
    one that a single device writes of these states.

    That as many devices in one process agree is the contract's test. All runs are
    evaluated where they are split in test_evaluation.
    """
    two, single = tmp_path / "two", tmp_path / "single"
    run, flags = one_run(paper)
    results = ended(job(two, *flags, "--mesh=data:2,fsdp", each=2, paper=paper))
    assert [code for code, *_ in results] == [0, 0], results
    assert results[1][1] == ""  # process 1 prints nothing
    together = tables(two)
    assert together
    run_alone(two, *flags, "--mode=eval", devices=1, paper=paper)
    assert_same_tables(together, tables(two))
    run_alone(single, *flags, f"--run={run}", devices=1, paper=paper)
    np.testing.assert_allclose(losses(two, run), losses(single, run), rtol=1e-4)
    atol = LARGE.get(paper, 1e-5)
    assert_same(arrays(two, run), arrays(single, run), atol=atol, rtol=1e-4)


def one_run(paper: str) -> tuple[str, list[str]]:
    """The first of a paper's runs, and the flags to train it and those it comes after,
    shortly."""
    module = catalogue.load(paper)
    config = module.get_config("smoke")
    runs = Runs(module, config)
    run = MEASURED.get(paper) or next(iter(runs))
    needed = runs.in_order([run])
    names = [name for name in config.runs if name in needed]
    return run, [*SHORT, f"--config.runs={','.join(names)}"]


@pytest.mark.slow
def test_devices_that_repeat_rows_may_belong_to_two_processes(tmp_path):
    """3 processes of 2 devices, 8 rows: every 3 devices compute the same 4."""
    many, single = tmp_path / "many", tmp_path / "single"
    results = ended(job(many, *SHORT, processes=3, each=2, paper=QUICKEST))
    assert [code for code, *_ in results] == [0, 0, 0], results
    assert "every 3 devices compute the same rows" in results[0][2]
    run = next(iter(catalogue.load(QUICKEST).get_config("smoke").runs))
    run_alone(single, *SHORT, f"--run={run}", devices=1, paper=QUICKEST)
    np.testing.assert_allclose(losses(many, run), losses(single, run), rtol=1e-4)
    assert_same(arrays(many, run), arrays(single, run), atol=1e-5, rtol=1e-4)


SHARED_READ = """
import sys
from pathlib import Path

port, process, workdir, mesh, mode = sys.argv[1:]
import jax

jax.config.update("jax_num_cpu_devices", 2)
jax.distributed.initialize("localhost:" + port, 2, int(process))
import jax.numpy as jnp
import numpy as np
from flax import struct
from common.sections import Loop
from launch import devices, placement
from launch.checkpoints import Checkpoints

@struct.dataclass
class State:
    step: jax.Array
    large: jax.Array
    uneven: jax.Array

def init():
    key = jax.random.key(0)
    uneven = jax.random.normal(key, (7, 1001, 2))
    return State(jnp.int32(3), jax.random.normal(key, (4096, 4096)), uneven)

def read():
    words = Path("/proc/self/io").read_text().split()
    return int(words[words.index("rchar:") + 1])

place = placement.place(jax.eval_shape(init), devices.make_mesh(8, mesh))
made = place.make_state(init)
checkpoints = Checkpoints(Path(workdir), Loop())
if mode == "save":
    checkpoints.save(3, made, {}, None)
else:
    before = read()
    abstract = place.abstract(jax.eval_shape(init), place.state)
    state, _ = checkpoints.restore(abstract)
    print(read() - before)
    for ours, theirs in zip(*map(jax.tree.leaves, (state, made))):
        assert ours.sharding == theirs.sharding
        for a, b in zip(ours.addressable_shards, theirs.addressable_shards):
            np.testing.assert_array_equal(a.data, b.data)
checkpoints.close()
jax.distributed.shutdown()
"""


@pytest.mark.slow
@pytest.mark.parametrize("mesh", ["data", "data:2,fsdp"])
def test_each_process_reads_its_part_of_a_checkpoint(mesh, tmp_path):
    """And has its whole copy, of the same bits, by the devices' network."""
    large = 4 * 4096 * 4096  # bytes
    for mode in ("save", "restore"):
        port = str(free_port())
        start = [sys.executable, "-c", SHARED_READ, port]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        root = MAIN.parents[1]
        processes = [
            subprocess.Popen([*start, i, str(tmp_path), mesh, mode], cwd=root, **pipes)
            for i in "01"
        ]
        results = ended(processes)
        assert [code for code, *_ in results] == [0, 0], results
    read = [int(output.splitlines()[-1]) for _, output, _ in results]
    assert sum(read) < 1.3 * large
    assert max(read) < 0.7 * large


LONG = [
    "--run=xl", "--config.loop.steps=4000", "--config.loop.eval_every=0",
    "--config.loop.save_every=20", "--config.loop.log_every=5",
]  # fmt: skip


def wait_for_step(processes: list, workdir: Path, step: int, run: str = "xl") -> None:
    """Returns when a checkpoint at or after `step` is whole."""
    folder = workdir / run / "checkpoints"
    while all(process.poll() is None for process in processes):
        if any(f.name.isdigit() and int(f.name) >= step for f in folder.glob("*")):
            return
        time.sleep(0.05)
    raise AssertionError(f"no checkpoint at {step} in {folder}: {ended(processes)}")


def newest(workdir: Path, run: str = "xl") -> int:
    return max(int(f.name) for f in (workdir / run / "checkpoints").glob("[0-9]*"))


@pytest.mark.slow
def test_sigterm_on_one_host_saves_the_same_step_on_all(tmp_path):
    processes = job(tmp_path, *LONG)
    wait_for_step(processes, tmp_path, 20)
    processes[1].send_signal(signal.SIGTERM)
    results = ended(processes)
    assert [code for code, *_ in results] == [0, 0], results
    assert "nothing is lost" in results[0][1]
    stopped = newest(tmp_path)
    # Both parts of every array are there: one process alone reads it and goes on, and
    # what that one leaves, two read again.
    run_alone(tmp_path, *until(stopped + 5, tmp_path), devices=2)
    assert newest(tmp_path) == stopped + 5
    results = ended(job(tmp_path, *until(stopped + 10, tmp_path), "--mesh=fsdp"))
    assert [code for code, *_ in results] == [0, 0], results
    assert newest(tmp_path) == stopped + 10


def until(step: int, workdir: Path) -> list[str]:
    """The flags to train until `step`, once the saved config says so too."""
    path = workdir / "xl" / "config.json"
    settings = json.loads(path.read_text())
    settings["loop"]["steps"] = step
    path.write_text(json.dumps(settings))
    return [f"--config.loop.steps={step}", *LONG[2:], "--run=xl"]


CLUSTERS = {
    "slurm": {
        "SLURM_JOB_ID": "{port}", "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "2", "SLURM_PROCID": "{i}", "SLURM_LOCALID": "{i}",
    },
    "ompi": {
        "OMPI_MCA_orte_hnp_uri": "{orte}.0;tcp://127.0.0.1:1",
        "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "{i}",
        "OMPI_COMM_WORLD_LOCAL_RANK": "{i}",
    },
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_cluster_that_jax_knows_needs_no_flags(cluster, tmp_path):
    """Two processes get the environment of Slurm's srun and of Open MPI's mpirun."""
    port = free_port() % 2**12  # JAX takes it from the job's number, above 61,440
    processes = []
    for i in range(2):
        told = {
            name: value.format(i=i, port=port, orte=port * 2**12)
            for name, value in CLUSTERS[cluster].items()
        }
        start = command(tmp_path, *SHORT, "--cpu_devices=2", paper=QUICKEST)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(start, env=os.environ | told, **pipes))
    results = ended(processes)
    assert [code for code, *_ in results] == [0, 0], results
    assert "step 6/6" in results[0][1]
    assert results[1][1] == ""


@pytest.mark.slow
def test_a_killed_process_ends_the_others_and_the_job_resumes(tmp_path):
    """kill -9 of either of two: the other says so and ends, and the same command on
    both ends in the same bits as a job that nobody killed."""
    steps = ["--run=xl", "--config.loop.steps=60", *LONG[2:]]
    unbroken = tmp_path / "unbroken"
    broken = tmp_path / "broken"
    assert [c for c, *_ in ended(job(unbroken, *steps))] == [0, 0]
    for killed, step in ((0, 20), (1, 40)):
        processes = job(broken, *steps)
        wait_for_step(processes, broken, step)
        os.kill(processes[killed].pid, signal.SIGKILL)
        results = ended(processes)
        code, _, stderr = results[1 - killed]
        assert code == distributed.LOST, results
        assert "another process of the job was lost" in stderr.splitlines()[-1]
    assert [c for c, *_ in ended(job(broken, *steps))] == [0, 0]
    assert_same(arrays(broken, "xl"), arrays(unbroken, "xl"), atol=0, rtol=0)
    assert timeless(broken) == timeless(unbroken)


def test_flags_that_name_no_job_are_one_line():
    run = subprocess.run(
        command(Path("/tmp/none"), "--num_processes=2", "--process_id=5",
                "--coordinator=localhost:1"),
        capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert run.returncode == 2
    assert "--process_id" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except Exception as caught:
        return caught


GLOO = (
    "Gloo AllGather failed: [external/gloo/gloo/transport/tcp/pair.cc:547] Connection "
    "closed by peer [127.0.0.1]:22"
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError(GLOO), distributed.LOST),
        (RuntimeError("NCCL operation ncclAllReduce() failed"), distributed.LOST),
        (jax.errors.JaxRuntimeError("UNAVAILABLE: Socket closed"), distributed.LOST),
        (ValueError("DEADLINE_EXCEEDED: Barrier timed out"), distributed.LOST),
        (ConnectionResetError(), distributed.LOST),
        (TimeoutError("timed out"), distributed.LOST),
        (raised(OSError("cannot save"), ValueError(GLOO)), distributed.LOST),
        (UserError("no connection named b"), 2),
        (KeyboardInterrupt(), 130),
        (ValueError("connection: a Dense layer has no peer"), 1),
        (KeyError("coordination"), 1),
        (OSError("[Errno 28] No space left on device"), 1),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"), 1),
        (jax.errors.JaxRuntimeError("INVALID_ARGUMENT: shapes"), 1),
    ],
)
def test_what_the_network_says_is_a_lost_process_whatever_its_type(error, code):
    assert lost.tell(error) == code


@pytest.mark.parametrize(
    "signs",
    [
        {"SLURM_PROCID": "3", "SLURM_NTASKS": "8"},
        {"JOB_COMPLETION_INDEX": "0"},
        {"PMI_RANK": "1", "PMI_SIZE": "2"},
    ],
)
def test_signs_of_many_processes_without_a_cluster_are_refused(signs, monkeypatch):
    for name, value in signs.items():
        monkeypatch.setenv(name, value)
    assert distributed.maybe_many(None, None)
    with pytest.raises(UserError, match=r"is set.*--num_processes=1"):
        distributed._refuse_many_alone()
    assert not distributed.maybe_many(1, None)


def test_a_job_of_one_task_is_not_refused(monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_NTASKS", "1")
    distributed._refuse_many_alone()


def test_a_process_that_finds_no_cluster_says_so_in_a_line(tmp_path):
    run = subprocess.run(
        command(tmp_path), env=os.environ | {"JOB_COMPLETION_INDEX": "1"},
        capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    assert line.startswith("launch: JOB_COMPLETION_INDEX is set")
    assert not [*tmp_path.iterdir()]
