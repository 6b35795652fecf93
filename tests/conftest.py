"""All tests see four CPU devices: that one device, jit over four and pmap over four
agree is one of the things tested, and a mesh of one device is a mesh all the same.

What one test compiled, the others and the commands they start find in a cache that
lives as long as the session. Programs compile for longer than they run: LLVM optimises
nothing, and XLA emits its fusions the older, shorter way. Where a test trains for long,
LLVM optimises the step (tests/optimised.py), or all of a test that is marked so.

At the end stands what each paper took: 30 s of the quick suite and 90 s of the slow one
are its budget on two cores, and a worker keeps under 5 GB.
"""

import gc
import os
import resource
import shutil
import tempfile
from collections import Counter
from pathlib import Path

os.environ["JAX_PLATFORMS"] = "cpu"
CACHE = "JAX_COMPILATION_CACHE_DIR"
# Cores are for the other workers: one thread emits a program's code.
FLAGS = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
os.environ.setdefault("XLA_FLAGS", FLAGS)
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
OWNER = CACHE not in os.environ  # pytest's first process; its workers inherit
if OWNER:
    os.environ[CACHE] = tempfile.mkdtemp(prefix="papers-compiled-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

import jax  # noqa: E402 (it reads the environment)
import pytest  # noqa: E402

ROOT = Path(__file__).parents[1]
PAPERS = [path.parent.name for path in ROOT.glob("papers/*/__init__.py")]
BUDGET = {"not slow": 30, "slow": 90}  # seconds a paper
SECONDS, WORKER_GB = Counter(), []


def pytest_configure(config):
    gc.set_threshold(50_000, 20, 100)  # a trace's many small objects live on anyway
    jax.config.update("jax_num_cpu_devices", 4)
    jax.devices()  # from here on the number stands


def pytest_unconfigure(config):
    if OWNER:
        shutil.rmtree(os.environ[CACHE], ignore_errors=True)


def paper_of(test: str) -> str:
    """The paper that a test's name tells, or "shared"."""
    words = test.replace("[", "/").replace("]", "/").replace("-", "/").split("/")
    return next((paper for paper in PAPERS if paper in words), "shared")


def pytest_collection_modifyitems(items):
    """A paper's tests stand together: they share programs while they are in memory."""
    items.sort(key=lambda item: paper_of(item.nodeid))


def pytest_collection_finish():
    """Modules and tests stay to the end: no later collection walks over them."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    optimised = item.get_closest_marker("optimised") is not None
    jax.config.update("jax_disable_most_optimizations", not optimised)


def pytest_runtest_teardown(item, nextitem):
    """Compiled programs go with their module and paper: JAX would keep them all."""
    here, after = (x and (x.fspath, paper_of(x.nodeid)) for x in (item, nextitem))
    if here != after:
        jax.clear_caches()
        gc.collect()


def pytest_runtest_logreport(report):
    SECONDS[paper_of(report.nodeid)] += report.duration


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        session.config.workeroutput["gigabytes"] = peak / 2**20


def pytest_testnodedown(node, error):
    WORKER_GB.append(getattr(node, "workeroutput", {}).get("gigabytes", 0.0))


def pytest_terminal_summary(terminalreporter, config):
    budget = BUDGET.get(config.option.markexpr)
    if not SECONDS or not budget:
        return
    parts = [f"{paper} {seconds:.0f}" for paper, seconds in SECONDS.most_common()]
    terminalreporter.write_line(f"seconds of tests: {', '.join(parts)}")
    over = [p for p, s in SECONDS.items() if p != "shared" and s > budget]
    if over:
        names = ", ".join(over)
        terminalreporter.write_line(f"over their budget of {budget} s: {names}")
    gigabytes = ", ".join(f"{size:.1f}" for size in WORKER_GB)
    terminalreporter.write_line(f"GB of each worker, at most: {gigabytes}")
