"""Choices and bounds of fields. A failure means that a value which cannot work passes
`check`, or that its error does not name the field in one line."""

import dataclasses
import json
import math
from dataclasses import field

import pytest

from common.config import (
    above,
    at_least,
    between,
    changed,
    check,
    choice,
    dtype,
    fields,
    from_plain,
    of_source,
    refuse_unused,
    rule_of,
)
from common.contract import UserError
from common.sections import Schedule, Training
from common.variants import get, pick, runs_of, variant


@dataclasses.dataclass
class Net:
    kind: str = choice("mlp", "resnet")
    width: int = at_least(1, 8)
    rates: tuple[float, ...] = between(0.0, 1.0, (0.1, 0.2), lengths=(0, 2))
    modes: tuple[str, ...] = choice("near", "far", default=("near",))
    hidden: tuple[int, ...] = at_least(1, (4,), only=("kind", "mlp"))
    size: tuple[int, int] = at_least(1, (4, 4))
    temperature: float = above(0.0, 1.0)
    share: float = above(0.0, 1.0, most=1.0)
    dtype: str = dtype()
    scan: bool = False


@dataclasses.dataclass
class Data:
    batch_size: int = at_least(1, 4)
    source: str = choice("auto", "files")
    root: str = of_source("files")


@dataclasses.dataclass
class Config(Training):
    net: Net = field(default_factory=Net)
    data: Data = field(default_factory=Data)
    runs: tuple[str, ...] = ("main",)


REFUSED = [
    ("net.kind", "mpl", "config.net.kind=mpl: choose one of mlp, resnet"),
    ("net.width", 0, "config.net.width=0: must be at least 1"),
    ("net.width", 1.5, "config.net.width=1.5: expects int"),
    ("net.width", True, "expects int"),
    ("net.scan", 1, "expects bool"),
    ("data.root", "a", "=a changes nothing: it is for config.data.source=files, not"),
    ("net.rates", (0.1, 1.5), "must be between 0 and 1"),
    ("net.rates", (0.1,), "give 0 or 2 values"),
    ("net.rates", 0.1, "values separated by commas"),
    ("net.rates", ("a", "b"), "every item: expects float"),
    ("net.modes", ("near", "there"), "choose one of near, far"),
    ("net.size", (4,), "give 2 values"),
    ("net.size", (4, 0), "must be at least 1"),
    ("net.temperature", 0.0, "must be above 0"),
    ("net.temperature", math.nan, "expects a finite number"),
    ("net.share", 1.5, "must be above 0, at most 1"),
    ("net.dtype", "flaot32", "float32, bfloat16"),
    ("optim.name", "adamm", "adam, adamw, sgd"),
    ("optim.lr", -1.0, "config.optim.lr=-1.0: must be at least 0"),
    ("optim.lr", math.inf, "finite"),
    ("optim.accumulate", 0, "at least 1"),
    ("optim.accumulate", 3, "must divide config.data.batch_size, 4"),
    ("optim.schedule.decay", "cosin", "constant, cosine, linear, step"),
    ("optim.schedule.warmup", -5, "at least 0"),
    ("loop.steps", -1, "at least 0"),
    ("loop.keep", 0, "at least 1"),
    ("seed", -1, "between 0 and 4294967295"),
    ("seed", 2**32, "between 0 and 4294967295"),
]


@pytest.mark.parametrize(("name", "value", "line"), REFUSED, ids=lambda x: str(x)[:30])
def test_a_value_that_its_field_does_not_allow_is_one_line(name, value, line):
    with pytest.raises(UserError) as error:
        check(changed(Config(), {name: value}))
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"config.{name}")
    for part in line.split(", "):
        assert part in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("net.rates", (0.0, 1.0)),
        ("net.rates", ()),
        ("net.temperature", 2),  # an int where a float is meant
        ("net.share", 1.0),
        ("optim.lr", 0.0),
        ("seed", 2**32 - 1),
    ],
)
def test_the_bounds_themselves_are_allowed(name, value):
    check(changed(Config(), {name: value}))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "optim.momentum"),
        ({"optim.name": "sgd"}, "optim.b1"),
        ({"optim.schedule.decay": "constant"}, "optim.schedule.floor"),
        ({}, "optim.schedule.boundaries"),
        ({"net.kind": "resnet"}, "net.hidden"),
    ],
)
def test_a_field_that_nobody_reads_is_refused_where_it_was_given(changes, name):
    config = changed(Config(), changes)
    refuse_unused(config, ["config.optim.lr", "config.net.width"])
    with pytest.raises(UserError, match=f"config.{name} changes nothing: it is for"):
        refuse_unused(config, [f"config.{name}"])


