"""Boards beside metrics.jsonl. A failure means that they miss what was logged, or that
a run which goes on becomes a second one there."""

import dataclasses
import sys
import types

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from common.contract import BeforeAfter, Table, UserError
from launch import boards
from launch.logbook import Logbook
from launch.reports.report import Report


@dataclasses.dataclass
class Config:
    seed: int = 7


def events(folder):
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        while data:
            length = int.from_bytes(data[:8], "little")
            yield Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]


def values(folder):
    """{tag: value} of all events."""
    return {v.tag: v for event in events(folder) for v in event.summary.value}


def open_logbook(folder, start=0, **options):
    settings = {"name": "xl", "steps": 10, "unit": "tokens", "items_per_step": 100}
    return Logbook(folder, start=start, config=Config(), **settings, **options)


def test_the_config_stands_in_tensorboard(tmp_path):
    with open_logbook(tmp_path):
        pass
    (shown,) = values(tmp_path / "tensorboard").values()
    assert b'"seed": 7' in shown.tensor.string_val[0]


def test_results_stand_in_tensorboard_once(tmp_path):
    report = Report(tmp_path, title="T", facts={})
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    report.add("Picture", picture)
    report.add("Photo", BeforeAfter(picture, picture, ("noisy", "restored")))
    report.add("Scores", Table(["a"], [[0.5]]))
    for _ in range(2):
        boards.show_results(tmp_path, report.results, 30)
    assert len([*(tmp_path / "tensorboard").iterdir()]) == 1
    shown = values(tmp_path / "tensorboard")
    png = (tmp_path / "picture.png").read_bytes()
    assert shown["Picture"].image.encoded_image_string == png
    assert {"Photo/noisy", "Photo/restored"} < set(shown)
    assert any(b"0.5000" in b"".join(v.tensor.string_val) for v in shown.values())


@pytest.fixture
def wandb(monkeypatch):
    """What a fake wandb was told: (arguments of init, logged, finished)."""
    told = []

    class Run:
        def log(self, metrics, step):
            told.append((step, metrics))

        def finish(self):
            told.append("finished")

    def init(**arguments):
        told.append(arguments)
        return Run()

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init))
    return told


def test_weights_and_biases_sees_what_is_logged_and_a_resumed_run_as_one(
    tmp_path, wandb
):
    for start in (0, 5):
        with open_logbook(tmp_path / "xl", start, track="wandb") as logbook:
            logbook.train(start + 1, 1.0, {"loss": 0.5})
            logbook.valid(start + 1, 1.0, {"loss": 0.25})
    first, *logged, _, second, _, _, _ = wandb
    assert logged == [(1, {"train/loss": 0.5}), (1, {"valid/loss": 0.25})]
    assert wandb[-1] == "finished"
    assert first["config"] == {"seed": 7}
    assert first["id"] == second["id"]
    assert first["resume"] == "allow"
    with open_logbook(tmp_path / "other", track="wandb"):
        pass
    assert wandb[-2]["id"] != first["id"]


@pytest.fixture
def mlflow(monkeypatch):
    """What a fake MLflow was told."""
    told = []

    def start_run(**arguments):
        told.append(arguments)
        number = arguments["run_id"] or f"run-{len(told)}"
        return types.SimpleNamespace(info=types.SimpleNamespace(run_id=number))

    fake = types.SimpleNamespace(
        start_run=start_run,
        log_dict=lambda content, file: told.append((file, content)),
        log_metrics=lambda metrics, step, synchronous: told.append((step, metrics)),
        flush_async_logging=lambda: told.append("sent"),
        end_run=lambda: told.append("finished"),
    )
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    return told


def test_mlflow_sees_what_is_logged_and_a_resumed_run_as_one(tmp_path, mlflow):
    for start in (0, 5):
        with open_logbook(tmp_path / "xl", start, track="mlflow") as logbook:
            logbook.train(start + 1, 1.0, {"loss": 0.5})
    first, config, logged, sent, finished, second, *_ = mlflow
    assert first["run_id"] is None
    assert first["run_name"] == "xl"
    assert config == ("config.json", {"seed": 7})
    assert logged == (1, {"train/loss": 0.5})
    assert (sent, finished) == ("sent", "finished")
    assert second["run_id"] == "run-1"


def test_a_tracker_that_cannot_begin_is_told_in_a_line(tmp_path, monkeypatch):
    def init(**arguments):
        raise RuntimeError("no API key")

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init))
    with pytest.raises(UserError, match="--track=wandb: no API key"):
        boards.WeightsAndBiases(tmp_path, "xl", Config())


def test_a_tracker_that_is_not_installed_is_named():
    boards.check("")
    with pytest.raises(UserError, match="pip install no_such_tracker"):
        boards.check("no_such_tracker")
