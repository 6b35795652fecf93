"""Values that a user may type into any field of any paper: each gives runs whose step
can be traced, or one line that says what is wrong."""

import math
import typing
import zlib
from functools import partial

import jax
import pytest

from common import config as configs
from common.contract import UserError
from launch.runs import Runs
from tests import smoke

INTS = (-1, 0, 1, 2, 3, 5, 7, 100, 2**31, 2**32, 2**63)
FLOATS = (-1.0, 0.0, 0.5, 1.0, 1.5, 1e30, math.nan, math.inf, -math.inf)
TEXTS = ("", "x", "none", "bfloat16", "/no/such", "sgd", "ünïcode")
BOOLS = (False, True)
# Seconds of tracing are for values that change the program; these do not.
SAID_ELSEWHERE = ("config.loop.", "config.predict.", "config.eval.")


def values(kind) -> list:
    """What is tried in a field of this type: right types with odd values, and wrong
    ones."""
    if typing.get_origin(kind) is tuple:
        item = typing.get_args(kind)[0]
        one = [(value,) for value in values(item)]
        pairs = [(value, value) for value in values(item)]
        return [(), *one, *pairs, one[0] * 3, one[-1] * 7, "x", 1]
    right = {int: INTS, float: FLOATS, str: TEXTS, bool: BOOLS}[kind]
    wrong = {int: (1.5, "x", True), float: ("x",), str: (1,), bool: (1, "x")}[kind]
    return [*right, *wrong]


def cases(paper):
    """(field, value, config with it) for every field of the smoke config."""
    config = paper.get_config("smoke")
    for name, field, _ in configs.fields(config):
        for value in values(field.type):
            yield (
                name,
                value,
                configs.changed(config, {name.removeprefix("config."): value}),
            )


def refusal(action, *arguments) -> str:
    """The line of a UserError, or "" where there is none. What else is raised fails the
    test."""
    try:
        action(*arguments)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", smoke.PAPERS)
def test_no_value_of_any_field_is_a_traceback(name):
    paper = smoke.load(name)
    refused = accepted = 0
    for field, value, config in cases(paper):
        line = refusal(Runs, paper, config)
        assert "\n" not in line, (field, value)
        refused += bool(line)
        accepted += not line
    assert refused > accepted / 2
    assert refused + accepted > 200


def traced(paper, config, known: set) -> None:
    """Shapes of every run's batch, state, step and evaluation, but for the programs
    that are `known`."""
    runs = Runs(paper, config)
    for name in runs:
        own = runs[name].config
        owner = runs.paper(name)
        program = name, smoke.program(own)
        if program in known:
            continue
        known.add(program)
        state = runs.abstract_state(name)
        steps = ("train", owner.train_step), ("valid", owner.eval_step)
        for split, step in steps:
            spec = owner.batch_spec(own, split)
            jax.eval_shape(partial(step, own), state, spec)


def accepted(paper) -> list:
    """Those to trace; a network of two billion layers is its user's own wish."""
    return [
        (field, value, config)
        for field, value, config in cases(paper)
        if not field.startswith(SAID_ELSEWHERE)
        and str(2**31) not in str(value)
        and str(2**32) not in str(value)
        and not refusal(Runs, paper, config)
    ]


def drawn(name: str, field: str, value) -> bool:
    """A sixteenth of the values, always the same ones; of the optimiser's, which all
    papers share, a thirty-second, other ones in each paper."""
    case, share = f"{field}={value}", 16
    if field.startswith("config.optim."):
        case, share = f"{name} {case}", 32
    return zlib.crc32(case.encode()) % share == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", smoke.OWNERS)  # the others trace a run of these
def test_what_is_accepted_can_be_traced(name):
    paper, known = smoke.load(name), set()
    for field, value, config in accepted(paper):
        if drawn(name, field, value):
            line = refusal(traced, paper, config, known)
            assert "\n" not in line, (field, value)
