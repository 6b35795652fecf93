"""The rows of the tables: what each changes in a config, and what it comes after."""

import copy
import functools

from common import storage
from common.contract import Run, UserError
from papers.distillation.config import Config, Net
from papers.resnet.config import CHOICES, blocks


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's tables."""
    unknown = [row for row in config.rows if row not in ROWS]
    if unknown:
        raise UserError(f"config.rows: no {unknown[0]!r}; rows: {', '.join(ROWS)}")
    _check(config)
    found = {}
    for row in config.rows:
        changes, after = ROWS[row](config)
        changed = _checked(_with(config, changes))
        if after is None or (changed.taught and config.distill.file):
            found[row] = Run(changed)
        elif after in config.rows:
            found[row] = Run(changed, (after,))
        else:
            raise UserError(f"config.rows: {row!r} comes after {after!r}: add it")
    return found


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


# Each row: what it changes in the config, and the run that it comes after.
ROWS = {
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


def _with(config: Config, changes: dict) -> Config:
    """A copy of `config` with other values in these dotted fields."""
    config = copy.deepcopy(config)
    for name, value in changes.items():
        *path, last = name.split(".")
        setattr(functools.reduce(getattr, path, config), last, value)
    return config


def _check(config: Config) -> None:
    """UserError for what the rows would not take over."""
    d = config.distill
    if tuple(d.temperatures) != (1.0,) or d.hard_weight != 1.0:
        raise UserError(
            "config.distill's temperatures and hard_weight are the rows' own: set "
            "config.experiment's hard_weight, and distilled_at, temperature(s)"
        )
    if config.role != "teacher":
        raise UserError("config.role follows from config.rows: choose rows")


def _checked(config: Config) -> Config:
    """The config; UserError for values that no field's type rules out."""
    d = config.distill
    for name, value, choices in (
        ("average", d.average, ("arithmetic", "geometric")),
        ("targets", d.targets, ("cached", "live")),
    ):
        if value not in choices:
            raise UserError(
                f"config.distill.{name}: choose one of {', '.join(choices)}"
            )
    for name, net in ("teacher", config.teacher), ("student", config.student):
        if net.kind not in ("mlp", "resnet"):
            raise UserError(f"config.{name}.kind: choose mlp or resnet")
        if net.dtype not in CHOICES["model.dtype"]:
            dtypes = ", ".join(CHOICES["model.dtype"])
            raise UserError(f"config.{name}.dtype: choose one of {dtypes}")
        if net.kind == "resnet":
            _check_resnet(name, net)
    if config.role == "specialist" and config.net.kind != "mlp":
        raise UserError("specialists are made of config.teacher.kind=mlp")
    if not d.temperatures or min(d.temperatures) <= 0:
        raise UserError("temperatures must be above 0, and at least one")
    if not 0 <= d.hard_weight <= 1:
        raise UserError("the weight of the hard labels must be between 0 and 1")
    if not 0 < config.data.share <= 1:
        raise UserError("the share of the training split must be above 0, at most 1")
    if len(config.data.image) not in (0, 3):
        raise UserError("config.data.image is height,width,channels, or nothing")
    if config.predict.temperature <= 0 or min(config.eval.soften, default=0) <= 0:
        raise UserError("predict.temperature and eval.soften must be above 0")
    if config.eval.write and not storage.path(config.eval.write).parent.is_dir():
        raise UserError(f"config.eval.write={config.eval.write!r}: no such folder")
    for name, value in (("members", config.members), ("top_k", config.predict.top_k),
                        ("batch size", config.data.batch_size),
                        ("eval batch size", config.eval.batch_size),
                        ("number of accumulated chunks", config.optim.accumulate),
                        ):  # fmt: skip
        if value < 1:
            raise UserError(f"the {name} must be at least 1, not {value}")
    if config.data.batch_size % config.optim.accumulate:
        raise UserError("config.optim.accumulate must divide config.data.batch_size")
    return config


def _check_resnet(name: str, net: Net) -> None:
    for field in ("dropout_input", "dropout", "max_norm"):
        if getattr(net, field):
            raise UserError(f"config.{name}.{field} is an mlp's: set it to 0")
    for field in ("family", "shortcut", "stride_on", "scan"):
        choices = CHOICES[f"model.{field}"]
        if getattr(net.resnet, field) not in choices:
            raise UserError(
                f"config.{name}.resnet.{field}: choose one of {', '.join(choices)}"
            )
    blocks(net.resnet)
