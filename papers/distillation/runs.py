"""The runs of the tables: what each changes in a config, and what it comes after."""

import dataclasses

from common.config import changed, check
from common.contract import Run, UserError
from common.files import storage
from common.variants import pick, runs_of
from papers.distillation import data
from papers.distillation.config import Config
from papers.resnet.config import blocks


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's tables."""
    check(config)
    _refuse_the_runs_own(config)
    config = changed(config, {"data.classes": data.count_classes(config.data)})
    made = {}
    for name, run in runs_of(
        config, lambda name: _entry(config, name)[0], _check
    ).items():
        _, earlier = _entry(config, name)
        if earlier is None or (run.config.taught and config.distill.file):
            made[name] = run
        elif earlier in config.runs:
            made[name] = dataclasses.replace(run, after=(earlier,))
        else:
            raise UserError(f"config.runs: {name!r} comes after {earlier!r}: add it")
    return made


def _entry(config: Config, name: str) -> tuple[dict, str | None]:
    """What the run changes in the config, and the run that it comes after."""
    return pick("run", name, RUNS)(config)


def _soft(config: Config, **changes) -> dict:
    """A student of the ensemble."""
    e = config.experiment
    soft = {"temperatures": (e.temperature,), "hard_weight": e.hard_weight}
    changes = {"role": "student", "seeds": e.seeds, **changes}
    return {**{f"distill.{name}": value for name, value in soft.items()}, **changes}


def _part(config: Config) -> dict:
    """A few labels: each seed its own."""
    return {"data.share": config.experiment.share, "data.own_share": True}


def _longer(config: Config) -> dict:
    """More steps: a student that imitates wants them, and labels get as many."""
    return {"loop.steps": round(config.experiment.longer * config.loop.steps)}


def _hard(config: Config, **changes) -> dict:
    return {"role": "student", "seeds": config.experiment.seeds, **changes}


# Each run: what it changes in the config, and the run that it comes after.
RUNS = {
    "baseline": lambda c: ({}, None),
    "ensemble": lambda c: ({"seeds": c.experiment.members}, None),
    "small": lambda c: (_hard(c, **_longer(c)), None),
    "distilled": lambda c: (
        _soft(c, **_longer(c), **{"distill.temperatures": c.experiment.distilled_at}),
        "ensemble",
    ),
    "hard_part": lambda c: (_hard(c, **_part(c)), None),
    "soft_part": lambda c: (
        _soft(c, **_part(c), **{"distill.temperatures": c.experiment.temperatures,
                                "distill.hard_weight": 0.0}),
        "baseline",
    ),
    "hard_without": lambda c: (
        _hard(c, **{"data.without": (c.experiment.without,)}), None
    ),
    "soft_without": lambda c: (
        _soft(c, **{"data.without": (c.experiment.without,)}), "ensemble"
    ),
    "soft_only": lambda c: (_soft(c, **{"data.only": c.experiment.only}), "ensemble"),
    "specialists": lambda c: (
        {"role": "specialist", "seeds": c.experiment.clusters}, "baseline"
    ),
}  # fmt: skip


def _refuse_the_runs_own(config: Config) -> None:
    """UserError for fields that every run sets anew."""
    d = config.distill
    if tuple(d.temperatures) != (1.0,) or d.hard_weight != 1.0:
        raise UserError(
            "config.distill's temperatures and hard_weight are the runs' own: set "
            "config.experiment's hard_weight, and distilled_at, temperature(s)"
        )
    if config.role != "teacher":
        raise UserError("config.role follows from config.runs: choose runs")


def _check(config: Config) -> None:
    for net in (config.teacher, config.student):
        if net.kind == "resnet":
            blocks(net.resnet)
    if config.role == "specialist" and config.net.kind != "mlp":
        raise UserError("specialists are made of config.teacher.kind=mlp")
    if not config.distill.temperatures:
        raise UserError("temperatures: give one at least")
    if not config.eval.soften:
        raise UserError("config.eval.soften: give one temperature at least")
    if config.eval.write and not storage.path(config.eval.write).parent.is_dir():
        raise UserError(f"config.eval.write={config.eval.write!r}: no such folder")
