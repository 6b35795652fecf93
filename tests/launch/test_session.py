"""A workdir that has been damaged: what is trained on, what is refused."""

import dataclasses
import json
import logging
import os
import shutil
import types
from dataclasses import field
from pathlib import Path

import numpy as np
import pytest

from common.config import changed
from common.contract import Run, UserError
from launch.session import Session
from launch.stop import StopRequest
from launch.workdir import remember
from tests import smallest_paper


def paper(**parts):
    """The smallest paper with other parts."""
    return types.SimpleNamespace(**{**vars(smallest_paper), **parts})


def teacher_and_student():
    """The student starts from the teacher's parameters."""
    config = smallest_paper.get_config("smoke")
    runs = {"student": Run(config, after=("teacher",)), "teacher": Run(config)}

    def init(config, key, after=None):
        state = smallest_paper.init(config, key)
        for _, taught in (after or {}).values():
            state = state.replace(params=taught.params)
        return state

    return paper(runs=lambda config: runs, init=init)


def session(workdir, built=None):
    config = smallest_paper.get_config("smoke")
    return Session(built or teacher_and_student(), config, workdir)


def params(workdir, name):
    state, meta = session(workdir)._restore(name)
    return meta["step"], np.asarray(state.params["kernel"])


def spoil(workdir, name):
    """The last checkpoint of a run, its folder still there."""
    place = workdir / name / "checkpoints" / "20"
    for path in place.rglob("manifest.ocdbt"):
        os.truncate(path, 3)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("whole")
    assert session(workdir).train(["student"], StopRequest())
    return workdir


@pytest.fixture
def workdir(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "work")


pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


def test_a_damaged_last_checkpoint_is_trained_anew(whole, workdir, capsys):
    spoil(workdir, "student")
    assert session(workdir).train(["student"], StopRequest())
    out = capsys.readouterr().out
    assert "teacher: finished before, skipped" in out
    assert "student: finished" not in out
    step, found = params(workdir, "student")
    assert step == 20
    np.testing.assert_array_equal(found, params(whole, "student")[1])


def test_a_student_waits_for_a_teacher_that_is_whole(whole, workdir):
    spoil(workdir, "teacher")
    shutil.rmtree(workdir / "student")
    with pytest.raises(UserError, match="teacher is at step 10 of 20"):
        session(workdir).trainer("student").make_state()
    assert session(workdir).train(["student"], StopRequest())
    for name in ("teacher", "student"):
        np.testing.assert_array_equal(params(workdir, name)[1], params(whole, name)[1])


def test_a_half_trained_state_is_not_evaluated(workdir):
    spoil(workdir, "teacher")
    with pytest.raises(UserError, match="teacher is at step 10 of 20: run --mode=tra"):
        session(workdir).evaluate("title", {})
    assert not (workdir / "report").exists()


def test_a_half_trained_state_predicts_and_says_so(workdir, caplog):
    spoil(workdir, "teacher")
    with caplog.at_level(logging.WARNING, "launch"):
        made = session(workdir).predict("teacher", "0.2,0.9")
    assert "class" in "".join(made)
    assert "teacher is at step 10 of 20" in caplog.text
    assert (workdir / "teacher" / "checkpoints" / "20").exists()


def test_a_report_says_of_which_step_it_is(workdir):
    session(workdir).evaluate("title", {})
    report = json.loads((workdir / "report" / "results.json").read_text())
    (training,) = (r for r in report["results"] if r["name"] == "Training")
    assert [row[2] for row in training["value"]["rows"]] == [20, 20]
    assert "the state after these steps" in training["value"]["note"]
    assert "incomplete" not in report["facts"]


def test_a_report_on_the_best_states_says_best_by_what(tmp_path):
    for best, said in {"loss": "the least loss", "+f1": "the largest f1"}.items():
        config = changed(smallest_paper.get_config("smoke"), {"loop.best": best})
        best_of = Session(smallest_paper, config, tmp_path, checkpoint="best")
        assert best_of._which({"line": 0}) == (
            f"--checkpoint=best, {said}: line at step 0"
        )


