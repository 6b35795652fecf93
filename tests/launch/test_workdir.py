"""Whose a workdir is. A failure means that two jobs, or two configs, train in one
folder."""

import dataclasses
import json
import os

import pytest

from common.contract import UserError
from common.sections import Loop
from launch.workdir import claim, locked


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
