"""The modes of the command line, for one paper, one config and one workdir."""

import datetime
import functools
import platform
import signal
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import jax

from common.contract import Run, UserError
from launch import benchmark, catalogue, describe, devices
from launch.checkpoints import Checkpoints, claim, locked
from launch.logbook import read_metrics
from launch.loop import Diverged, StopRequest, Trainer, train
from launch.report import Report, training_section


def start(
    paper: ModuleType,
    config: Any,
    *,
    mode: str,
    run: str | None,
    workdir: Path,
    variant: str,
    options: Any,
    command: str,
) -> int:
    """Does what `mode` says and returns the exit code."""
    runs = paper.runs(config)
    if run:
        catalogue.nearest("run", run, runs)
    if mode in ("describe", "benchmark"):
        chosen = {run: runs[run]} if run else runs
        show = describe.describe if mode == "describe" else benchmark.benchmark
        for name, one in chosen.items():
            show(paper, name, one.config, options)
        return 0
    session = Session(paper, runs, workdir, options)
    facts = _facts(command, paper, variant)
    with locked(workdir), StopRequest() as stop:
        try:
            if mode == "predict":
                session.predict(run or next(iter(runs)), options.input)
                return 0
            if mode == "train" and not session.train([run] if run else [*runs], stop):
                return _stopped(command)
            return session.report(f"{facts['paper']} · {variant}", facts)
        except Diverged as error:
            print(f"launch: stopped: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return _stopped(command)


def _stopped(command: str) -> int:
    print(f"stopped; nothing is lost. To go on: {command}", flush=True)
    return 0


class Session:
    """The runs of a variant in a workdir: trained, restored, evaluated."""

    def __init__(
        self, paper: ModuleType, runs: Mapping[str, Run], workdir: Path, options: Any
    ) -> None:
        self.paper, self.runs, self.workdir = paper, runs, workdir
        self.options = options

    def train(self, names: list[str], stop: StopRequest) -> bool:
        """Trains the named runs and those they come after; False: `stop` came first."""
        for name in self._in_order(names):
            config = self.runs[name].config
            folder = self.workdir / name
            claim(folder, config)
            if self._finished(name):
                print(f"{name}: finished before, skipped", flush=True)
                continue
            trainer = self.trainer(name)
            _, finished = train(trainer, self._make_state(name), folder, stop)
            if not finished:
                return False
        return True

    def _in_order(self, names: list[str]) -> list[str]:
        """`names`, each behind the runs it comes after."""
        ordered: dict[str, None] = {}
        for name in names:
            for earlier in self._in_order([*self.runs[name].after]):
                ordered[earlier] = None
            ordered[name] = None
        return [*ordered]

    def _make_state(self, name: str):
        run = self.runs[name]
        after = {n: (self.runs[n].config, self.restore(n)) for n in run.after}
        key = jax.random.key(run.config.seed)
        return partial(self.paper.init, run.config, key, after=after)

    @functools.cache  # noqa: B019: a session lives as long as the process
    def trainer(self, name: str) -> Trainer:
        """The run's steps, compiled for the devices of this machine."""
        config, options = self.runs[name].config, self.options
        rows = [
            jax.tree.leaves(self.paper.batch_spec(config, split))[0].shape[0]
            for split in ("train", "valid")
        ]
        mesh = devices.make_mesh(*rows, exact=options.cpu_devices is not None)
        shapes = jax.eval_shape(self._make_state(name))
        placement = devices.place(
            shapes, mesh, fsdp=options.fsdp, pmap=options.parallel == "pmap"
        )
        return Trainer(
            name=name,
            config=config,
            placement=placement,
            train_step=placement.compile_train(partial(self.paper.train_step, config)),
            eval_step=placement.compile_eval(partial(self.paper.eval_step, config)),
            batches=partial(self.paper.batches, config),
        )

    def _finished(self, name: str) -> bool:
        latest = Checkpoints(self.workdir / name, self.runs[name].config.loop).latest
        return latest is not None and int(latest.name) >= self.runs[name].config.loop.steps