def test_a_field_is_read_again_where_the_other_one_uses_it():
    config = changed(Config(), {"optim.name": "sgd", "optim.schedule.decay": "step"})
    refuse_unused(config, ["config.optim.momentum", "config.optim.schedule.boundaries"])


def test_changed_copies_and_knows_its_fields():
    config = Config()
    other = changed(config, {"net.width": 3, "optim.schedule.warmup": 7})
    assert (other.net.width, other.optim.schedule.warmup) == (3, 7)
    assert config == Config()
    assert other.data is not config.data
    with pytest.raises(AttributeError, match="widht"):
        changed(config, {"net.widht": 3})


def test_fields_are_named_by_their_path_and_tell_their_rule():
    rules = {name: str(rule_of(kind)) for name, kind, _ in fields(Config())}
    assert rules["config.net.kind"] == "one of mlp, resnet"
    assert rules["config.optim.schedule.warmup"] == "at least 0"
    assert rules["config.net.share"] == "above 0, at most 1"
    assert rules["config.net.scan"] == ""
    assert "config.net" not in rules


def test_variants_are_picked_by_name():
    deep = variant(lambda width: Config(net=Net(width=width)), "Wide.", 64)
    table = {"default": Config, "wide": deep}
    assert deep.__doc__ == "Wide."
    assert get(table) == Config()
    assert get(table, "wide").net.width == 64
    assert get(table) is not get(table)
    with pytest.raises(UserError, match="no variant 'wied': did you mean wide"):
        get(table, "wied")


def test_every_run_has_its_changes_and_is_checked():
    table = {"main": {}, "wide": {"net.width": 64}, "broken": {"net.width": 0}}

    def runs(*names):
        config = changed(Config(), {"runs": names})
        return runs_of(config, lambda name: pick("run", name, table), check_more)

    def check_more(config):
        if config.net.width == 64 and config.optim.schedule == Schedule("step"):
            raise UserError("never")

    both_runs = runs("main", "wide")
    assert [run.config.net.width for run in both_runs.values()] == [8, 64]
    with pytest.raises(UserError, match="width=0: must be at least 1"):
        runs("main", "broken")
    with pytest.raises(UserError, match="no run 'mian': did you mean main"):
        runs("mian")
    with pytest.raises(UserError, match="one run at least"):
        runs()


def test_a_config_comes_back_from_json():
    config = changed(Config(), {"net.size": (3, 4), "net.rates": ()})
    plain = json.loads(json.dumps(dataclasses.asdict(config)))
    assert from_plain(Config(), plain) == config


def test_a_field_of_other_code_is_named():
    with pytest.raises(UserError, match="no field of Config 'depth_'"):
        from_plain(Config(), {"depth_": 1})


@pytest.mark.parametrize("section", ["", "net", "loop", "optim.schedule"])
def test_a_name_that_is_no_field_cannot_be_set(section):
    config = Config()
    for name in filter(None, section.split(".")):
        config = getattr(config, name)
    with pytest.raises(UserError, match=r"no field of .* 'stepz'"):
        config.stepz = 5


def test_a_notebook_shows_a_row_a_field():
    html = Config()._repr_html_()
    assert html.count("<tr>") == 1 + len([*fields(Config())])
    assert "config.net.kind" in html
    assert "&#x27;mlp&#x27;" in html
    assert "one of mlp, resnet" in html
