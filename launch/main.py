"""Trains, evaluates, tries out or describes a paper.

    python launch/main.py --paper=transformer_xl
    python launch/main.py --paper=transformer_xl --config=enwik8_12l --mode=describe
    python launch/main.py --paper=transformer_xl --config.data.source=files \\
        --config.data.root=~/books --workdir=~/runs/books
    python launch/main.py --paper=transformer_xl --mode=predict --input="Once upon"

A variant trains its runs in order, in workdir/<run>/, evaluates them all and leaves a
report in workdir/report/. The same command again goes on where it was stopped.
"""

import logging
import os
import shlex
import sys
from functools import partial
from pathlib import Path

if __name__ == "__main__":  # as a script: the packages stand beside launch/
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from absl import flags

from common import warned
from common.contract import UserError
from common.files import storage
from common.nearest import refuse_unknown
from launch import failure, options, sweep


def main(argv: list[str]) -> int:
    """Runs the command line. Returns 0: done, or training stopped and saved; 1: the
    run diverged or failed, or eval or predict was stopped; 2: the user's mistake, told
    in one line; 3: of a job of many processes another one was lost, and all are to be
    started again."""
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    logging.getLogger("launch").setLevel(logging.WARNING)
    logging.getLogger("papers").setLevel(logging.INFO)  # long preparations
    failure.tell_once()
    warned.in_one_line()
    try:
        return _run(argv)
    except BrokenPipeError:  # who reads what we print, as `head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (UserError, flags.Error) as error:
        print(f"launch: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except Exception as error:
        if line := failure.of_the_user(error):
            print(f"launch: {' '.join(line.split())}", file=sys.stderr)
            return 2
        if not (line := failure.of_the_machine(error)):
            raise
        print(f"launch: stopped: {line}", file=sys.stderr)
        return 1


def _run(argv: list[str]) -> int:
    overrides = options.overrides(argv)
    sweeps = sweep.fields(argv)
    values = options.define_flags()
    own = [a for a in argv[1:] if a not in [*overrides, *sweeps]]
    rest = values([argv[0], *own])
    if len(rest) > 1:
        raise UserError(f"unexpected argument {rest[1]!r}: flags are --name=value")
    if values.version:
        print(options.version())
        return 0
    if values.mode == "figures" and not values.help:
        from launch.lectures import write

        write.command(values, [*overrides, *sweeps])
        return 0
    if not (values.paper or values.workdir or values.help):
        papers = ", ".join(options.papers())
        raise UserError(f"say which --paper: {papers}; --help tells more")
    if not values.paper and values["config"].present:
        raise UserError("--config is a variant of a paper: say which --paper too")
    if values.help and values.paper:
        print(options.paper_help(values.paper))
        return 0
    if values.help:
        print(options.command_help(values, __doc__))
        return 0
    if values.json and values.mode != "predict":
        raise UserError("--json is for --mode=predict")
    if values.effort and values.mode != "compile":
        raise UserError("--effort is for --mode=compile")
    if sweeps:
        return sweep.sweep(values, argv[1:], overrides, sweeps)

    # JAX is slow to import, and the devices must be counted before it starts.
    from launch import distributed

    maybe_many = distributed.maybe_many(values.num_processes, values.coordinator)
    many = maybe_many and values.mode not in options.SHAPES_ONLY
    if many and distributed.UNDER_PARENT not in os.environ:
        return distributed.run_under_parent(argv)

    from common.data.workers import workers
    from launch import catalogue, devices, lost
    from launch.reports.lines import alone_on_stdout

    devices.keep_freed_memory()
    devices.use_cpu_devices(values.cpu_devices)
    if many:
        distributed.join(values.coordinator, values.num_processes, values.process_id)
    with lost.no_waiting_for_the_dead(), workers(values.workers):
        if not values.json:
            return _dispatch(values, catalogue.asked(values, overrides), argv)
        with alone_on_stdout() as lines:
            asked = catalogue.asked(values, overrides)
            return _dispatch(values, asked, argv, lines)


def _dispatch(values: flags.FlagValues, asked, argv: list[str], lines=None) -> int:
    from launch import benchmark, boards, describe
    from launch.ahead import compile, export
    from launch.reports.origin import facts
    from launch.session import Session

    boards.check(values.track or "")
    workdir = values.workdir or f"workdir/{asked.name}/{asked.variant}"
    session = Session(
        asked.paper,
        asked.config,
        storage.path(workdir),
        parallel=values.parallel,
        mesh=values.mesh,
        every_device=values.cpu_devices is not None,
        checkpoint=options.checkpoint(values),
    )
    if values.run:
        refuse_unknown("run", values.run, session.runs)
    names = [values.run] if values.run else [*session.runs]
    title = f"{asked.name} · {asked.variant}"
    command = shlex.join(["python", "launch/main.py", *argv[1:]])
    shows = {
        "describe": describe.describe,
        "benchmark": benchmark.benchmark,
        "export": export.export,
    }
    if values.mode in shows:
        shows[values.mode](session, names)
        return 0
    if values.mode == "compile":
        changed = [flag.partition("config.")[2] for flag in options.overrides(argv)]
        lived = compile.compile_for(
            session,
            names,
            compile.topologies(values.topology),
            values.mesh,
            values.effort,
            title=", ".join([title, *changed]),
            facts=facts(command, "none of the slice"),
        )
        return 0 if lived else 1
    return _work(values, asked, session, names, title, command, lines)


def _work(
    values: flags.FlagValues, asked, session, names, title: str, command: str, lines
) -> int:
    """Trains, evaluates or predicts, with the workdir to itself."""
    from launch import compiled, distributed, lost, pending, profile, stop, workdir

    if values.profile is not None:
        ends = [session.runs[name].config.loop.steps for name in names]
        profile.check(
            values.profile, values.mode, session.workdir, min(ends, default=0)
        )
    reading = values.mode in ("eval", "predict")
    with (
        workdir.locked(session.workdir, reading=reading),
        stop.StopRequest() as request,
    ):
        compiled.keep_compiled(session.workdir)
        if not reading:
            workdir.remember(session.workdir, asked.name, asked.variant, asked.config)
        try:
            done = _do(values, session, names, title, command, request, lines)
        except pending.Diverged as error:
            print(f"launch: stopped: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt as stopped:
            if distributed.is_many() and not request.ends_at_once:
                raise  # the others must not wait for us
            code = _stopped(reading, command, str(stopped))
            if distributed.is_many():  # nor may we wait for them: they need our part
                lost.leave_alone(code)
            return code
        distributed.leave_together(request)
    return 0 if done else _stopped(reading, command)


def _stopped(reading: bool, command: str, kept: str = "") -> int:
    """Says how a job ended that was asked to stop; returns its exit code."""
    if reading:
        kept = kept or "what was shown or written so far"
        print(f"\nstopped before its end; kept: {kept}", flush=True)
        return 1
    print(f"stopped, and nothing is lost; to go on: {command}", flush=True)
    return 0


def _do(values, session, names, title: str, command: str, request, lines) -> bool:
    """Whether it came to its end, before `request` was made."""
    from common import config as configs
    from launch import distributed, predict
    from launch.reports.origin import about_paper, facts

    source = partial(facts, command, about=about_paper(session.paper.__doc__))
    if values.mode == "train":
        return _train(values, session, names, title, source, request)
    if not distributed.begin_reading(request):
        return False
    if values.mode == "predict":
        run = values.run or ""
        fields = {name: value for name, _, value in configs.fields(session.config)}
        predict.predict(
            session,
            run,
            values.input,
            lines,
            title=f"{title} · predict {run}".strip(),
            facts=source(""),
            out=fields.get("config.predict.out", ""),
        )
    else:
        _evaluate(session, title, source)
    return True


def _train(values, session, names, title: str, source, request) -> bool:
    """Trains, and evaluates where all runs were to be trained."""
    from launch import distributed
    from launch.reports.live import LivePage

    steps = {name: run.config.loop.steps for name, run in session.runs.items()}
    with LivePage(session.workdir, title, steps, source("")) as live:
        track = values.track or ""
        if not session.train(names, request, values.profile, track):
            return False
        if values.run:
            left = ", ".join(session.missing()) or "nothing: --mode=eval reports"
            print(f"still to train: {left}", flush=True)
            return True
        if not distributed.begin_reading(request):
            return False
        live.measuring()
        _evaluate(session, title, source)
    return True


def _evaluate(session, title: str, source) -> None:
    devices = session.mesh().devices
    session.evaluate(title, source(f"{devices.size} x {devices.flat[0].device_kind}"))


def console() -> None:
    """The command `papers`."""
    sys.exit(main(sys.argv))


if __name__ == "__main__":
    console()
