"""What a host feeds its chips with. A failure means that a row of the table times
something else than it says, or that worker processes change what a run learns."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from common.data.pipeline import pipeline
from launch import feed
from tests.common.data.test_workers import all_gone
from tests.launch.test_main import ROOT, command, run, same

SECONDS = 600  # bounds a hang, on a busy machine too


class Slow:
    """Items that take 4 ms of CPU."""

    def __len__(self):
        return 1000

    def __getitem__(self, index):
        until = time.thread_time() + 0.004
        while time.thread_time() < until:
            pass
        return {"x": index}


def test_a_batch_costs_what_its_items_cost_and_not_what_is_read_ahead():
    batches = pipeline(Slow(), batch_size=4)
    assert 0.016 <= feed.seconds_a_batch(batches, least=0.2) < 0.04


def test_photographs_are_jpegs_of_the_size_in_two_classes(tmp_path):
    kilobytes = feed.write_photographs(tmp_path, (341, 256), count=4)
    paths = sorted(tmp_path.rglob("*.jpg"))
    assert {path.parent.name for path in paths} == {"class0", "class1"}
    assert {Image.open(path).size for path in paths} == {(341, 256)}
    assert 10 < kilobytes < 200
    labels = [label for label, *_ in feed.cases(str(tmp_path))]
    assert "whole" in labels[0]  # `_hosts` takes the first two for these
    assert "crop resized" in labels[1]


PAGE = """
| step                  | slice   | TFLOP | HBM GiB | roofline ms | items/s at most |
| --------------------- | ------- | ----- | ------- | ----------- | --------------- |
| espcn                 | v5e:4x4 |     1 |       1 |           1 |               1 |
| resnet · resnet50 bfloat16 | v5e:4x4 | 1.970 | 61 |   100.0 |          40,960 |
"""


def test_a_host_needs_the_cores_that_its_chips_rate_takes():
    """256 rows a chip: the roofline of v5e and v6e is the memory's, at its bandwidth;
    where there is none to speak of, it is that of 1.97 TFLOP."""
    table = feed.hosts(PAGE, whole=200.0, alone=400.0)
    assert [row[:2] for row in table.rows] == [["v5e", 256], ["v5p", 256], ["v6e", 256]]
    v5e, v5p, v6e = (row[2] for row in table.rows)
    np.testing.assert_allclose(v5e, 4 * 256 / (61 * 2**30 / 819e9))
    np.testing.assert_allclose([v5p / v5e, v6e / v5e], [2765 / 819, 2.0])
    _, _, rate, whole, alone, vcpus = table.rows[0]
    assert (whole, alone, vcpus) == (rate / 200, rate / 400, 112)
    bound = feed.hosts(PAGE.replace("61 |", " 1 |"), whole=1.0, alone=1.0)
    np.testing.assert_allclose(bound.rows[0][2], 4 * 256 / 0.01)


def test_the_page_of_compiled_steps_has_the_rows_that_are_read():
    table = feed.hosts(feed.COMPILED.read_text("utf-8"), whole=1.0, alone=1.0)
    assert len(table.rows) == 6
    with pytest.raises(UserError, match="no table"):
        feed.hosts("| a | b |", whole=1.0, alone=1.0)


@pytest.mark.slow
def test_a_run_with_workers_stopped_and_resumed_is_the_run_without(tmp_path):
    """SIGTERM to the whole session, as Slurm sends it; on from there with one worker
    more, and no process is left."""
    folder = tmp_path / "pictures"
    feed.write_photographs(folder, (40, 30), count=12)
    flags = [
        "--paper=resnet", "--config=smoke", "--config.data.source=files",
        f"--config.data.root={folder}", "--config.data.channels=3",
        "--config.data.size=8", "--config.data.augment=imagenet",
        "--config.data.short=9,12", "--config.loop.steps=150", "--cpu_devices=2",
        "--config.loop.save_every=20", "--config.loop.eval_every=0",
    ]  # fmt: skip
    alone, stopped = tmp_path / "alone", tmp_path / "stopped"
    done = run(*flags, f"--workdir={alone}", "--workers=0")
    assert done.returncode == 0, done.stderr

    process = subprocess.Popen(
        command(*flags, f"--workdir={stopped}", "--workers=2"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    saved = "*/checkpoints/20/meta/metadata"
    while not [*stopped.glob(saved)] and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGTERM)
    output, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    assert "nothing is lost" in output
    assert "Traceback" not in errors
    assert all_gone(process.pid)
    done = run(*flags, f"--workdir={stopped}", "--workers=3")
    assert done.returncode == 0, done.stderr
    for path in alone.glob("*/checkpoints"):
        same(path.parent, stopped / path.parent.name)
