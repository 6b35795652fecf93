"""Compiled programs in a workdir. A failure means that a run compiles again what it had
compiled, or that it writes where it should not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bucket import serve

ROOT = Path(__file__).parents[2]
# The devices here are CPUs, whose programs do not outlive the process by default. Two
# runs have one program.
SCRIPT = """
import os, sys
import jax
from common.files import storage
from launch import compiled

if "READ_ONLY" in os.environ:
    os.access = lambda path, mode: mode != os.W_OK
compiled.PLATFORMS = sys.argv[2:]
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
events = []
jax.monitoring.register_event_listener(lambda name, **_: events.append(name))
compiled.keep_compiled(storage.path(sys.argv[1]))
for value in (1.0, 2.0):
    found = events.count("/jax/compilation_cache/cache_hits")
    result = jax.jit(lambda x: x @ x + 1)(jax.numpy.full((8, 8), value))[0, 0]
    hits = events.count("/jax/compilation_cache/cache_hits") - found
    print(result, "loaded" if hits else "compiled")
print(jax.config.jax_compilation_cache_dir)
"""


def begin(workdir, *platforms: str, **environment: str) -> list[str]:
    """The lines that a new process prints: two results and where their program is
    from, and the folder of programs."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(workdir), *platforms],
        cwd=ROOT,
        env={**inherited, "JAX_PLATFORMS": "cpu", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


FIRST = ["9.0 compiled", "33.0 loaded"]
AGAIN = ["9.0 loaded", "33.0 loaded"]


def test_a_second_start_loads_what_the_first_compiled(tmp_path):
    """And an entry that a kill cut short is compiled again, to the same result."""
    folder = tmp_path / "compiled"
    assert begin(tmp_path, "cpu") == [*FIRST, f"{folder}"]
    assert begin(tmp_path, "cpu") == [*AGAIN, f"{folder}"]
    for entry in folder.iterdir():
        entry.write_bytes(entry.read_bytes()[:100])
    assert begin(tmp_path, "cpu")[0] == FIRST[0]


def test_a_cpus_programs_are_kept_as_long_as_the_process(tmp_path):
    *runs, folder = begin(tmp_path, "tpu", "gpu")
    assert runs == FIRST
    assert not Path(folder).exists()
    assert not (tmp_path / "compiled").exists()


def test_the_users_own_folder_wins(tmp_path):
    mine = str(tmp_path / "mine")
    lines = begin(tmp_path, "cpu", JAX_COMPILATION_CACHE_DIR=mine)
    assert lines == [*FIRST, mine]
    assert not (tmp_path / "compiled").exists()


def test_a_read_only_workdir_stays_as_it_is(tmp_path):
    """Root may write everywhere, and so the script says what access others have."""
    lines = begin(tmp_path, "cpu", READ_ONLY="1")
    assert lines == ["9.0 compiled", "33.0 compiled", "None"]
    assert not (tmp_path / "compiled").exists()


def test_a_bucket_keeps_them_too():
    pytest.importorskip("gcsfs")
    with serve() as (bucket, environment):
        first = begin("gs://bucket/run", "cpu", **environment)
        assert first == [*FIRST, "gs://bucket/run/compiled"]
        assert any(name.startswith("run/compiled/") for name in bucket.objects)
        second = begin("gs://bucket/run", "cpu", **environment)
    assert second == [*AGAIN, "gs://bucket/run/compiled"]
