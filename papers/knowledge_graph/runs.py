"""The runs that a config stands for.

transe, transh, transr, transd    the four embeddings
transr_cold                       TransR from random vectors

`transr` starts from the vectors of `transe` where that is one of the runs. With
`config.seeds` above 1 each is trained again: transe, transe_seed1, transe_seed2, ...
"""

import dataclasses
from typing import Any

from common.config import SEEDS, changed
from common.contract import Run, UserError
from common.variants import pick, runs_of
from papers.knowledge_graph.config import Config, Each

# Each run: the embedding that it trains.
RUNS = {
    "transe": "transe",
    "transh": "transh",
    "transr": "transr",
    "transr_cold": "transr",
    "transd": "transd",
}


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table."""
    found = runs_of(config, lambda name: _changes(config, name), _check)
    return {
        _named(name, seed): _seeded(config, name, run.config, seed)
        for seed in range(config.seeds)
        for name, run in found.items()
    }


def first_seed(name: str) -> str:
    """The name of a run without its seed: "transe" of "transe_seed1"."""
    return name.partition("_seed")[0]


def _named(name: str, seed: int) -> str:
    return f"{name}_seed{seed}" if seed else name


def _seeded(config: Config, name: str, own: Config, seed: int) -> Run:
    # Two configs with other seeds have no run in common.
    own = changed(own, {"seed": (config.seed * config.seeds + seed) % SEEDS})
    warm = name == "transr" and "transe" in config.runs
    return Run(own, after=(_named("transe", seed),) if warm else ())


def _changes(config: Config, name: str) -> dict[str, Any]:
    """A run's config names that run alone: its workdir can get another run later."""
    embedding = pick("run", name, RUNS)
    each = _own(config, name)
    return {
        "runs": (name,),
        "seeds": 1,
        "model.embedding": embedding,
        "each": Each(margin=each["margin"]),
        "optim.lr": config.optim.lr * each["rate"][0],
        "loop.steps": each["steps"][0] or config.loop.steps,
    }


def _own(config: Config, name: str) -> dict[str, tuple]:
    """{field of `config.each`: the one value of this run}."""
    own = {}
    for field in dataclasses.fields(config.each):
        values = tuple(getattr(config.each, field.name))
        if len(values) not in (1, len(config.runs)):
            raise UserError(
                f"config.each.{field.name} has {len(values)} values: give one, or one "
                f"for each of the {len(config.runs)} config.runs"
            )
        place = config.runs.index(name) if len(values) > 1 else 0
        own[field.name] = values[place : place + 1]
    return own


def _check(config: Config) -> None:
    m = config.model
    if m.embedding in ("transe", "transh") and m.d_entity != m.d_relation:
        raise UserError(
            f"config.model.d_entity={m.d_entity} and d_relation={m.d_relation} are the "
            f"same number in {m.embedding}"
        )
    if config.update == "rows":
        _check_rows(config)
    if config.data.source == "files" and not config.data.root:
        _check_sizes(config)


def _check_rows(config: Config) -> None:
    """`update=rows` is plain SGD: nothing that would touch other rows."""
    o = config.optim
    if o.name != "sgd":
        raise UserError(
            f"config.update=rows is plain SGD, not config.optim.name={o.name}"
        )
    for name in ("momentum", "weight_decay", "clip_norm", "ema"):
        if getattr(o, name):
            raise UserError(
                f"config.update=rows changes only the rows of a batch: set "
                f"config.optim.{name}=0, or config.update=tables"
            )
    if o.accumulate != 1:
        raise UserError("config.optim.accumulate is for config.update=tables")


def _check_sizes(config: Config) -> None:
    if not config.data.entities or not config.data.relations:
        raise UserError(
            "config.data.root='' names no folder: give one with train2id.txt or "
            "train.txt"
        )
