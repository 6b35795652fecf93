"""The runs of one config: in which order, by whose functions, and what their states
look like before any is made."""

import copy
import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import jax

from common.config import changed
from common.contract import Paper, Run, UserError, complete
from common.nearest import refuse_unknown
from common.optim import averages
from launch import catalogue


class Runs(Mapping[str, Run]):
    """{name: Run} of a paper's config.

    UserError: the config cannot work, a run comes after one that is not there, or two
    wait for each other.
    """

    def __init__(self, paper: ModuleType | Paper, config: Any) -> None:
        self._own = complete(paper)
        self._runs = self._own.runs(config)
        self._states: dict[tuple[str, bool], Any] = {}  # as shapes, once traced
        for name in self._runs:
            self._check(name)

    def only(self, names: Iterable[str]) -> "Runs":
        """Some of the runs, with those that they come after."""
        found = copy.copy(self)
        found._runs = {name: self._runs[name] for name in names}
        return found

    def __getitem__(self, name: str) -> Run:
        return self._runs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def _check(self, name: str, path: tuple[str, ...] = ()) -> None:
        if name in path:
            raise UserError(f"runs come after each other: {' -> '.join((*path, name))}")
        for earlier in self[name].after:
            refuse_unknown(f"run for {name!r} to come after", earlier, self)
            self._check(earlier, (*path, name))

    def paper(self, name: str) -> Paper:
        """Whose functions train the run."""
        other = self[name].paper
        return catalogue.load(other) if other else self._own

    def in_order(self, names: Iterable[str]) -> list[str]:
        """`names`, each behind the runs it comes after."""
        ordered: dict[str, None] = {}
        for name in names:
            earlier = self.in_order(self[name].after)
            ordered |= dict.fromkeys([*earlier, name])
        return [*ordered]

    def initialiser(
        self, name: str, *, weights: bool = True
    ) -> Callable[[Any, Mapping[str, Any]], Any]:
        """(key, {run: state}) -> the run's first state. The states are those of the
        runs that it comes after.

        weights: whether `config.weights` is read, a file that a trained run needs no
        more. The state has the same shapes without it.
        """
        config = self[name].config
        if not weights and "weights" in vars(config):
            config = changed(config, {"weights": ""})

        def init(key, states):
            after = {n: (self[n].config, state) for n, state in states.items()}
            return self.paper(name).init(config, key, after=after)

        return init

    def abstract_state(self, name: str, *, weights: bool = True) -> Any:
        """The run's state as shapes, made from those of the runs it comes after.

        weights: as of `initialiser`.
        """
        if (name, weights) not in self._states:
            earlier = self[name].after
            after = {n: self.abstract_state(n, weights=weights) for n in earlier}
            key = jax.random.key(self[name].config.seed)
            init = self.initialiser(name, weights=weights)
            self._states[name, weights] = jax.eval_shape(init, key, after)
        return self._states[name, weights]

    def lowered_step(self, name: str) -> jax.stages.Lowered:
        """One train step as XLA gets it: for one device, not compiled."""
        paper, config = self.paper(name), self[name].config
        step = jax.jit(partial(paper.train_step, config))
        return step.lower(self.abstract_state(name), paper.batch_spec(config))

    def step_flops(self, name: str) -> float:
        """FLOPs of one train step as XLA counts them before optimising: a multiply and
        an add are two. The body of a `lax.scan` is counted once."""
        return float(self.lowered_step(name).cost_analysis()["flops"])


def for_evaluation(state: Any) -> Any:
    """The state, of arrays or of shapes, with None in place of what training alone
    reads: the fields that say so, `metadata={"training_only": True}`, and `opt_state`
    but for the running averages of parameters in it."""
    dropped = {
        field.name: jax.tree.map(lambda leaf: None, getattr(state, field.name))
        for field in dataclasses.fields(state)
        if field.metadata.get("training_only")
    }
    return state.replace(opt_state=averages(state.opt_state), **dropped)


def parameter_count(state: Any) -> int:
    """Parameters of a state, of arrays or of shapes."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state.params))