def test_a_stopped_report_keeps_what_was_measured_and_says_that_it_is_not_all(workdir):
    def evaluate(config, trained):
        yield "measured", 1.5
        raise KeyboardInterrupt

    built = paper(**{**vars(teacher_and_student()), "evaluate": evaluate})
    with pytest.raises(KeyboardInterrupt):
        session(workdir, built).evaluate("title", {})
    report = json.loads((workdir / "report" / "results.json").read_text())
    last = report["results"][-1]
    assert (last["name"], last["value"]) == ("measured", 1.5)
    path, line = last["source"].split(":")  # where this very `evaluate` yielded it
    source = (Path(__file__).parents[2] / path).read_text().splitlines()
    assert source[int(line) - 1].strip() == 'yield "measured", 1.5'
    assert "incomplete" in report["facts"]


def test_an_archive_is_evaluated_into_a_temporary_folder(workdir, monkeypatch, capsys):
    elsewhere = workdir.with_name("elsewhere")
    monkeypatch.setattr("launch.session.for_results", lambda workdir: elsewhere)
    before = {p: p.stat().st_mtime_ns for p in workdir.rglob("*")}
    session(workdir).evaluate("title", {})
    assert {p: p.stat().st_mtime_ns for p in workdir.rglob("*")} == before
    assert f"report: {elsewhere / 'report' / 'index.html'}" in capsys.readouterr().out


@dataclasses.dataclass
class FineTuned(smallest_paper.Config):
    weights: str = field(default="")


def test_a_trained_run_needs_its_weights_file_no_more(tmp_path):
    def init(config, key, after=None):
        if config.weights and not os.path.exists(config.weights):
            raise UserError(f"{config.weights}: no such weights file")
        return smallest_paper.init(config, key)

    config = FineTuned(weights=str(tmp_path / "weights.npz"))
    config.loop = smallest_paper.get_config("smoke").loop
    fine_tuned = paper(init=init, runs=lambda config: {"line": Run(config)})

    def made():
        return Session(fine_tuned, config, tmp_path / "work")

    with pytest.raises(UserError, match="no such weights file"):
        made().train(["line"], StopRequest())
    (tmp_path / "weights.npz").touch()
    assert made().train(["line"], StopRequest())
    (tmp_path / "weights.npz").unlink()
    made().evaluate("title", {})
    assert "class" in "".join(made().predict("", "0.2,0.9"))


def trained_by_best(workdir):
    """A run that kept the state with the largest validation loss, and the last one."""
    config = smallest_paper.get_config("smoke")
    config = changed(
        config,
        {"loop.best": "+loss", "loop.eval_every": 5, "loop.save_every": 5,
         "loop.keep": 1},
    )  # fmt: skip
    made = Session(smallest_paper, config, workdir)
    assert made.train([*made.runs], StopRequest())
    remember(workdir, "smallest", "smoke", config)
    return config


def test_the_best_the_newest_and_a_step_come_back(tmp_path, capsys):
    config = trained_by_best(tmp_path)
    assert "best checkpoint: the largest loss on valid" in capsys.readouterr().out
    (name,) = config.runs

    def step(which):
        opened = Session(smallest_paper, config, tmp_path, checkpoint=which)
        return int(opened.restored(name)[0].step)

    steps = {which: step(which) for which in ("newest", "best", "5")}
    assert steps == {"newest": config.loop.steps, "best": 5, "5": 5}
    with pytest.raises(UserError, match=r"of step 7: .* has the steps 5, 20"):
        step("7")


def test_without_a_metric_the_best_is_the_newest(whole):
    opened = Session(
        teacher_and_student(),
        smallest_paper.get_config("smoke"),
        whole,
        checkpoint="best",
    )
    assert int(opened.restored("student")[0].step) == 20


def test_a_finished_run_trains_on_when_it_may_grow(tmp_path, capsys):
    config = trained_by_best(tmp_path)
    longer = changed(config, {"loop.steps": config.loop.steps + 5})
    made = Session(smallest_paper, longer, tmp_path)
    assert made.train([*made.runs], StopRequest())
    assert "grows from 20 to 25 steps" in capsys.readouterr().out
    assert int(made.restored(*config.runs)[0].step) == 25


def test_what_is_finished_is_evaluated_and_the_others_are_named(tmp_path, capsys):
    config = smallest_paper.get_config("smoke")
    config = changed(config, {"runs": tuple(smallest_paper.RUNS)})
    made = Session(smallest_paper, config, tmp_path)
    first, *others = made.runs
    assert others
    made.train([first], StopRequest())
    made.evaluate("some", {})
    assert f"left out: {', '.join(others)}" in capsys.readouterr().out
    assert (tmp_path / "report" / "index.html").is_file()
