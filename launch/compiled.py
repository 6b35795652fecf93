"""Compiled programs, kept beside a run's results: a run that starts again loads them.

A step of a large network compiles for 6 to 40 minutes (launch/COMPILED.md), and a
preempted run would at every start. JAX keeps the programs by their content, the
compiler's version and the devices: what changes is compiled anew. Process 0 alone
writes, and all read where the workdir is one that all reach.

A CPU's programs are kept as long as the process: runs that differ in their seed have
the same ones. A program compiles in seconds there, and one that was made for a CPU with
more instructions than this one's would end the process.
"""

import os
import tempfile
from pathlib import Path

import jax

from common.files import storage

FOLDER = "compiled"  # in the workdir; to delete it loses nothing but time
PLATFORMS = ("tpu", "gpu")  # whose programs outlive the process
_own: list[tempfile.TemporaryDirectory] = []  # goes when the process ends


def keep_compiled(workdir: Path) -> None:
    """From here on what compiles for a second or longer is kept in the workdir, on a
    CPU among the temporary files, unless the user has said where
    (JAX_COMPILATION_CACHE_DIR) or the workdir is read-only."""
    if jax.config.jax_compilation_cache_dir:
        return
    if jax.default_backend() not in PLATFORMS:
        _own.append(tempfile.TemporaryDirectory(prefix="compiled-"))
        jax.config.update("jax_compilation_cache_dir", _own[-1].name)
        return
    if not storage.is_local(workdir):
        # XLA's own notes on GPU kernels are files that it opens without us.
        jax.config.update("jax_persistent_cache_enable_xla_caches", "none")
    elif not os.access(workdir, os.W_OK):
        return
    jax.config.update("jax_compilation_cache_dir", os.fspath(workdir / FOLDER))
