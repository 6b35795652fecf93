"""All combinations of some fields' values, each trained in a workdir of its own.

    python launch/main.py --paper=espcn --sweep.optim.lr=1e-3,3e-4 --sweep.seed=0,1

trains and evaluates in WORKDIR/sweep/optim.lr=1e-3,seed=0 and so on, one after another,
and compares them in WORKDIR/sweep/compare. The same command again goes on where it was
stopped. Values of a field that is a tuple are separated by semicolons.
"""

import itertools
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from common.contract import UserError
from common.files import storage

PREFIX = "--sweep."
MAIN = Path(__file__).with_name("main.py")


def fields(argv: Sequence[str]) -> list[str]:
    """The arguments that make a command line a sweep's."""
    return [argument for argument in argv[1:] if argument.startswith(PREFIX)]


def sweep(
    values: flags.FlagValues,
    arguments: Sequence[str],
    overrides: list[str],
    swept: Sequence[str],
) -> int:
    """Trains all; returns the first exit code that is not 0, or else 0.

    arguments: of the command line, among them `overrides`, --config.FIELD=VALUE, and
    `swept`, as of `fields`. UserError: a field is swept and set, or a value is refused.
    """
    from launch import catalogue  # imports JAX

    if not values.paper:
        raise UserError("--sweep starts from a variant: say which --paper")
    named = dict(map(_field, swept))
    for name in named:
        if any(a.startswith(f"--config.{name}=") for a in overrides):
            raise UserError(f"--sweep.{name} and --config.{name}: give one")
    chosen = [
        [f"--config.{name}={value}" for name, value in zip(named, one, strict=True)]
        for one in itertools.product(*named.values())
    ]
    # Every combination is checked before the first one trains. All have one paper and
    # variant, which name the workdir.
    for own in chosen:
        asked = catalogue.asked(values, [*overrides, *own])
    workdir = values.workdir or f"workdir/{asked.name}/{asked.variant}"
    folder = storage.path(workdir) / "sweep"
    places = [folder / _label(own) for own in chosen]
    rest = [a for a in arguments if a not in swept]
    for own, place in zip(chosen, places, strict=True):
        print(f"\n{place.name}", flush=True)
        # The last --workdir counts.
        command = [sys.executable, str(MAIN), *rest, *own, f"--workdir={place}"]
        code, stopped = run(command)
        if stopped:
            print("the sweep is stopped; the same command goes on", flush=True)
        if code or stopped:
            return code
    if len(places) > 1 and values.mode in ("train", "eval"):
        from launch.compare import compare

        compare(places, folder / "compare")
    return 0


def run(command: Sequence[str]) -> tuple[int, bool]:
    """A command's exit code, and whether a signal has asked for its end. The command is
    given the time to save: Ctrl-C reaches it from the terminal, SIGTERM from here."""
    asked = []
    child = subprocess.Popen(command)

    def end(number: int, frame: object) -> None:
        asked.append(number)
        if number == signal.SIGTERM:
            child.terminate()

    before = {n: signal.signal(n, end) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code, bool(asked)


def _label(overrides: Sequence[str]) -> str:
    """The name of a combination's folder."""
    pairs = (override.removeprefix("--config.") for override in overrides)
    return ",".join(pairs).replace("/", "_")


def _field(argument: str) -> tuple[str, list[str]]:
    name, _, text = argument.removeprefix(PREFIX).partition("=")
    values = [v for v in text.split(";" if ";" in text else ",") if v]
    if not values:
        raise UserError(f"{argument}: give values, separated by commas")
    return name, values
