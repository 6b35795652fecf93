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
import re
import shlex
import sys
from functools import partial
from pathlib import Path

if __name__ == "__main__":  # as a script: the packages stand beside launch/
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from absl import flags

from common import config as configs
from common.config import nearest
from common.contract import UserError
from common.files import storage

MODES = {
    "train": "train what is not finished yet, then evaluate",
    "eval": "evaluate what is trained, and write the report",
    "predict": "what the trained model makes of --input",
    "describe": "parameters, memory, FLOPs and every field of the config",
    "compile": "the train step for a TPU slice that is not here: memory, cost, bound",
    "export": "the train step as a file that runs on CPU, CUDA and TPU without us",
    "benchmark": "time of a step, items a second, share of a matmul's FLOP/s",
}


ALONE = ("describe", "compile", "export")  # needs no other process, and no device


def define_flags() -> flags.FlagValues:
    """The flags of this command. Fields of a config come as `--config.field=value`."""
    values = flags.FlagValues()
    text = partial(flags.DEFINE_string, flag_values=values)
    choice = partial(flags.DEFINE_enum, flag_values=values)
    switch = partial(flags.DEFINE_boolean, flag_values=values)
    modes = "\n".join(f"{name}: {what}" for name, what in MODES.items())
    text("paper", None, "a folder of papers/")
    text("config", "default", "variant, or a Python file with get_config()")
    choice("mode", "train", list(MODES), modes)
    text("run", None, "train this run alone; predict: with it, not the first")
    text(
        "workdir", None, "results go here, on disk or gs://; workdir/<paper>/<variant>"
    )
    text("input", None, "predict: a prompt, or what the paper takes")
    choice("parallel", "jit", ["jit", "pmap"], "jit or pmap")
    text("mesh", "data", "how devices share: data, fsdp (parameters too), data:4,fsdp")
    number = partial(flags.DEFINE_integer, flag_values=values)
    number(
        "cpu_devices",
        None,
        "devices of a CPU host; its cores, or what the paper says",
        1,
    )
    text("topology", None, "compile: v5e:16x16, or several, or v5e, or all")
    flags.DEFINE_alias("topologies", "topology", flag_values=values)
    text("coordinator", None, "host:port of process 0, where JAX finds no cluster")
    number("num_processes", None, "of the job; 1: alone, whatever the cluster", 1)
    number("process_id", None, "of this process, from 0", 0)
    switch("help", False, "this text; with --paper, the paper's variants")
    return values


