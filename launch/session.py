"""The runs of one variant in one workdir: trained, restored, evaluated, tried out."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import jax

from common.config import changed
from common.contract import Paper, Run, UserError, complete
from common.metrics import Gathered
from launch import devices, distributed, placement, shipped
from launch.boards import show_results
from launch.checkpoints import Checkpoints, newest, whole
from launch.loop import Trainer, train
from launch.records import read_metrics
from launch.reports.origin import with_sources
from launch.reports.report import Report
from launch.reports.training import training_section
from launch.runs import Runs, for_evaluation, parameter_count
from launch.stop import StopRequest
from launch.workdir import check, claim, for_results


class Session:
    """Binds a paper's functions to a config, a folder and the devices of this machine.

    parallel: "jit" or "pmap"; mesh: as of `devices.parse_mesh`; every_device: of
    a CPU host too; checkpoint: which one of a run is evaluated, as of
    `Checkpoints.restore`; track: "wandb" shows the training there too.
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
        track: str = "",
    ) -> None:
        self.paper = complete(paper)
        self.config = config
        self.workdir = workdir
        self.runs = Runs(paper, config)
        if parallel == "pmap" and jax.process_count() > 1:
            raise UserError("--parallel=pmap is for one process: use jit on several")
        self._pmap = parallel == "pmap"
        self._mesh_sizes = mesh
        own_choice = mesh == "data" and not self._pmap
        self._on_cpu = self.paper.CPU_DEVICES if own_choice else None
        self._every_device = every_device
        self._checkpoint = checkpoint
        self._track = track
        self._trainers: dict[str, Trainer] = {}

    def train(
        self, names: list[str], stop: StopRequest, profile: int | None = None
    ) -> bool:
        """Trains the named runs and those they come after; False: `stop` came first."""
        for name in self.runs.in_order(names):
            if grown := claim(self.workdir / name, self.runs[name].config):
                print(grown, flush=True)
            if self._finished(name):
                print(f"{name}: finished before, skipped", flush=True)
                continue
            trainer, folder = self.trainer(name), self.workdir / name
            if not train(trainer, folder, stop, profile, self._track):
                return False
        return True

    def missing(self) -> list[str]:
        """The runs that are not finished."""
        return [
            n for n, run in self.runs.items() if self._step(n) < run.config.loop.steps
        ]

    def evaluate(self, title: str, facts: Mapping[str, str]) -> None:
        """Writes workdir/report/ over the runs that are finished, one at least, and
        names the others. Where the workdir cannot be written to, the report is among
        the temporary files.

        All processes of a job measure together, on the job's mesh, and process 0
        reports.
        """
        if missing := self.missing():
            self._leave_out(missing)
            left = f"{', '.join(missing)}: not trained to the end"
            facts = {**facts, "left out": left}
            if distributed.is_first():
                print(f"left out: {left}", flush=True)
        trained, seconds, steps = {}, {}, {}
        for name, run in self.runs.items():
            state, meta = self._trained(name)
            trained[name] = run.config, state
            seconds[name] = meta["seconds"]
            steps[name] = meta["step"]
        values = self.paper.evaluate(self.config, trained)
        if not distributed.is_first():
            return distributed.take_part(values)
        history = {n: self._history(n, s, seconds[n]) for n, (_, s) in trained.items()}
        folder = for_results(self.workdir) / "report"
        report = Report(folder, title=title, facts=facts)
        try:
            for name, value in training_section(history, self._which(steps)):
                report.add(name, value)
            for name, value, source in with_sources(values):
                report.add(name, value, source)
        except BaseException:  # what was measured until then is worth keeping
            report.write(incomplete="stopped before all was measured")
            raise
        report.write()
        show_results(folder, report.results, max(steps.values(), default=0))
        print(f"report: {folder / 'index.html'}", flush=True)

    def _leave_out(self, missing: list[str]) -> None:
        """From here on the config has the finished runs alone. UserError: there is
        none, or the config cannot do without the others."""
        refusal = UserError(
            f"not trained to the end in {self.workdir}: {', '.join(missing)}. "
            "Run --mode=train first, with the same --config and --workdir"
        )
        kept = tuple(name for name in self.config.runs if name not in missing)
        if not kept:
            raise refusal
        config = changed(self.config, {"runs": kept})
        try:
            runs = Runs(self.paper, config)
        except UserError:
            raise refusal from None
        if any(
            name in missing or not _alike(runs[name], self.runs[name]) for name in runs
        ):
            raise refusal
        self.config, self.runs = config, self.runs.only(runs)

    def _which(self, steps: Mapping[str, int]) -> str:
        """Which states are measured, for the note of a table."""
        if self._checkpoint == "newest":
            return "the newest one"
        taken = [
            f"{name} at step {step:,}"
            for name, step in steps.items()
            if step < self.runs[name].config.loop.steps
        ]
        return f"--checkpoint={self._checkpoint}: {', '.join(taken) or 'the last one'}"

    def predict(self, name: str, inputs: str) -> Iterator[Any]:
        """What the state of run `name` makes of `inputs`; "": of the first run that is
        no other paper's. All processes of a job predict together; where no
        trained state is needed, process 0 does alone."""
        own = [n for n, run in self.runs.items() if not run.paper]
        name = name or next(iter(own), "")
        paper = self.runs.paper(name) if name else self.paper
        config = self.runs[name].config if name else self.config
        # A paper that trains nothing itself has no run of its own.
        if not name or paper.predicts_untrained(config):
            alone = distributed.is_first()
            return paper.predict(config, None, inputs) if alone else iter(())
        state, said = self.trained_or_shipped(name)
        if said:
            logging.getLogger("launch").warning(said)
        return paper.predict(config, state, inputs)

    def trained_or_shipped(self, name: str) -> tuple[Any, str]:
        """(state, what the user should know of it, or "") of a run: that of `restored`,
        and before any training that of weights which come with the paper. UserError:
        there are none either."""
        config = self.runs[name].config
        path = None if self.is_begun(name) else shipped.file(self.runs, name)
        if path:
            said = f"{name}: not trained in {self.workdir}; the weights are {path}"
            return shipped.state(self.runs, name, path), said
        state, meta = self.restored(name)
        finished = meta["step"] >= config.loop.steps
        return state, "" if finished else _unfinished(name, meta, config)

    def is_begun(self, name: str) -> bool:
        """Whether the run has a checkpoint."""
        return self._step(name) >= 0

    def restored(self, name: str) -> tuple[Any, dict]:
        """(state as of `for_evaluation`, meta) of the checkpoint that this session is
        for. The best one of a run whose `loop.best` names no metric is its newest."""
        best = self.runs[name].config.loop.best
        asked = self._checkpoint
        which = "newest" if asked == "best" and not best else asked
        return self._restore(name, for_evaluation, which)

    def trainer(self, name: str) -> Trainer:
        """The run's steps, compiled for the devices of this machine."""
        if name not in self._trainers:
            self._trainers[name] = self._make_trainer(name)
        return self._trainers[name]

    def _make_trainer(self, name: str) -> Trainer:
        config = self.runs[name].config
        paper = self.runs.paper(name)
        place, state = self._placed(name)
        specs = {s: paper.batch_spec(config, s) for s in ("train", "valid")}
        devices.check_rows(place.mesh, _rows(specs["train"]), pmap=self._pmap)
        process = jax.process_index()
        shares = {s: place.shares(_rows(x))[process] for s, x in specs.items()}

        def batches(split: str) -> Iterator:
            index, count = shares[split]
            return paper.batches(
                config, split, process_index=index, process_count=count
            )

        return Trainer(
            name=name,
            config=config,
            placement=place,
            state=state,
            make_state=partial(self._first_state, name, place),
            train_step=place.compile_train(partial(paper.train_step, config)),
            eval_step=place.compile_eval(partial(paper.eval_step, config)),
            batches=batches,
            metrics=_numbers(paper, config, state, specs["valid"]),
            validate=partial(paper.validate, config),
            put=lambda split, batch: place.put_batch(batch, shares[split]),
            lower=partial(self.runs.lowered_step, name),
        )

    def _placed(self, name: str) -> tuple[placement.Placement, Any]:
        """Where a run's state lives, and its shapes there."""
        state = self.runs.abstract_state(name, weights=False)
        rules = self.runs.paper(name).SHARDING
        place = placement.place(state, self.mesh(), rules=rules, pmap=self._pmap)
        return place, place.abstract(state, place.state)

    def _first_state(self, name: str, place: placement.Placement) -> Any:
        """The state before the first step, made where it lives."""
        after = {n: self._last(n)[0] for n in self.runs[name].after}
        key = jax.random.key(self.runs[name].config.seed)
        return place.make_state(self.runs.initialiser(name), key, after)

    def mesh(self) -> jax.sharding.Mesh:
        """One mesh for all runs, so that `evaluate` can mix their states."""
        specs = [
            self.runs.paper(name).batch_spec(run.config, split)
            for name, run in self.runs.items()
            for split in ("train", "valid")
        ]
        rows = math.gcd(*map(_rows, specs))
        return devices.make_mesh(
            rows, self._mesh_sizes, every_device=self._every_device, on_cpu=self._on_cpu
        )

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
        _, state = self._placed(name)
        restored = checkpoints.restore(state, part, which)
        checkpoints.close()
        return restored

    def _trained(self, name: str) -> tuple[Any, dict]:
        """(state, meta) that is measured of a finished run."""
        return self._last(name) if self._checkpoint == "newest" else self.restored(name)

    def _last(self, name: str) -> tuple[Any, dict]:
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

    def _finished(self, name: str) -> bool:
        """Whether the checkpoint of the last step is there, and whole."""
        steps = self.runs[name].config.loop.steps
        return self._step(name) >= steps and self._restore(name)[1]["step"] >= steps

    def _step(self, name: str) -> int:
        """Steps of the newest checkpoint; -1 without one."""
        return newest(self.workdir / name)

    def _history(self, name: str, state: Any, seconds: float) -> dict[str, Any]:
        config, steps = self.runs[name].config, int(state.step)
        return {
            "parameters": parameter_count(state),
            "steps": steps,
            "seconds": seconds,
            "items": steps * config.items_per_step,
            "unit": config.unit,
            "metrics": read_metrics(self.workdir / name / "metrics.jsonl"),
        }


def _alike(one: Run, other: Run) -> bool:
    """Whether two runs are the same but for the runs beside them."""
    configs = [changed(run.config, {"runs": ()}) for run in (one, other)]
    return configs[0] == configs[1] and one.after == other.after


def _unfinished(name: str, meta: Mapping[str, Any], config: Any) -> str:
    step = meta["step"]
    return f"{name} is at step {step} of {config.loop.steps}"


def _rows(spec: Mapping[str, Any]) -> int:
    """Rows of a batch."""
    return math.gcd(*(leaf.shape[0] for leaf in jax.tree.leaves(spec)))


def _numbers(paper: Paper, config: Any, state: Any, batch: Any) -> tuple[str, ...]:
    """The metrics of `eval_step` that are numbers: any but what is gathered."""
    metrics = jax.eval_shape(partial(paper.eval_step, config), state, batch)
    return tuple(n for n, m in metrics.items() if not isinstance(m, Gathered))
