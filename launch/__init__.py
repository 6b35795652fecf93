"""The impure shell: flags, loop, devices, checkpoints, logs and reports.

>>> from launch import load, save_params, show, train
>>> config, state = load("workdir/espcn/default", run="espcn", step="best")
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import papers  # noqa: F401  first: it says which file hides our `common`, if one does

if TYPE_CHECKING:
    from launch.notebook import Trained
    from launch.showing import Shown


def train(
    paper: ModuleType, config: Any, workdir: str | Path = "", runs: Sequence[str] = ()
) -> "Trained":
    """Trains the runs of a config and returns {run: (config, state)}.

    Progress is one line a run. What comes back is what `paper.evaluate` takes, and has
    `.logged(metric)`, arrays to plot, and `.curves()`. An interrupt (Ctrl-C, the
    notebook's stop button) finishes the step and saves. The same call on the same
    workdir goes on; with a larger `config.loop.steps` it trains further.

    Args:
      paper: its package, `from papers import espcn`.
      config: as of `paper.get_config`.
      workdir: a folder, as `launch/main.py` has it; "": a new temporary one.
      runs: names of `paper.runs(config)`; (): all. Those that they come after train
        too.

    Raises:
      UserError: the config cannot work, or the workdir is another config's.
    """
    from launch import notebook  # imports JAX

    return notebook.train(paper, config, workdir, runs)


def show(*values: Any, **named: Any) -> "Shown":
    """Tables, figures, pictures and text, for the last line of a notebook's cell.

    Args:
      values: a `Table`, a matplotlib figure, uint8 pixels, text, a number; or many:
        {name: value}, or what a paper's `evaluate` or `predict` yields.
      named: the same, each with its name above it: `show(before=a, after=b)`.
    """
    from launch.showing import shown

    return shown(values, named)


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
