"""Training for a test of hundreds of steps: LLVM optimises the step alone. What the
test compiles besides, to draw a state or to measure it, runs once or a few times."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

OPTIONS = {
    "xla_backend_optimization_level": 3,
    "xla_llvm_disable_expensive_passes": False,
}


def train_step(paper: Any, config: Any) -> Callable:
    """(state, batch) -> (state, metrics) of a paper; it takes the state's memory."""
    step = partial(paper.train_step, config)
    return jax.jit(step, donate_argnums=0, compiler_options=OPTIONS)
