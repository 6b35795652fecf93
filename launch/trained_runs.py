"""What a workdir has of a config's runs: how far each is, and what training left."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import jax

from common.contract import UserError, complete
from launch import devices, placement, shipped
from launch.checkpoints import Checkpoints, newest, whole
from launch.runs import Runs, for_evaluation
from launch.workdir import check


class TrainedRuns:
    """Binds a paper's functions to a config, a folder and the devices of this machine.

    parallel: "jit" or "pmap"; mesh: as of `devices.parse_mesh`; every_device: of a CPU
    host too; checkpoint: which one of a run is measured, as of `Checkpoints.restore`.
    """

    def __init__(
        self,
        paper: ModuleType,
        config: Any,
        workdir: Path,
        *,
        parallel: str = "jit",
        mesh: str = "data",
        every_device: bool = False,
        checkpoint: str = "newest",
    ) -> None:
        self.paper = complete(paper)
        self.config = config
        self.workdir = workdir
        self.runs = Runs(paper, config)
        if parallel == "pmap" and jax.process_count() > 1:
            raise UserError("--parallel=pmap is for one process: use jit on several")
        self.pmap = parallel == "pmap"
        self.checkpoint = checkpoint
        self._mesh_sizes = mesh
        own_choice = mesh == "data" and not self.pmap
        self._on_cpu = self.paper.CPU_DEVICES if own_choice else None
        self._every_device = every_device

    def missing(self) -> list[str]:
        """The runs that are not finished."""
        return [
            n for n, run in self.runs.items() if self._step(n) < run.config.loop.steps
        ]

    def is_begun(self, name: str) -> bool:
        """Whether the run has a checkpoint."""
        return self._step(name) >= 0

    def has_weights(self, name: str) -> bool:
        """Whether `trained_or_shipped` finds any."""
        there = self.is_begun(name) or shipped.file(self.runs, name) is not None
        return there or self._has_no_steps(name)

    def _has_no_steps(self, name: str) -> bool:
        """Whether the run's first state is its last, and needs no other run's."""
        run = self.runs[name]
        return not (run.config.loop.steps or run.after)

    def trained_or_shipped(self, name: str) -> tuple[Any, str]:
        """(state, what the user should know of it, or "") of a run: that of `restored`,
        and before any training that of weights which come with the paper, or the first
        one where the run trains no step. UserError: there is none either."""
        config = self.runs[name].config
        path = None if self.is_begun(name) else shipped.file(self.runs, name)
        if path:
            said = f"{name}: not trained in {self.workdir}; the weights are {path}"
            return shipped.state(self.runs, name, path), said
        if not self.is_begun(name) and self._has_no_steps(name):
            key = jax.random.key(config.seed)
            state = jax.jit(self.runs.initialiser(name))(key, {})
            return for_evaluation(state), f"{name}: not trained, config.loop.steps=0"
        if not self.is_begun(name) and getattr(config, "weights", ""):
            raise UserError(
                f"nothing trained in {self.workdir / name}: run --mode=train first, or "
                "give --config.loop.steps=0 for config.weights as they are"
            )
        state, meta = self.restored(name)
        said = [self.without_best(name, meta)]
        if meta["step"] < config.loop.steps:
            said.append(_unfinished(name, meta, config))
        return state, "; ".join(filter(None, said))

    def without_best(self, name: str, meta: Mapping[str, Any]) -> str:
        """What the user should know where the best checkpoint was asked for and the run
        has kept none as such; otherwise ""."""
        if self.checkpoint != "best" or self.runs[name].config.loop.best:
            return ""
        return (
            f"{name}: config.loop.best names no metric; this is the newest checkpoint, "
            f"of step {meta['step']}"
        )

    def restored(self, name: str) -> tuple[Any, dict]:
        """(state as of `for_evaluation`, meta) of the checkpoint that this session is
        for. The best one of a run whose `loop.best` names no metric is its newest."""
        best = self.runs[name].config.loop.best
        asked = self.checkpoint
        which = "newest" if asked == "best" and not best else asked
        return self._restore(name, for_evaluation, which)

    def mesh(self) -> jax.sharding.Mesh:
        """One mesh for all runs, so that `evaluate` can mix their states."""
        specs = [
            self.runs.paper(name).batch_spec(run.config, split)
            for name, run in self.runs.items()
            for split in ("train", "valid")
        ]
        rows = math.gcd(*map(batch_rows, specs))
        return devices.make_mesh(
            rows, self._mesh_sizes, every_device=self._every_device, on_cpu=self._on_cpu
        )

    def placed(self, name: str) -> tuple[placement.Placement, Any]:
        """Where a run's state lives, and its shapes there."""
        state = self.runs.abstract_state(name, weights=False)
        rules = self.runs.paper(name).SHARDING
        place = placement.place(state, self.mesh(), rules=rules, pmap=self.pmap)
        return place, place.abstract(state, place.state)

    def measured(self, name: str) -> tuple[Any, dict]:
        """(state, meta) that is measured of a finished run."""
        return self.last(name) if self.checkpoint == "newest" else self.restored(name)

    def last(self, name: str) -> tuple[Any, dict]:
        """(state as of `for_evaluation`, meta) of a finished run. UserError: what came
        back is not its last state."""
        state, meta = self._restore(name, for_evaluation)
        config = self.runs[name].config
        if meta["step"] < config.loop.steps:
            raise UserError(
                f"{_unfinished(name, meta, config)}: run --mode=train, with the same "
                "--config and --workdir"
            )
        return state, meta

    def _restore(
        self, name: str, part: Callable = whole, which: str = "newest"
    ) -> tuple[Any, dict]:
        """(state, meta) of a run that this very config made; of the state, what `part`
        leaves. which: as of `Checkpoints.restore`."""
        folder = self.workdir / name
        config = self.runs[name].config
        if not self.is_begun(name):
            raise UserError(
                f"nothing trained in {folder}: run --mode=train first, with the same "
                "--config and --workdir"
            )
        check(folder, config)
        checkpoints = Checkpoints(folder, config.loop, read_only=True)
        _, state = self.placed(name)
        restored = checkpoints.restore(state, part, which)
        checkpoints.close()
        return restored

    def finished(self, name: str) -> bool:
        """Whether the checkpoint of the last step is there, and whole."""
        steps = self.runs[name].config.loop.steps
        return self._step(name) >= steps and self._restore(name)[1]["step"] >= steps

    def _step(self, name: str) -> int:
        """Steps of the newest checkpoint; -1 without one."""
        return newest(self.workdir / name)


def _unfinished(name: str, meta: Mapping[str, Any], config: Any) -> str:
    step = meta["step"]
    return f"{name} is at step {step} of {config.loop.steps}"


def batch_rows(spec: Mapping[str, Any]) -> int:
    """Rows of a batch."""
    return math.gcd(*(leaf.shape[0] for leaf in jax.tree.leaves(spec)))
