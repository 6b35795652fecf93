"""The runs of one variant in one workdir: trained, restored, evaluated, tried out."""

import logging
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from typing import Any

import jax

from common.config import changed
from common.contract import Paper, Run, UserError
from common.metrics import Gathered
from launch import devices, distributed, placement
from launch.boards import show_results
from launch.loop import Trainer, train
from launch.records import read_metrics
from launch.reports.origin import with_sources
from launch.reports.report import Report
from launch.reports.training import training_section
from launch.runs import Runs, parameter_count
from launch.stop import StopRequest
from launch.trained_runs import TrainedRuns, batch_rows
from launch.workdir import claim, for_results


class Session(TrainedRuns):
    """Trains the runs, evaluates them, and tries them out."""

    def train(
        self,
        names: list[str],
        stop: StopRequest,
        profile: int | None = None,
        track: str = "",
    ) -> bool:
        """Trains the named runs and those they come after; False: `stop` came first.

        track: "wandb" or "mlflow" shows the training there too.
        """
        for name in self.runs.in_order(names):
            if grown := claim(self.workdir / name, self.runs[name].config):
                print(grown, flush=True)
            if self.finished(name):
                print(f"{name}: finished before, skipped", flush=True)
                continue
            trainer, folder = self.trainer(name), self.workdir / name
            if not train(trainer, folder, stop, profile, track):
                return False
        return True

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
            state, meta = self.measured(name)
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
        if self.checkpoint == "newest":
            return "the newest one"
        taken = [
            f"{name} at step {step:,}"
            for name, step in steps.items()
            if step < self.runs[name].config.loop.steps
        ]
        said = f"--checkpoint={self.checkpoint}"
        if self.checkpoint == "best" and (best := self.config.loop.best_is()):
            said += f", {best}"
        return f"{said}: {', '.join(taken) or 'the last one'}"

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

    @cached_property
    def _trainers(self) -> dict[str, Trainer]:
        return {}

    def trainer(self, name: str) -> Trainer:
        """The run's steps, compiled for the devices of this machine."""
        if name not in self._trainers:
            self._trainers[name] = self._make_trainer(name)
        return self._trainers[name]

    def _make_trainer(self, name: str) -> Trainer:
        config = self.runs[name].config
        paper = self.runs.paper(name)
        place, state = self.placed(name)
        specs = {s: paper.batch_spec(config, s) for s in ("train", "valid")}
        devices.check_rows(place.mesh, batch_rows(specs["train"]), pmap=self.pmap)
        process = jax.process_index()
        shares = {s: place.shares(batch_rows(x))[process] for s, x in specs.items()}

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

    def _first_state(self, name: str, place: placement.Placement) -> Any:
        """The state before the first step, made where it lives."""
        after = {n: self.last(n)[0] for n in self.runs[name].after}
        key = jax.random.key(self.runs[name].config.seed)
        return place.make_state(self.runs.initialiser(name), key, after)


def _alike(one: Run, other: Run) -> bool:
    """Whether two runs are the same but for the runs beside them."""
    configs = [changed(run.config, {"runs": ()}) for run in (one, other)]
    return configs[0] == configs[1] and one.after == other.after


def _numbers(paper: Paper, config: Any, state: Any, batch: Any) -> tuple[str, ...]:
    """The metrics of `eval_step` that are numbers: any but what is gathered."""
    metrics = jax.eval_shape(partial(paper.eval_step, config), state, batch)
    return tuple(n for n, m in metrics.items() if not isinstance(m, Gathered))
