"""Compiled programs, kept beside a run's results: a run that starts again loads them.

A step of a large network compiles for 6 to 40 minutes (launch/COMPILED.md), and a
preempted run would at every start. JAX keeps the programs by their content, the
compiler's version and the devices: what changes is compiled anew. Process 0 alone
writes, and all read where the workdir is one that all reach.
"""

import os
from pathlib import Path

import jax

from common.files import storage

FOLDER = "compiled"  # in the workdir; to delete it loses nothing but time
# A CPU's programs are left out. They compile in seconds, and one that was made for a
# CPU with more instructions than this one's ends the process.
PLATFORMS = ("tpu", "gpu")


def keep_compiled(workdir: Path) -> None:
    """From here on what compiles for a second or longer is kept in the workdir, unless
    the user has said where (JAX_COMPILATION_CACHE_DIR) or the workdir is read-only."""
    if jax.config.jax_compilation_cache_dir or jax.default_backend() not in PLATFORMS:
        return
    if not storage.is_local(workdir):
        # XLA's own notes on GPU kernels are files that it opens without us.
        jax.config.update("jax_persistent_cache_enable_xla_caches", "none")
    elif not os.access(workdir, os.W_OK):
        return
    jax.config.update("jax_compilation_cache_dir", os.fspath(workdir / FOLDER))
