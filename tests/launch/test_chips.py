"""Names of TPU slices. A failure means that a slice gets other chips, or that a wrong
name or a missing libtpu is not one clear line."""

import math
import os
import re
import subprocess
import sys

import pytest
from jax.experimental import topologies

from common.contract import UserError
from launch import chips


def test_a_topology_is_a_chip_and_a_shape():
    assert chips.parse_topology("v5e:16x16") == (chips.CHIPS["v5e"], (16, 16))
    assert chips.parse_topology("v4:2x2x1") == (chips.CHIPS["v4"], (2, 2, 1))
    assert chips.parse_topology("v6e:1x1")[1] == (1, 1)
    assert chips.parse_topology("v5p:4x4x12")[1] == (4, 4, 12)
    assert chips.parse_topology("v5p:16x16x24")[1] == (16, 16, 24)


@pytest.mark.parametrize("generation", chips.CHIPS)
def test_the_usual_slices_have_8_to_256_chips(generation):
    shapes = [chips.parse_topology(name)[1] for name in chips.TOPOLOGIES[generation]]
    assert [math.prod(shape) for shape in shapes] == [8, 16, 32, 64, 128, 256]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("v5:4x4", "did you mean 'v5"),
        ("v6:4x4", "did you mean 'v6e:4x4'"),
        ("", "no TPU generation ''"),
        ("v5e", "2 sides"),
        ("v5e:16", "2 sides"),
        ("v5e:4x", "2 sides"),
        ("v5e:0x4", "2 sides"),
        ("v5e:-2x4", "2 sides"),
        ("v5e:2x2x2", "2 sides"),
        ("v4:4x4", "3 sides"),
        ("v5e:3x3", "slices are 1x1, 2x2, 2x4"),
        ("v5e:2x1", "slices are 1x1"),
        ("v5e:8x4", "slices are 1x1"),
        ("v5e:10x14", "slices are 1x1"),
        ("v6e:6x6", "slices are 1x1"),
        ("v5e:16x32", "8x16, 16x16;"),
        ("v4:1x1x1", "2x2x1, 2x2x2, 2x2x4, 2x4x4, and all whose sides"),
        ("v4:2x2x8", "multiples of 4"),
        ("v5p:4x4x6", "multiples of 4"),
        ("v5p:12x4x4", "the shortest first"),
        ("v4:16x16x32", "at most 4096"),
        ("v5p:16x16x28", "at most 6144"),
    ],
)
def test_an_impossible_topology_is_one_clear_line(name, says):
    with pytest.raises(UserError, match=says) as error:
        chips.parse_topology(name)
    assert "\n" not in str(error.value)
    assert re.search(r"v\d\w*:\d+x\d+", str(error.value).rpartition("; ")[2])


@pytest.mark.parametrize(
    "name", ["v4:2x2x1", "v4:2x2x2", "v5e:1x1", "v5e:4x4", "v5p:2x2x2", "v6e:16x16"]
)
def test_a_device_is_a_chip(name):
    pytest.importorskip("libtpu")
    chip, shape = chips.parse_topology(name)
    devices = chips.topology_devices(name)
    assert len(devices) == math.prod(shape)
    assert {device.device_kind for device in devices} == {chip.kind}


def python(code):
    env = {key: os.environ[key] for key in os.environ if not key.startswith("TPU_")}
    command = [sys.executable, "-c", f"from launch import chips\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, env=env)


def test_libtpu_is_quiet():
    pytest.importorskip("libtpu")
    run = python("print(len(chips.topology_devices('v5e:2x4')))")
    assert (run.stdout, run.stderr) == ("8\n", "")


def test_a_missing_libtpu_says_how_to_install_it():
    run = python(
        "import sys; sys.modules['libtpu'] = None; chips.topology_devices('v5e:2x2')"
    )
    assert "UserError" in run.stderr
    assert "`pip install libtpu`" in run.stderr


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("JAX TPU support not installed; cannot generate", "pip install libtpu"),
        ("INVALID_ARGUMENT: no such slice\nand a trace", "INVALID_ARGUMENT: no such"),
    ],
)
def test_what_libtpu_refuses_is_one_clear_line(monkeypatch, error, says):
    def refuse(*args, **kwargs):
        raise RuntimeError(error)

    monkeypatch.setattr(topologies, "get_topology_desc", refuse)
    with pytest.raises(UserError, match=says) as caught:
        chips.topology_devices("v5e:2x2")
    assert "\n" not in str(caught.value)
