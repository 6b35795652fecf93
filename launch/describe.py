"""What a variant is, without allocating it: parameters, memory, FLOPs, inputs."""

import dataclasses
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import jax

from common import config as configs
from common.config import rule_of
from common.contract import Table
from launch.meanings import meanings
from launch.reports.results import show
from launch.runs import parameter_count
from launch.session import Session


def describe(session: Session, names: list[str]) -> None:
    """Prints the named runs. Works in seconds on any machine: shapes only."""
    for name in names:
        config = session.runs[name].config
        paper = session.runs.paper(name)
        state = session.runs.abstract_state(name)
        columns = ("field", "value", "may be", "means")
        show(f"{name}: config", Table(columns, [*_config(config)]))
        show(f"{name}: parameters", _parameters(state.params))
        show(f"{name}: state", _bytes(state))
        show(f"{name}: a batch", _inputs(paper.batch_spec(config)))
        for title, table in paper.describe(config):
            show(f"{name}: {title}", table)
        flops = session.runs.step_flops(name)
        each = flops / config.items_per_step
        unit = config.unit.removesuffix("s")
        print(
            f"{name}: {parameter_count(state):,} parameters; a train step of "
            f"{config.items_per_step:,} {config.unit} is {flops:.4g} FLOPs, "
            f"{each:.4g} a {unit}\n"
        )


def _parameters(params: Any) -> Table:
    """Counts by module; numbered ones (layers_0, layers_1, ...) are one row."""
    sizes, members = Counter(), defaultdict(set)
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        module = jax.tree_util.keystr(path[:2], simple=True, separator=".")
        row = re.sub(r"_\d+", "_*", module)
        sizes[row] += math.prod(leaf.shape)
        members[row].add(module)
    rows = [[row, len(members[row]), count] for row, count in sizes.items()]
    rows.append(["total", None, sizes.total()])
    return Table(("module", "of them", "parameters"), rows)


def _bytes(state: Any) -> Table:
    """Bytes of each field of the state, on one device without sharding."""
    rows = []
    for field in dataclasses.fields(state):
        leaves = jax.tree.leaves(getattr(state, field.name))
        size = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves)
        rows.append([field.name, len(leaves), size / 2**20])
    rows.append(["total", None, sum(row[2] for row in rows)])
    return Table(("field", "arrays", "MiB"), rows)


def _inputs(spec: dict[str, jax.ShapeDtypeStruct]) -> Table:
    rows = [[name, str(x.shape), str(x.dtype)] for name, x in spec.items()]
    return Table(("input", "shape", "type"), rows)


def _config(config: Any) -> Iterator[list[str]]:
    """[dotted name, value, what it may be, what it means] of every field."""
    said = meanings(config)
    for name, field, value in configs.fields(config):
        short = name.removeprefix("config.")
        yield [short, repr(value), str(rule_of(field)), said.get(name, "")]
