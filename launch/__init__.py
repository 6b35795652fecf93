"""The impure shell: flags, loop, devices, checkpoints, logs and reports.

>>> from launch import load, save_params
>>> config, state = load("workdir/espcn/default", run="espcn", step="best")
"""

from pathlib import Path
from typing import Any


def load(workdir: str | Path, run: str = "", step: str | int = "newest") -> tuple:
    """(config, state) of a run that `launch/main.py` trained.

    The state is what a paper's `predict` and `evaluate` take: without what training
    alone reads.

    Args:
      workdir: the folder that was trained in, on a disk or gs://.
      run: its name; "": the first that is no other paper's.
      step: "newest", "best" (by `config.loop.best`), or a step that was kept.

    Raises:
      UserError: the folder, the run or the step is not there, or damaged; the nearest
        names are said.
    """
    from launch.loading import loaded  # imports JAX

    return loaded(workdir, run, str(step))


def save_params(path: str | Path, state: Any) -> None:
    """Writes a state's parameters: `common.files.params.save_params`."""
    from common.files import params  # imports JAX

    params.save_params(path, state)


def load_params(path: str | Path, like: Any) -> Any:
    """Reads what `save_params` wrote: `common.files.params.load_params`."""
    from common.files import params

    return params.load_params(path, like)
