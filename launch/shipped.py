"""Small trained weights that come with a paper's package, for a first look.

papers/<name>/trained/<variant>.<run>.safetensors holds the arrays that the run's
`inference` reads, named as in a checkpoint: it is the inference.safetensors that
--mode=export writes.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from common.config import changed
from common.files import weights
from launch.flat_states import flat_state, unflat
from launch.runs import Runs, for_evaluation
from launch.workdir import differences

ENDING = ".safetensors"


def file(runs: Runs, name: str) -> Path | None:
    """The weights of a run that this very config made; None: there are none."""
    paper = runs.paper(name)
    own = _compared(runs[name].config)
    folder = Path(paper.__file__).parent / "trained"
    for path in sorted(folder.glob(f"*.{name}{ENDING}")):
        variant = path.name.removesuffix(f".{name}{ENDING}")
        theirs = paper.runs(paper.get_config(variant))[name].config
        if not [*differences(_compared(theirs), own)]:
            return path
    return None


def _compared(config: Any) -> dict[str, Any]:
    return dataclasses.asdict(changed(config, {"runs": ()}))


def state(runs: Runs, name: str, path: Path) -> Any:
    """A first state of the run with the weights of the file, as of `for_evaluation`.
    UserError: they do not fit."""
    key = jax.random.key(runs[name].config.seed)
    first = for_evaluation(runs.initialiser(name, weights=False)(key, {}))
    flat = flat_state(first)
    found = weights.read(path)
    fitting = {n: flat[n].shape for n in found.keys() & flat.keys()}
    weights.refuse_differences(fitting, found)
    return unflat(flat | {n: jnp.asarray(x) for n, x in found.items()}, first)
