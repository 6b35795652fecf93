"""A workdir and its data in a bucket. A failure means that a run there, killed and
resumed or shared by two processes, is another run."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.bucket import Bucket, serve

pytest.importorskip("gcsfs", reason="a bucket needs gcsfs: pip install '.[gcs]'")

MAIN = Path(__file__).parents[2] / "launch" / "main.py"
SECONDS = 600  # bounds a hang, on a busy machine too


class Cloud:
    """A bucket, and commands that find it."""

    def __init__(self, bucket: Bucket, environment: dict[str, str]) -> None:
        self.bucket = bucket
        self._environment = {**os.environ, **environment}

    def start(self, workdir: str | Path, *flags: str) -> subprocess.Popen:
        command = [sys.executable, str(MAIN), "--paper=transformer_xl"]
        command += ["--config=smoke", f"--workdir={workdir}", *flags]
        return subprocess.Popen(
            command,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, workdir: str | Path, *flags: str) -> tuple[int, str, str]:
        return ended(self.start(workdir, *flags))

    def wait_for(self, part: str) -> None:
        """Returns when an object is there whose name holds `part`."""
        limit = time.monotonic() + SECONDS
        while not any(part in name for name in list(self.bucket.objects)):
            assert time.monotonic() < limit, (
                f"no {part} in {sorted(self.bucket.objects)}"
            )
            time.sleep(0.01)

    def read(self, name: str) -> str:
        return self.bucket.objects[name][1].decode()


@pytest.fixture
def cloud():
    with serve() as (bucket, environment):
        yield Cloud(bucket, environment)


def ended(process: subprocess.Popen) -> tuple[int, str, str]:
    """(exit code, stdout, stderr)"""
    output = process.communicate(timeout=SECONDS)
    return process.returncode, *output


def timeless(lines: str) -> list[dict]:
    """Metrics without their times."""
    records = map(json.loads, lines.splitlines())
    return [{k: v for k, v in r.items() if k != "seconds"} for r in records]


def fingerprint(meta: str) -> dict[str, int]:
    """What changes when any bit of a checkpoint's arrays does."""
    return json.loads(meta)["fingerprints"]


META = "checkpoints/20/meta/metadata"
ONE = ("--run=xl", "--cpu_devices=2")


@pytest.mark.slow
def test_killed_and_resumed_in_a_bucket_is_unbroken_on_a_disk(cloud, tmp_path):
    """kill -9 twice, each time while a checkpoint is half written, its last object held
    back; then a finished one is damaged. The text comes from the bucket too."""
    rng = np.random.default_rng(0)
    text = bytes(rng.choice(list(b"abcdefgh \n"), 20_000))
    (tmp_path / "text8").write_bytes(text)
    cloud.bucket.write("data/text8", text)
    data = "--config.data.source=files", "--config.data.root"
    options = ONE[0], ONE[1], data[0]
    on_disk = f"{data[1]}={tmp_path / 'text8'}"
    assert cloud.run(tmp_path / "disk", *options, on_disk)[0] == 0

    in_bucket = f"{data[1]}=gs://bucket/data"
    for step in (10, 20):
        cloud.bucket.held = f"checkpoints/{step}/commit_success"
        process = cloud.start("gs://bucket/runs", *options, in_bucket)
        cloud.wait_for(f"checkpoints/{step}/state")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        commit = f"runs/xl/checkpoints/{step}/commit_success.txt"
        assert commit not in cloud.bucket.objects
    cloud.bucket.held = None
    code, _, errors = cloud.run("gs://bucket/runs", *options, in_bucket)
    assert code == 0, errors

    disk = tmp_path / "disk" / "xl"
    ours = fingerprint(cloud.read(f"runs/xl/{META}"))
    assert ours == fingerprint((disk / META).read_text())
    metrics = cloud.read("runs/xl/metrics.jsonl")
    assert timeless(metrics) == timeless((disk / "metrics.jsonl").read_text())
    assert "skipped" in cloud.run("gs://bucket/runs", *options, in_bucket)[1]

    cloud.bucket.write(f"runs/xl/{META}", b"{")
    predict = "--mode=predict", "--input=abc"
    code, _, errors = cloud.run("gs://bucket/runs", *options, in_bucket, *predict)
    assert code == 0, errors
    assert "checkpoint 20 is damaged" in errors
    assert "xl is at step 10 of 20" in errors
    code, _, errors = cloud.run("gs://bucket/runs", *options, in_bucket)
    assert code == 0, errors
    assert cloud.read("runs/xl/damaged-20/meta/metadata") == "{"
    assert fingerprint(cloud.read(f"runs/xl/{META}")) == ours


@pytest.mark.slow
def test_two_processes_share_a_bucket(cloud, tmp_path):
    """They train and report as one process does."""
    code, _, errors = cloud.run(tmp_path, "--cpu_devices=2", "--run=xl")
    assert code == 0, errors
    with socket.socket() as s:
        s.bind(("localhost", 0))
        port = s.getsockname()[1]
    job = "--cpu_devices=1", "--num_processes=2", f"--coordinator=localhost:{port}"
    job += ("--config.eval.recl=false",)
    both = [cloud.start("gs://bucket/d", *job, f"--process_id={i}") for i in (0, 1)]
    for code, _, errors in map(ended, both):
        assert code == 0, errors
    one = (tmp_path / "xl" / "metrics.jsonl").read_text()
    losses = [
        [record["loss"] for record in timeless(lines)]
        for lines in (one, cloud.read("d/xl/metrics.jsonl"))
    ]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    report = json.loads(cloud.read("d/report/results.json"))
    assert "Summary" in [result["name"] for result in report["results"]]
    assert any("d/xl/tensorboard/events" in name for name in cloud.bucket.objects)


def test_a_bucket_that_we_may_not_write_to(cloud):
    cloud.bucket.readonly = True
    code, _, errors = cloud.run("gs://bucket/d", *ONE)
    assert code == 2
    assert len(errors.splitlines()) == 1
    assert "cannot be written to" in errors
    assert "no right to write" in errors


def test_a_profile_needs_a_disk(cloud):
    code, _, errors = cloud.run("gs://bucket/d", *ONE, "--profile=3")
    assert code == 2
    assert errors.endswith(
        "--profile needs a --workdir on a disk: it cannot write to gs://\n"
    )
