"""The impure shell: flags, loop, devices, checkpoints, logs and reports.

>>> from launch import load
>>> config, state = load("workdir/espcn/default", run="espcn", step="best")
"""

from pathlib import Path


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
