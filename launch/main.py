"""Trains, evaluates, tries out or describes a paper. One command for all of them.

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
from pathlib import Path

if __name__ == "__main__":  # `python launch/main.py`: the packages stand beside launch/
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from absl import flags

from common.contract import UserError
from launch import catalogue

MODES = ("train", "eval", "predict", "describe", "benchmark")


def define_flags() -> flags.FlagValues:
    """The flags of this command. Those of a config come after `--config.`."""
    values = flags.FlagValues()

    def define(kind, name, default, text, **more):
        getattr(flags, f"DEFINE_{kind}")(name, default, text, flag_values=values, **more)

    define("string", "paper", None, "which paper: a folder of papers/")
    define("string", "config", "default", "variant, or a Python file with get_config()")
    define("enum", "mode", "train", "what to do", enum_values=list(MODES))
    define("string", "run", None, "one run of the variant instead of all")
    define("string", "workdir", None, "default: workdir/<paper>/<variant>")
    define("string", "input", None, "predict: what to continue, translate, find ...")
    define("enum", "parallel", "jit", "how steps use devices", enum_values=["jit", "pmap"])
    define("boolean", "fsdp", False, "split parameters over the devices too")
    define("integer", "cpu_devices", None, "devices a CPU host shows; default: its cores")
    define("boolean", "help", False, "this text, or a paper's variants")
    return values


def main(argv: list[str]) -> int:
    """Runs the command line; returns the exit code: 0 done, or stopped and saved;
    1 the run diverged; 2 the user's mistake, told in one line."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        return _main(argv)
    except (UserError, flags.Error) as error:
        print(f"launch: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _main(argv: list[str]) -> int:
    overrides = [a for a in argv[1:] if a.startswith(("--config.", "-config."))]
    values = define_flags()
    rest = values([argv[0], *(a for a in argv[1:] if a not in overrides)])
    if len(rest) > 1:
        raise UserError(f"unexpected argument {rest[1]!r}: flags are --name=value")
    if values.help or not values.paper:
        print(_help(values))
        return 0 if values.help else 2
    from launch import devices  # JAX is imported only once it is needed

    devices.use_cpu_devices(values.cpu_devices)
    paper = catalogue.load(values.paper)
    config = catalogue.variant(paper, values.config)
    config = catalogue.override(config, overrides)
    from launch import session

    name = Path(values.config).stem
    return session.start(
        paper,
        config,
        mode=values.mode,
        run=values.run,
        workdir=Path(values.workdir or f"workdir/{values.paper}/{name}").expanduser(),
        variant=name,
        options=values,
        command=shlex.join(["python", "launch/main.py", *argv[1:]]),
    )


def _help(values: flags.FlagValues) -> str:
    """The module's text and the flags; with --paper, that paper's variants instead."""
    if values.paper:
        paper = catalogue.load(values.paper)
        lines = [f"{values.paper}: {paper.__doc__.strip().splitlines()[0]}", "", "variants:"]
        for name, make in paper.VARIANTS.items():
            lines.append(f"  {name:<14} {make.__doc__.strip().splitlines()[0]}")
        return "\n".join(lines)
    lines = [__doc__, f"papers: {', '.join(catalogue.names())}", "", "flags:"]
    for name in values:
        flag = values[name]
        choices = getattr(flag.parser, "enum_values", None)
        default = "" if flag.default in (None, False) else f" [{flag.default}]"
        text = f"{flag.help}: {', '.join(choices)}" if choices else flag.help
        lines.append(f"  --{name:<12} {text}{default}")
    lines.append("  --config.a.b=v  any field of the config, typed (see --mode=describe)")
    lines.append("  --paper=NAME --help lists that paper's variants")
    return "\n".join(lines)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.exit(main(sys.argv))
