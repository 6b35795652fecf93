"""The flags of launch/main.py, and what --help says."""

import inspect
import re
import textwrap
from functools import partial

from absl import flags

from common import config as configs
from common.contract import UserError

MODES = {
    "train": "train what is not finished yet, then evaluate",
    "eval": "evaluate what is trained, and write the report",
    "predict": "what the trained model makes of --input",
    "describe": "parameters, memory, FLOPs and every field of the config",
    "compile": "the train step for a TPU slice that is not here: memory, cost, bound",
    "export": "step and network as files that run on CPU, CUDA and TPU without us",
    "benchmark": "time of a step, items a second, share of a matmul's FLOP/s",
    "figures": "a page of the paper's equations, tables, figures; --paper=all",
}
NEWEST = "newest"
ALL = "all"  # papers, for --mode=figures
INSET = " " * 8  # of what is said of a field
WIDTH = 84
SHAPES_ONLY = ("describe", "compile", "export")  # no other process, and no device


def define_flags() -> flags.FlagValues:
    """The flags of this command. Fields of a config come as `--config.field=value`."""
    values = flags.FlagValues()
    text = partial(flags.DEFINE_string, flag_values=values)
    choice = partial(flags.DEFINE_enum, flag_values=values)
    switch = partial(flags.DEFINE_boolean, flag_values=values)
    modes = "\n".join(f"{name}: {what}" for name, what in MODES.items())
    text("paper", None, "a folder of papers/; none: the paper that --workdir is of")
    text("config", "default", "variant, or a Python file with get_config()")
    choice("mode", "train", list(MODES), modes)
    text("run", None, "train this run only; predict with it, not with the first")
    text(
        "workdir", None, "results go here, on disk or gs://; workdir/<paper>/<variant>"
    )
    text("input", None, "predict: a prompt, or what the paper takes")
    text(
        "checkpoint",
        NEWEST,
        "eval, predict, export: newest, best (by config.loop.best), or a step kept",
    )
    number = partial(flags.DEFINE_integer, flag_values=values)
    number("profile", None, "train: trace 5 steps after this one, in <run>/profile", 0)
    trackers = "train: also to Weights & Biases or MLflow, if installed"
    choice("track", None, ["wandb", "mlflow"], trackers)
    choice("parallel", "jit", ["jit", "pmap"], "jit or pmap")
    text("mesh", "data", "how devices share: data, fsdp (parameters too), data:4,fsdp")
    number(
        "cpu_devices",
        None,
        "devices that a CPU host shows; its cores, or what the paper says",
        1,
    )
    number(
        "workers",
        None,
        "processes that decode pictures; one for four cores, from eight cores on",
        0,
    )
    text("topology", None, "compile: v5e:16x16, or several, or v5e, or all")
    flags.DEFINE_alias("topologies", "topology", flag_values=values)
    flags.DEFINE_float(
        "effort",
        0.0,
        "compile: XLA's, -1 (minutes for what takes an hour) to 0 (a run's)",
        -1.0,
        0.0,
        flag_values=values,
    )
    text("coordinator", None, "host:port of process 0, where JAX finds no cluster")
    number("num_processes", None, "of the job; 1: this one only, in a cluster too", 1)
    number("process_id", None, "of this process, from 0", 0)
    switch("json", False, "predict: lines of JSON alone on stdout, all else on stderr")
    switch(
        "help", False, "this text; with --paper, the paper's variants", short_name="h"
    )
    switch("version", False, "of this package, and of JAX")
    return values


def checkpoint(values: flags.FlagValues) -> str:
    """--checkpoint. UserError: it is none, or the mode reads no checkpoint."""
    asked = values.checkpoint
    if asked != NEWEST and values.mode not in ("eval", "predict", "export"):
        raise UserError("--checkpoint is for --mode=eval, predict and export")
    if asked not in (NEWEST, "best") and not asked.isdecimal():
        raise UserError(f"--checkpoint={asked}: newest, best, or a step")
    return asked


def version() -> str:
    """The versions of this package and of JAX."""
    from importlib import metadata

    try:
        own = metadata.version("papers-in-jax")
    except metadata.PackageNotFoundError:
        own = "not installed"
    return f"papers-in-jax {own}, jax {metadata.version('jax')}"


def overrides(argv: list[str]) -> list[str]:
    """The flags that change the config."""
    return [a for a in argv[1:] if a.startswith(("--config.", "-config."))]


def papers() -> list[str]:
    """As catalogue.names, without importing JAX."""
    from launch import catalogue

    return catalogue.names()


def paper_help(name: str) -> str:
    """A paper's variants, what it predicts from, and all fields of its config."""
    from launch import catalogue
    from launch.meanings import meanings

    paper = catalogue.load(name)
    config = paper.get_config()
    lines = [f"{name}: {paper.__doc__.strip().splitlines()[0]}", "", "variants:"]
    width = max(map(len, paper.VARIANTS)) + 2
    for variant, make in paper.VARIANTS.items():
        lines.append(f"  {variant:<{width}}{make.__doc__.strip().splitlines()[0]}")
    lines += ["", "--mode=predict --input=...:"]
    lines += [f"  {x}".rstrip() for x in inspect.getdoc(paper.predict).splitlines()]
    lines += ["", "fields of the config, and their defaults:"]
    said = meanings(config)
    for field, kind, value in configs.fields(config):
        rule = str(configs.rule_of(kind))
        lines += _broken(f"  --{field}={configs.shown(value)}")
        text = "; ".join(filter(None, [said.get(field, ""), rule]))
        lines += textwrap.wrap(
            text, WIDTH, initial_indent=INSET, subsequent_indent=INSET
        )
    return "\n".join(lines)


def _broken(flag: str) -> list[str]:
    """A flag with a long list of values, broken behind its commas."""
    if len(flag) <= WIDTH or "," not in flag:
        return [flag]
    spaced = flag.replace(",", ", ")
    options = {"break_on_hyphens": False, "break_long_words": False}
    lines = textwrap.wrap(spaced, WIDTH, subsequent_indent=INSET, **options)
    return [line.replace(", ", ",") for line in lines]


def command_help(values: flags.FlagValues, intro: str) -> str:
    """`intro`, the papers and all flags."""
    lines = [intro, f"papers: {', '.join(papers())}", "", "flags:"]
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
