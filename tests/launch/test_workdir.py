"""Whose a workdir is. A failure means that two jobs, or two configs, train in one
folder."""

import dataclasses
import errno
import json
import os
from pathlib import Path

import pytest

from common.contract import UserError
from common.sections import Loop, Optim, Schedule, Training
from launch.workdir import check, claim, locked, remember, remembered, write_whole


def training(steps=9, keep=2, fall=0, **schedule):
    optim = Optim(schedule=Schedule(steps=fall, **schedule))
    return Training(optim=optim, loop=Loop(steps=steps, keep=keep))


def trained_by(folder, config):
    (folder / "checkpoints" / "3").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config)))


def test_a_config_that_differs_is_refused_with_its_fields(tmp_path):
    trained_by(tmp_path, training(warmup=1))
    with pytest.raises(UserError, match=r"optim\.schedule\.warmup: 1 -> 2"):
        claim(tmp_path, training(warmup=2))
    with pytest.raises(UserError, match=r"loop\.steps: 9 -> 8"):
        claim(tmp_path, training(steps=8, warmup=1))
    assert claim(tmp_path, training(warmup=1)) == ""


def test_a_field_that_the_code_has_got_since_is_at_its_default(tmp_path):
    old = dataclasses.asdict(training())
    del old["optim"]["schedule"]["steps"], old["seed"]
    (tmp_path / "checkpoints" / "3").mkdir(parents=True)
    (tmp_path / "config.json").write_text(json.dumps(old))
    with pytest.raises(UserError, match=r"optim\.schedule\.steps: 0 -> 5"):
        claim(tmp_path, training(fall=5))
    assert claim(tmp_path, training()) == ""


def test_what_does_not_change_training_may_change(tmp_path):
    trained_by(tmp_path, training(keep=2))
    assert claim(tmp_path, training(keep=5)) == ""
    assert json.loads((tmp_path / "config.json").read_text())["loop"]["keep"] == 5


def test_a_run_may_grow_and_its_rate_falls_as_is_said(tmp_path):
    trained_by(tmp_path, training(steps=9))
    said = claim(tmp_path, training(steps=12))
    assert "from 9 to 12 steps; its rate falls over all of them now" in said
    assert "with config.optim.schedule.steps=9" in said


def test_a_run_may_grow_at_the_rate_where_it_ended(tmp_path):
    trained_by(tmp_path, training(steps=9))
    said = claim(tmp_path, training(steps=12, fall=9))
    assert said.endswith("its rate falls over 9 of them and stays there")


def test_a_constant_rate_does_not_change_as_a_run_grows(tmp_path):
    trained_by(tmp_path, training(steps=9, decay="constant"))
    assert "its rate" not in claim(tmp_path, training(steps=12, decay="constant"))


def test_a_config_without_checkpoints_binds_nobody(tmp_path):
    claim(tmp_path, training(steps=20))
    claim(tmp_path, training(steps=10))
    assert json.loads((tmp_path / "config.json").read_text())["loop"]["steps"] == 10


def test_the_lock_is_for_one(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(UserError, match=f"process {os.getpid()}"),
        locked(tmp_path),
    ):
        pass
    with locked(tmp_path):  # free again
        pass


def trained(folder, config):
    """A checkpoint that knows its config, as far as `check` looks."""
    meta = folder / "checkpoints" / "3" / "meta"
    meta.mkdir(parents=True)
    saved = {"step": 3, "config": dataclasses.asdict(config)}
    (meta / "metadata").write_text(json.dumps(saved))
    claim(folder, config)


@pytest.mark.parametrize("left", [None, '{"steps": 1', "[]", "\xff", ""])
def test_where_the_config_is_lost_the_checkpoint_knows_it(tmp_path, left):
    trained(tmp_path, training(steps=20))
    path = tmp_path / "config.json"
    path.unlink()
    if left is not None:
        path.write_bytes(left.encode("latin1"))
    with pytest.raises(UserError, match="steps: 20 -> 10"):
        claim(tmp_path, training(steps=10))
    check(tmp_path, training(steps=20))
    claim(tmp_path, training(steps=20))
    assert json.loads(path.read_text())["loop"]["steps"] == 20


def test_where_nothing_knows_the_config_nothing_is_claimed(tmp_path):
    (tmp_path / "checkpoints" / "3").mkdir(parents=True)
    with pytest.raises(UserError, match="which config made it"):
        claim(tmp_path, Loop())
    assert not (tmp_path / "config.json").exists()


@pytest.mark.parametrize("kind", ["file", "in a file", "dangling", "loop"])
@pytest.mark.parametrize("reading", [True, False])
def test_a_workdir_that_cannot_be_is_one_line(tmp_path, kind, reading):
    place = tmp_path / "place"
    if kind.endswith("file"):
        place.write_text("")
    else:
        place.symlink_to(place if kind == "loop" else tmp_path / "no" / "where")
    place = place / "work" if kind == "in a file" else place
    with (
        pytest.raises(UserError, match=r"cannot be written to: .*another --workdir"),
        locked(place, reading=reading),
    ):
        pass


def test_an_archive_is_read_and_not_locked(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    with locked(tmp_path, reading=True):
        pass
    with pytest.raises(UserError, match="Read-only file system"), locked(tmp_path):
        pass


def test_a_file_is_written_whole_or_left_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    write_whole(path, "old")

    def full(self, data):
        self.open("w").write("ne")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]
    assert path.read_text() == "old"


def test_a_workdir_knows_what_was_trained_in_it(tmp_path):
    remember(tmp_path, "some_paper", "smoke", training(steps=7))
    paper, variant, config = remembered(tmp_path)
    assert (paper, variant, config["loop"]["steps"]) == ("some_paper", "smoke", 7)
    with pytest.raises(UserError, match="is a workdir of some_paper: choose another"):
        remember(tmp_path, "another", "smoke", training())
    assert remembered(tmp_path)[0] == "some_paper"


@pytest.mark.parametrize("content", [None, "", "[]", '{"paper": "a"}'])
def test_a_workdir_that_does_not_know_is_one_line(tmp_path, content):
    if content is not None:
        (tmp_path / "variant.json").write_text(content)
    with pytest.raises(UserError, match="give --paper and --config"):
        remembered(tmp_path)
