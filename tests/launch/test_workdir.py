"""Whose a workdir is. A failure means that two jobs, or two configs, train in one
folder."""

import dataclasses
import errno
import json
import os
from pathlib import Path

import pytest

from common.contract import UserError
from common.sections import Loop
from launch.workdir import check, claim, locked, write_whole


def test_a_config_that_differs_is_refused_with_its_fields(tmp_path):
    (tmp_path / "checkpoints" / "3").mkdir(parents=True)
    (tmp_path / "config.json").write_text(json.dumps(dataclasses.asdict(Loop(steps=9))))
    with pytest.raises(UserError, match="steps: 9 -> 10"):
        claim(tmp_path, Loop(steps=10))
    claim(tmp_path, Loop(steps=9))


def test_a_config_without_checkpoints_binds_nobody(tmp_path):
    claim(tmp_path, Loop(steps=10))
    claim(tmp_path, Loop(steps=20))
    assert json.loads((tmp_path / "config.json").read_text())["steps"] == 20


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
    trained(tmp_path, Loop(steps=10))
    path = tmp_path / "config.json"
    path.unlink()
    if left is not None:
        path.write_bytes(left.encode("latin1"))
    with pytest.raises(UserError, match="steps: 10 -> 20"):
        claim(tmp_path, Loop(steps=20))
    check(tmp_path, Loop(steps=10))
    claim(tmp_path, Loop(steps=10))
    assert json.loads(path.read_text())["steps"] == 10


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
