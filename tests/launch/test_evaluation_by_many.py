"""Two processes evaluate and predict together. A failure means that a device holds more
than its share of a model, or that a signal or a lost process ends them otherwise than
WORKSPACE.md says."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from launch import distributed
from tests.launch.jobs import (
    SHORT,
    assert_same_tables,
    ended,
    job,
    run_alone,
    tables,
)


@pytest.mark.slow
def test_a_process_that_leaves_while_all_evaluate(tmp_path):
    """A signal to another process than 0 waits for the report. One to process 0 keeps
    what was measured: the others lose it, and the same command measures anew. The death
    of one ends the others."""
    processes = evaluating(tmp_path)
    os.kill(processes[1].pid, signal.SIGKILL)
    code, _, stderr = ended(processes)[0]
    assert code == distributed.LOST, stderr
    assert "another process of the job was lost" in stderr.splitlines()[-1]

    processes = evaluating(tmp_path)
    processes[0].send_signal(signal.SIGTERM)
    results = ended(processes)
    assert [code for code, *_ in results] == [0, distributed.LOST], results
    assert "nothing is lost; to go on" in results[0][1]
    report = json.loads((tmp_path / "report" / "results.json").read_text())
    assert "incomplete" in report["facts"]

    processes = evaluating(tmp_path)
    processes[1].send_signal(signal.SIGTERM)
    results = ended(processes)
    assert [code for code, *_ in results] == [0, 0], results
    assert "leaves as soon as the others do" in results[1][2]
    assert tables(tmp_path)


def evaluating(workdir: Path) -> list:
    """The processes of a job that measures its runs together, and has begun. The first
    one trains them."""
    shutil.rmtree(workdir / "report", ignore_errors=True)
    processes = job(workdir, *SHORT, "--mesh=fsdp", each=1)
    while not (workdir / "report" / "training-curves.png").exists():
        assert all(process.poll() is None for process in processes)
        time.sleep(0.05)
    return processes


# Runs main.py, and writes what each device of this process holds: of the parameters
# when they were saved, and of the states that are evaluated or predict. Speed is read
# off few tokens, since host devices are slow to talk to each other.
WEIGHED = """
import json, sys
from pathlib import Path
import papers.transformer_xl as paper
from papers.transformer_xl import cost
from launch import checkpoints, distributed, main
from tests.launch.jobs import bytes_of

def weigh(name, tree):
    import jax
    place = Path(sys.argv[1], f"{name}-{jax.process_index()}.json")
    place.write_text(json.dumps(sorted(bytes_of(tree).values())))

save, evaluate, predict = checkpoints.Checkpoints.save, paper.evaluate, paper.predict

def weighed_save(self, step, state, *more):
    weigh("trained", (state.step, state.key, state.params))
    save(self, step, state, *more)

def weighed_evaluate(config, trained):
    weigh("evaluated", [state for _, state in trained.values()])
    yield from evaluate(config, trained)

def weighed_predict(config, state, inputs):
    weigh("predicts", state)
    yield from predict(config, state, inputs)

cost.SEGMENT, cost.REPEATS = 4, 1
checkpoints.Checkpoints.save = weighed_save
paper.evaluate, paper.predict = weighed_evaluate, weighed_predict
sys.exit(main.main(sys.argv[1:]))
"""
WIDE = ["--config.runs=xl", "--config.model.d_model=128", "--config.model.d_inner=256"]


@pytest.mark.slow
@pytest.mark.parametrize("mesh", ["fsdp", "data:2,fsdp"])
def test_no_device_holds_more_of_a_model_than_in_training(mesh, tmp_path):
    """Of the states handed to `evaluate` and `predict`, every device of two processes
    has the bytes of its share of the parameters."""
    flags = [*SHORT, *WIDE, f"--mesh={mesh}"]
    for mode in ([], ["--mode=predict", "--input=the old "]):
        results = ended(job(tmp_path, *flags, *mode, program=WEIGHED))
        assert [code for code, *_ in results] == [0, 0], results
    text = results[0][1]
    assert results[1][1] == ""
    weights = {
        name: [json.loads((tmp_path / f"{name}-{i}.json").read_text()) for i in (0, 1)]
        for name in ("trained", "evaluated", "predicts")
    }
    assert weights["evaluated"] == weights["predicts"] == weights["trained"]
    together = tables(tmp_path)
    alone = ended(
        job(tmp_path, *flags[:-1], *mode, processes=1, each=1, program=WEIGHED)
    )
    assert alone[0][1] == text
    (whole,) = json.loads((tmp_path / "predicts-0.json").read_text())
    parts = 8 if mesh == "fsdp" else 4
    assert max(weights["evaluated"][0]) < 1.3 * whole / parts  # small arrays are whole
    run_alone(tmp_path, *flags[:-1], "--mode=eval", devices=1)
    assert_same_tables(together, tables(tmp_path))
