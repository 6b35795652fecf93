"""Workdirs beside each other. A failure means that numbers of other rows are mixed, or
that a difference between configs is not shown."""

import dataclasses
import json
import os
import signal
import sys
import threading
import time

import pytest

from common.contract import Table
from launch import compare, sweep
from launch import main as launch_main
from launch.reports.results import Result

SMOKE = ["--paper=knowledge_graph", "--config=smoke", "--config.runs=transe"]


def test_numbers_become_means_and_words_stay():
    tables = [
        Table(("run", "loss", "steps"), [["a", x, 5], ["b", None, 5]], "nats")
        for x in (1.0, 2.0, 6.0)
    ]
    found = compare.joined(tables)
    assert found.columns == ["run", "loss", "±", "steps"]
    assert found.rows == [["a", 3.0, 3.0, 5], ["b", None, None, 5]]
    assert found.note.startswith("nats; means of 3 workdirs")


@pytest.mark.parametrize(
    "other",
    [
        Table(("run", "error"), [["a", 1.0]]),
        Table(("run", "loss"), [["b", 1.0]]),
        Table(("run", "loss"), [["a", 1.0], ["b", 1.0]]),
    ],
)
def test_other_rows_are_not_mixed(other):
    assert compare.joined([Table(("run", "loss"), [["a", 1.0]]), other]) is None


def workdir(label, results, metrics=()):
    named = {name: Result(name, kind, x) for name, (kind, x) in results.items()}
    return compare.Workdir(label, {}, {"a": {"metrics": [*metrics]}}, named, {})


def test_tables_that_some_workdirs_lack_are_named():
    loss = "number", 1.0
    table = "table", Table(("run", "loss"), [["a", 1.0]])
    found = [workdir("x", {"L": loss, "P": loss, "K": loss}), workdir("y", {"L": loss})]
    found += [workdir("z", {"L": loss, "T": table, "K": table, "Text": ("text", "")})]
    told = dict(compare._values(found))
    assert told["L"].rows == [[1.0]]
    assert told["Not in all"] == "P (only in x), K (only in x, z), T (only in z)"
    found = [workdir("x", {"K": loss}), workdir("y", {"K": table})]
    assert dict(compare._values(found))["Not alike"].endswith("differ: K")


def test_the_last_values_on_valid_stand_beside_each_other():
    def record(step, split, **values):
        return {"step": step, "split": split, "seconds": 1.0, **values}

    x = [record(1, "valid", loss=3.0), record(2, "valid", loss=2.0, f1=0.5, unk=0.0)]
    y = [record(2, "valid", loss=1.0, unk=0.0), record(3, "train", loss=9.0)]
    found = [workdir("x", {}, x), workdir("y", {}, y)]
    table = dict(compare._values(found))["Last on valid"]
    assert table.columns == ("run", "metric", "x", "y")
    assert table.rows == [["a", "loss", 2.0, 1.0], ["a", "f1", 0.5, None]]


def test_means_over_other_settings_than_seeds_are_said_to_be_that():
    def note(**fields):
        pair = [dataclasses.replace(workdir(x, {}), fields={n: v[x] for n, v in
                fields.items()}) for x in (0, 1)]  # fmt: skip
        return compare.differences(pair).note

    assert note(seed=(0, 1), runs=(1, 2)) == ""
    assert "over these settings" in note(seed=(0, 1), lr=(1, 2))
    assert note(lr=(1, 1)) == "all fields are equal"


def test_a_mistake_is_one_line(tmp_path, capsys):
    assert compare.main([str(tmp_path)]) == 2
    assert "two workdirs" in capsys.readouterr().err
    assert compare.main([str(tmp_path), str(tmp_path / "b")]) == 2
    assert f"{tmp_path} is no workdir" in capsys.readouterr().err
    (tmp_path / "results.json").write_text("{}")
    assert compare.main([str(tmp_path), str(tmp_path / "b")]) == 2
    said = capsys.readouterr()
    assert "two workdirs" in said.err
    assert f"left out: {tmp_path} is a page" in said.out


@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        (["--sweep.optim.lr=1e-3,fast"], "optim.lr"),
        (["--sweep.optim.lr="], "give values"),
        (["--sweep.optim.rate=1"], "no field --config.optim.rate"),
        (["--sweep.seed=0,1", "--config.seed=2"], "give one"),
    ],
)
def test_a_sweep_is_refused_before_it_trains(flags, hint, tmp_path, capsys):
    code = launch_main.main(["x", *SMOKE, *flags, f"--workdir={tmp_path}"])
    assert code == 2
    assert hint in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_run_save_and_ends_the_sweep(number):
    """The child outlives the signal for as long as its own end takes."""
    code = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: None); "
    code += "time.sleep(3)"
    before = signal.getsignal(number)
    threading.Timer(1.5, os.kill, (os.getpid(), number)).start()
    began = time.monotonic()
    _, stopped = sweep.run([sys.executable, "-c", code])
    assert stopped
    if number == signal.SIGINT:
        assert time.monotonic() - began > 2.5
    assert signal.getsignal(number) is before


@pytest.mark.slow
def test_a_sweep_trains_each_combination_and_compares(tmp_path, capfd):
    flags = ["--sweep.seed=0,1", "--config.loop.steps=4", f"--workdir={tmp_path}"]
    assert launch_main.main(["x", *SMOKE, *flags]) == 0
    folder = tmp_path / "sweep"
    assert {"seed=0", "seed=1"} < {path.name for path in folder.iterdir()}
    results = json.loads((folder / "compare" / "results.json").read_text())["results"]
    (configs,) = (r["value"] for r in results if r["name"] == "Configs")
    assert configs["rows"] == [["seed", "0", "1"]]
    assert (folder / "compare" / "curves.png").is_file()
