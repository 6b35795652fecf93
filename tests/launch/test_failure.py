"""What an error says of its cause."""

import json
import logging
import sys

import jax
import jax.numpy as jnp
import pytest

from common.contract import UserError
from launch.failure import damaged, of_the_machine, of_the_user, tell_once


def error_of(action):
    with pytest.raises(Exception) as caught:  # noqa: PT011 (each has its own)
        action()
    return caught.value


def wrapped(error):
    """As Orbax raises what TensorStore says of one array."""
    try:
        raise RuntimeError("Encountered an error while reading") from error
    except RuntimeError as outer:
        return outer


DAMAGE = [
    error_of(lambda: json.loads('{"step": ')),
    error_of(lambda: b"\xff".decode()),
    KeyError("meta"),
    FileNotFoundError(2, "No such file"),
    ValueError("DATA_LOSS: checksum"),
    wrapped(ValueError("OUT_OF_RANGE: Requested byte range")),
    wrapped(ValueError("NOT_FOUND: chunk")),
]
MACHINE = [
    OSError(28, "No space left on device"),
    PermissionError(13, "Permission denied"),
    MemoryError("Unable to allocate 2 GiB"),
    jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory\nmany lines"),
    wrapped(ValueError("PERMISSION_DENIED: reading")),
    wrapped(ValueError("UNKNOWN: Input/output error")),
]
PROGRAM = [RuntimeError("?"), AssertionError("?"), ValueError("INTERNAL: ?")]


@pytest.mark.parametrize("error", DAMAGE, ids=repr)
def test_what_a_file_holds_is_damage(error):
    assert damaged(error)


@pytest.mark.parametrize("error", MACHINE, ids=repr)
def test_what_the_machine_lacks_is_a_line(error):
    assert not damaged(error)
    error.add_note("last good checkpoint: 7")
    line = of_the_machine(error)
    assert line.endswith("; last good checkpoint: 7")
    assert "\n" not in line


@pytest.mark.parametrize("error", PROGRAM, ids=repr)
def test_a_fault_of_the_program_keeps_its_traceback(error):
    assert not damaged(error)
    assert not of_the_machine(error)


def test_what_a_program_meets_on_the_host_is_the_users():
    def read(error):
        raise error

    def failure_of(error):
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        with pytest.raises(jax.errors.JaxRuntimeError) as caught:
            jax.block_until_ready(
                jax.jit(lambda: jax.pure_callback(lambda: read(error), shape))()
            )
        return of_the_user(caught.value)

    logging.getLogger("jax._src.callback").setLevel(logging.CRITICAL)
    assert failure_of(UserError("a.txt is empty:\ngive b")) == "a.txt is empty:\ngive b"
    assert failure_of(ValueError("UserError: no")) == ""
    assert of_the_user(UserError("no program called")) == ""


def test_a_thread_does_not_tell_again_what_was_raised(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(sys, "unraisablehook", shown.append)
    tell_once()

    class Found:
        def __init__(self, error):
            self.exc_value = error
            self.exc_type = type(error)

    sys.unraisablehook(Found(RuntimeError("Event loop is closed")))
    sys.unraisablehook(Found(OSError(28, "No space left on device")))
    other = Found(ValueError("a bug"))
    sys.unraisablehook(other)
    assert shown == [other]
