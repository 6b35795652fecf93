"""Random streams. A failure means that two streams are equal, or that a resumed run
draws other numbers than the unbroken one."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np

from common.rng import stream

KEY = jax.random.key(0)
ROOT = Path(__file__).resolve().parents[2]


def bits(key):
    return jax.random.key_data(key).tolist()


def test_streams_differ_by_key_step_and_name():
    keys = [jax.random.key(0), jax.random.key(1)]
    names = ["dropout", "dropouT", "noise", "data", ""]
    streams = [bits(stream(*at)) for at in itertools.product(keys, range(5), names)]
    assert len(set(map(tuple, streams))) == 2 * 5 * 5


def test_a_resumed_run_finds_its_stream_by_step_and_name_alone():
    jitted = jax.jit(stream, static_argnames="name")
    for step in (0, 7, 2**31 - 1):
        assert bits(stream(KEY, step, "dropout")) == bits(stream(KEY, step, "dropout"))
        traced = jitted(KEY, np.int32(step), name="dropout")
        assert bits(traced) == bits(stream(KEY, step, "dropout"))


def test_the_name_is_folded_into_the_step_by_its_crc32():
    expected = jax.random.fold_in(jax.random.fold_in(KEY, 3), 2458513353)
    assert bits(stream(KEY, 3, "dropout")) == bits(expected)


def test_every_device_of_an_axis_has_its_own_stream():
    def on_device(_, step, name):
        return jax.random.key_data(stream(KEY, step, name, axis_name="device"))

    devices = np.arange(4)
    streams = [
        jax.vmap(lambda x, at=at: on_device(x, *at), axis_name="device")(devices)
        for at in [(0, "dropout"), (1, "dropout"), (0, "noise")]
    ]
    assert len(set(map(tuple, np.concatenate(streams).tolist()))) == 3 * 4
    for device in devices:
        expected = jax.random.fold_in(stream(KEY, 0, "dropout"), device)
        assert streams[0][device].tolist() == bits(expected)


def test_devices_share_one_stream_without_an_axis_name():
    def on_device(_):
        return jax.random.key_data(stream(KEY, 0, "dropout"))

    streams = jax.vmap(on_device, axis_name="device")(np.arange(4))
    assert streams.tolist() == 4 * [bits(stream(KEY, 0, "dropout"))]


def test_streams_do_not_depend_on_the_hash_seed_of_the_process():
    code = (
        "import jax; from common.rng import stream;"
        "print(jax.random.key_data(stream(jax.random.key(0), 3, 'dropout')).tolist())"
    )
    here = bits(stream(KEY, 3, "dropout"))
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.strip() == str(here)