def main(argv: list[str]) -> int:
    """Runs the command line. Returns 0: done, or stopped and saved; 1: the run
    diverged; 2: the user's mistake, told in one line; 3: of a job of many processes
    another one was lost, and all are to be started again."""
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    logging.getLogger("launch").setLevel(logging.WARNING)
    try:
        return _run(argv)
    except (UserError, flags.Error) as error:
        print(f"launch: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _run(argv: list[str]) -> int:
    overrides = _overrides(argv)
    values = define_flags()
    rest = values([argv[0], *(a for a in argv[1:] if a not in overrides)])
    if len(rest) > 1:
        raise UserError(f"unexpected argument {rest[1]!r}: flags are --name=value")
    if not values.paper and not values.help:
        raise UserError(f"say which --paper: {', '.join(_papers())}; --help tells more")
    if values.help:
        print(_paper_help(values.paper) if values.paper else _help(values))
        return 0

    # JAX is slow to import, and the devices must be counted before it starts.
    from launch import distributed

    many = distributed.maybe_many(values.num_processes, values.coordinator)
    many = many and values.mode not in ALONE
    if many and distributed.UNDER_PARENT not in os.environ:
        return distributed.run_under_parent(argv)

    from launch import catalogue, devices

    devices.keep_freed_memory()
    devices.use_cpu_devices(values.cpu_devices)
    if many:
        distributed.join(values.coordinator, values.num_processes, values.process_id)
    paper = catalogue.load(values.paper)
    config = catalogue.variant(paper, values.config)
    config = catalogue.override(config, overrides)
    with distributed.no_waiting_for_the_dead():
        return _dispatch(values, paper, config, argv)


def _overrides(argv: list[str]) -> list[str]:
    """The flags that change the config."""
    return [a for a in argv[1:] if a.startswith(("--config.", "-config."))]


def _dispatch(values: flags.FlagValues, paper, config, argv: list[str]) -> int:
    from launch import benchmark, describe
    from launch.ahead import compile, export
    from launch.session import Session

    variant = Path(values.config).stem
    workdir = values.workdir or f"workdir/{values.paper}/{variant}"
    session = Session(
        paper,
        config,
        storage.path(workdir),
        parallel=values.parallel,
        mesh=values.mesh,
        exact=values.cpu_devices is not None,
    )
    if values.run:
        nearest("run", values.run, session.runs)
    names = [values.run] if values.run else [*session.runs]
    title = f"{values.paper} · {variant}"
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
        topology = compile.check_topology(values.topology)
        changed = [flag.partition("config.")[2] for flag in _overrides(argv)]
        title, facts = ", ".join([title, *changed]), _facts(command, session)
        compile.compile_for(
            session, names, topology, values.mesh, title=title, facts=facts
        )
        return 0
    return _work(values, session, names, title, command)


def _work(values: flags.FlagValues, session, names, title: str, command: str) -> int:
    """Trains, evaluates or predicts, with the workdir to itself."""
    from launch import loop, workdir

    try:
        with workdir.locked(session.workdir), loop.StopRequest() as stop:
            if values.mode == "predict":
                _predict(session, values.run or "", values.input)
            elif values.mode == "train" and not session.train(names, stop):
                raise KeyboardInterrupt
            elif values.mode == "train" and values.run:
                left = ", ".join(session.missing()) or "nothing: --mode=eval reports"
                print(f"still to train: {left}", flush=True)
            else:
                stop.at_once()  # nothing to save from here on
                session.evaluate(title, _facts(command, session))
    except loop.Diverged as error:
        print(f"launch: stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"stopped, and nothing is lost; to go on: {command}", flush=True)
    return 0


def _predict(session, run: str, inputs: str | None) -> None:
    """Prints text as it comes; tables and pictures as a report's."""
    from launch.reports.report import Report

    if inputs is None:
        raise UserError('--mode=predict needs --input="..."')
    report = Report(
        session.workdir / "predict", title=f"predict {run}".strip(), facts={}
    )
    for output in session.predict(run, inputs):
        if isinstance(output, str):
            print(output, end="", flush=True)
        else:
            report.add(*output)
    print()


def _facts(command: str, session) -> dict[str, str]:
    """Where a report comes from."""
    import datetime
    import platform

    import jax

    devices = session.mesh().devices
    return {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "devices": f"{devices.size} x {devices.flat[0].device_kind}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "jax": jax.__version__,
    }


def _papers() -> list[str]:
    """As catalogue.names, without importing JAX."""
    from launch import catalogue

    return catalogue.names()


def _paper_help(name: str) -> str:
    """A paper's variants, one line each."""
    from launch import catalogue

    paper = catalogue.load(name)
    lines = [f"{name}: {paper.__doc__.strip().splitlines()[0]}", "", "variants:"]
    width = max(map(len, paper.VARIANTS)) + 2
    for variant, make in paper.VARIANTS.items():
        lines.append(f"  {variant:<{width}}{make.__doc__.strip().splitlines()[0]}")
    lines += ["", "fields that have choices or bounds, and their defaults:"]
    for field, kind, value in configs.fields(paper.get_config()):
        if rule := str(configs.rule_of(kind)):
            lines.append(f"  --{field}={configs.shown(value)}  {rule}")
    lines.append(f"\nall fields: --paper={name} --mode=describe")
    return "\n".join(lines)


def _help(values: flags.FlagValues) -> str:
    lines = [__doc__, f"papers: {', '.join(_papers())}", "", "flags:"]
    for name in sorted(set(values) - {"?", "help"}):
        flag = values[name]
        # absl puts an enum's choices in front of its help, which names them too.
        first, *more = re.sub("^<.*?>: ", "", flag.help).splitlines()
        default = "" if flag.default in (None, False) else f" [{flag.default}]"
        lines.append(f"  --{name:<14}{(first if not more else '')}{default}")
        lines += [f"  {'':<16}{line}" for line in ([first, *more] if more else [])]
    lines.append(f"  --{'config.x.y':<14}any field of the config, by its type")
    lines.append("\n--paper=NAME --help lists the paper's variants.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
