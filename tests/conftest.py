"""All tests see four CPU devices: that one device, jit over four and pmap over four
agree is one of the things tested, and a mesh of one device is a mesh all the same.

What one test compiled, the others and the commands they start find in a cache that
lives as long as the session. The quick suite's programs compile for longer than they
run: LLVM optimises nothing there, and XLA emits its fusions the older, shorter way.
"""

import os
import shutil
import tempfile

os.environ["JAX_PLATFORMS"] = "cpu"
CACHE = "JAX_COMPILATION_CACHE_DIR"
QUICK = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
OWNER = CACHE not in os.environ  # pytest's first process; its workers inherit
if OWNER:
    os.environ[CACHE] = tempfile.mkdtemp(prefix="papers-compiled-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.05"

import jax  # noqa: E402 (it reads the environment)


def pytest_configure(config):
    if config.option.markexpr == "not slow":
        os.environ.setdefault("XLA_FLAGS", QUICK)
    jax.config.update("jax_num_cpu_devices", 4)
    jax.devices()  # from here on the number stands


def pytest_unconfigure(config):
    if OWNER:
        shutil.rmtree(os.environ[CACHE], ignore_errors=True)
