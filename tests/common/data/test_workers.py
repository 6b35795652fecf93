"""Worker processes. A failure means that batches depend on how many there are, that a
worker takes the accelerator, or that one outlives its job or holds it up."""

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from common.data import workers as room
from common.data.pipeline import pipeline
from common.data.workers import for_cores, workers
from common.files.pictures import PictureFiles

ROOT = Path(__file__).parents[3]
SECONDS = 120  # bounds a hang, on a busy machine too


class Items:
    """37 items, each of which says which process made it."""

    def __len__(self):
        return 37

    def __getitem__(self, index):
        return {"x": np.array([index, -index], np.int32), "made_by": os.getpid()}


def with_draw(item, rng):
    return {**item, "draw": rng.integers(1 << 30)}


def stream(**options):
    options = {"batch_size": 6, "shuffle": True, "random_map_fn": with_draw, **options}
    return pipeline(Items(), seed=3, costly=True, **options)


def read(count, n, skip=0, **options):
    """(n batches, the position behind them, the processes that made them)"""
    with workers(count):
        batches = stream(**options)
        if skip:
            batches.set_state({"next_index": skip})
        found = [*islice(batches, n)]
        position = json.loads(json.dumps(batches.get_state()))
    made_by = {int(p) for batch in found for p in batch.pop("made_by") if p}
    return found, position, made_by


def assert_equal(these, those):
    assert len(these) == len(those)
    for a, b in zip(these, those, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
            assert a[name].dtype == b[name].dtype


def test_batches_and_positions_do_not_depend_on_the_number_of_workers(monkeypatch):
    """Nor does where a stream that another number began goes on."""
    monkeypatch.setattr(room, "_ROWS", 2)  # three parts a batch
    alone, position, made_by = read(0, 12)
    assert made_by == {os.getpid()}
    found, their_position, made_by = read(2, 12)
    assert_equal(found, alone)
    assert their_position == position == {"next_index": 12}
    assert len(made_by) == 2
    assert os.getpid() not in made_by
    assert_equal(read(3, 5, skip=7)[0], alone[7:])


def test_a_position_set_while_workers_read_is_where_they_go_on():
    alone, *_ = read(0, 9)
    with workers(1):
        batches = stream()
        next(batches)
        batches.set_state({"next_index": 6})
        found = [*islice(batches, 3)]
    for batch in found:
        del batch["made_by"]
    assert_equal(found, alone[6:])


def test_a_finite_pass_ends_with_its_padding(monkeypatch):
    monkeypatch.setattr("common.data.pipeline._FEW", 0)
    options = {"shuffle": False, "repeat": False}
    alone, *_ = read(0, 99, **options)
    found, _, made_by = read(2, 99, **options)
    assert_equal(found, alone)
    assert found[-1]["mask"].tolist() == [1, 0, 0, 0, 0, 0]
    assert os.getpid() not in made_by


def test_without_shared_memory_batches_come_through_pipes(monkeypatch):
    monkeypatch.setattr(room, "_SHARED", "/proc/no such folder")
    assert room._least_shared(1) > 1 << 50
    assert_equal(read(1, 3)[0], read(0, 3)[0])


def test_what_a_source_refuses_comes_as_its_own_error():
    def refuse(item, rng):
        if item["x"][0] == 30:
            raise UserError("item 30 has no crop")
        return item

    with workers(1), pytest.raises(UserError, match="item 30 has no crop"):
        [*islice(stream(random_map_fn=refuse), 7)]


def asks_for_devices(item, rng):
    """Of a worker alone: this process makes one item, to know its size."""
    if multiprocessing.parent_process() is None:
        return {"platform": 0}
    return {"platform": ["tpu", "cpu"].index(jax.devices()[0].platform)}


def test_a_worker_never_asks_for_the_accelerator():
    """The job is told to use a TPU, which is not there: who asks JAX for it fails."""
    script = (
        "from itertools import islice\n"
        "from common.data.workers import workers\n"
        "from tests.common.data.test_workers import asks_for_devices, stream\n"
        "if __name__ == '__main__':\n"
        "    with workers(1):\n"
        "        batch = next(stream(random_map_fn=asks_for_devices))\n"
        "    print(batch['platform'].all())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "tpu"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.stdout == "True\n", done.stderr


def test_pictures_travel_as_names_and_come_back_as_they_are(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (5, 4), (1, 2, 3)).save(path)
    pictures = pickle.loads(pickle.dumps(PictureFiles([path] * 1000)))
    np.testing.assert_array_equal(pictures[999], np.full((4, 5, 3), (1, 2, 3)))
    assert len(pickle.dumps(PictureFiles([path] * 1000))) < 1000 * (len(str(path)) + 9)


@pytest.mark.parametrize(("cores", "count"), [(1, 0), (4, 0), (8, 2), (112, 28)])
def test_workers_by_the_hosts_cores(cores, count):
    assert for_cores(cores) == count


JOB = """
import signal, sys, time
from tests.common.data.test_workers import stream
from common.data.workers import workers
from launch.stop import StopRequest

def main():
    with StopRequest() as stop, workers(2):
        batches = stream()
        next(batches)
        print("reads", flush=True)
        while not stop.requested:
            next(batches)
            time.sleep(0.01)
        for _ in range(50):  # those that were made before the signal, and others
            next(batches)
    print("saved", flush=True)

if __name__ == "__main__":
    main()
"""


def begun(tmp_path):
    """A job in a session of its own, and the processes of it."""
    script = tmp_path / "job.py"
    script.write_text(JOB)
    process = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "reads\n", process.stderr.read()
    assert len(in_session(process.pid)) >= 3
    return process


def in_session(session: int) -> list[int]:
    """The processes of a session that are not dead."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it went meanwhile
            continue
        if int(of) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found


def all_gone(session: int) -> bool:
    limit = time.monotonic() + SECONDS
    while in_session(session) and time.monotonic() < limit:
        time.sleep(0.05)
    return not in_session(session)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_job_is_the_first_processs_to_answer(signum, tmp_path):
    process = begun(tmp_path)
    os.killpg(process.pid, signum)
    output, errors = process.communicate(timeout=SECONDS)
    assert (output, errors, process.returncode) == ("saved\n", "", 0)
    assert all_gone(process.pid)


def test_workers_of_a_killed_job_end(tmp_path):
    process = begun(tmp_path)
    process.kill()
    process.communicate(timeout=SECONDS)
    assert all_gone(process.pid)
