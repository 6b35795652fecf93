"""Configs are dataclasses whose fields say which values they allow. `check` tests all
fields of a config.

    @dataclasses.dataclass
    class Model:
        family: str = choice("cifar", "imagenet")  # the first is the default
        depth: int = at_least(1, 20)
        dropout: float = between(0.0, 1.0, 0.1)
        dtype: str = dtype()

The bound of a tuple applies to each of its items. `only=("name", "sgd")` marks a field
that is read only where the field `name` beside it is "sgd"; a user who sets it beside
another name gets a UserError.
"""

import copy
import dataclasses
import functools
import math
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from common.contract import UserError
from common.nearest import refuse_unknown

C = TypeVar("C")  # a paper's Config
SEEDS = 2**32  # a key is made from 32 bits
Field = Any  # a dataclasses.field(), which a type checker takes for the field's value


@dataclasses.dataclass(frozen=True)
class Rule:
    """The values that a field allows. `str(rule)` says them in words."""

    choices: tuple[Any, ...] = ()
    least: float = -math.inf
    most: float = math.inf
    above: bool = False  # True: `least` itself is refused
    lengths: tuple[int, ...] = ()  # numbers of items a tuple may have; (): any
    only: tuple[str, ...] = ()  # (a field beside this one, its values that read this)

    def refusal(self, value: Any) -> str:
        """Why the value is refused, or "" where it is allowed."""
        items = value if isinstance(value, tuple) else (value,)
        if isinstance(value, tuple) and self.lengths and len(value) not in self.lengths:
            lengths = " or ".join(map(str, self.lengths))
            return f"give {lengths} values, separated by commas"
        if all(map(self._allows, items)):
            return ""
        return f"choose {self}" if self.choices else f"must be {self}"

    def _allows(self, item: Any) -> bool:
        if self.choices:
            return item in self.choices
        if isinstance(item, str):
            return True
        inside = self.least < item if self.above else self.least <= item
        return inside and item <= self.most

    def __str__(self) -> str:
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        if math.isfinite(self.most):
            low = "above " if self.above else "between "
            link = ", at most" if self.above else " and"
            return f"{low}{self.least:.10g}{link} {self.most:.10g}"
        if math.isfinite(self.least):
            return f"{'above' if self.above else 'at least'} {self.least:.10g}"
        return ""


def choice(*choices: Any, default: Any = None, **rule: Any) -> Field:
    """A field that holds one of `choices`, by default the first."""
    return _field(choices[0] if default is None else default, choices=choices, **rule)


def at_least(least: float, default: Any = None, **rule: Any) -> Field:
    """A field of numbers not below `least`, which is the default if none is given."""
    return _field(least if default is None else default, least=least, **rule)


def above(least: float, default: Any, **rule: Any) -> Field:
    """A field of numbers larger than `least`."""
    return _field(default, least=least, above=True, **rule)


def between(least: float, most: float, default: Any = None, **rule: Any) -> Field:
    """A field of numbers from `least`, the default if none is given, to `most`."""
    default = least if default is None else default
    return _field(default, least=least, most=most, **rule)


def dtype(**rule: Any) -> Field:
    """A field that names the dtype of activations; parameters are always float32."""
    return choice("float32", "bfloat16", "float16", "float64", **rule)


def seed() -> Field:
    """A field for the seed of `jax.random.key`."""
    return between(0, SEEDS - 1, 0)


def text(**rule: Any) -> Field:
    """A field for a text, "" if there is none: a file, a folder, the name of a set."""
    return _field("", **rule)


def of_source(*sources: str) -> Field:
    """A text that only these values of the field `source` beside it read."""
    return text(only=("source", *sources))


def _field(default: Any, **rule: Any) -> Field:
    return dataclasses.field(default=default, metadata={"rule": Rule(**rule)})


def only_fields(cls: type) -> None:
    """Makes a class of configs, and those of its sections, refuse to set what is no
    field: a misspelt name would change nothing."""
    cls.__setattr__ = _set_field
    for kind in typing.get_type_hints(cls).values():
        if dataclasses.is_dataclass(kind) and not kind.__dataclass_params__.frozen:
            only_fields(kind)


def _set_field(config: Any, name: str, value: Any) -> None:
    known = [field.name for field in dataclasses.fields(config)]
    refuse_unknown(f"field of {type(config).__name__}", name, known)
    object.__setattr__(config, name, value)


def fields(config: Any, path: str = "config") -> Iterator[tuple[str, Any, Any]]:
    """Yields (dotted path, dataclass field, value) of every field but the sections."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        name = f"{path}.{field.name}"
        if dataclasses.is_dataclass(value):
            yield from fields(value, name)
        else:
            yield name, field, value


def sections(config: Any) -> Iterator[tuple[str, Any]]:
    """Yields (name, section) of the dataclasses inside a config."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield field.name, value


def rule_of(field: dataclasses.Field) -> Rule:
    """The field's rule. A field without one allows every value of its type."""
    return field.metadata.get("rule", Rule())


def check(config: Any) -> None:
    """UserError, one line, for the first value that its field refuses, or where chunks
    do not divide a batch."""
    check_fields(config)
    rows = config.data.batch_size
    chunks = config.optim.accumulate
    if rows % chunks:
        raise UserError(
            f"config.optim.accumulate={chunks} must divide config.data.batch_size, "
            f"{rows}"
        )


def check_fields(config: Any, path: str = "config") -> None:
    """UserError, one line, for the first value that its field refuses, and for a folder
    or a name that nothing reads. path: what the config is called."""
    unread = unused(config, path)
    for name, field, value in fields(config, path):
        if why := _wrong_type(field.type, value) or rule_of(field).refusal(value):
            raise UserError(f"{name}={shown(value)}: {why}")
        if name in unread and value and field.default == "":
            raise UserError(f"{name}={value} changes nothing: {unread[name]}")


def refuse_unused(config: Any, given: Iterable[str]) -> None:
    """UserError for the first of the dotted paths `given` that this config never reads.

    `given` are the fields that the user set. Those of the variant are not checked: a
    variant may set a field that only a user's other choice makes useful.
    """
    reasons = unused(config)
    for name in given:
        if name in reasons:
            raise UserError(f"{name} changes nothing: {reasons[name]}")


def unused(config: Any, path: str = "config") -> dict[str, str]:
    """{dotted path: reason} of the fields that another field's value leaves unread."""
    reasons = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            reasons |= unused(value, f"{path}.{field.name}")
        elif rule_of(field).only:
            other, *wanted = rule_of(field).only
            if (now := getattr(config, other)) not in wanted:
                users = " or ".join(map(str, wanted))
                reason = f"it is for {path}.{other}={users}, not {now}"
                reasons[f"{path}.{field.name}"] = reason
    return reasons


def _wrong_type(kind: Any, value: Any) -> str:
    """Why the value's type is refused, or "" where it fits. Numbers must be finite. The
    items of a tuple have one type; its annotation may say how many there are."""
    if typing.get_origin(kind) is tuple:
        item, *rest = typing.get_args(kind)
        if not isinstance(value, tuple | list):
            return "give values separated by commas"
        if rest != [...] and len(value) != 1 + len(rest):
            return f"give {1 + len(rest)} values, separated by commas"
        if wrong := next(filter(None, (_wrong_type(item, x) for x in value)), ""):
            return f"every item: {wrong}"
        return ""
    accepted = {float: (float, int)}.get(kind, kind)
    right = isinstance(value, accepted) and isinstance(value, bool) == (kind is bool)
    if not right:
        return f"expects {kind.__name__}"
    if kind is float and not math.isfinite(value):
        return "expects a finite number"
    if kind is int and abs(value) >= 2**63:
        return "expects a number of 64 bits"
    return ""


def shown(value: Any) -> str:
    """The value as a flag spells it: a tuple's items are separated by commas."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def changed(config: C, changes: Mapping[str, Any]) -> C:
    """A copy of `config` with some values replaced: changes={"model.depth": 20}."""
    config = copy.deepcopy(config)
    for name, value in changes.items():
        *path, last = name.split(".")
        section = functools.reduce(getattr, path, config)
        getattr(section, last)  # raises AttributeError for an unknown name
        setattr(section, last, value)
    return config


def from_plain(like: C, plain: Mapping[str, Any]) -> C:
    """The config whose `dataclasses.asdict` went through JSON. `like` is any config of
    its class. UserError: there is a field that the class lacks."""
    config = copy.deepcopy(like)
    valid = {field.name for field in dataclasses.fields(config)}
    for name, value in plain.items():
        refuse_unknown(f"field of {type(config).__name__}", name, valid)
        old = getattr(config, name)
        if dataclasses.is_dataclass(old):
            value = from_plain(old, value)
        elif isinstance(value, list):
            value = _tuples(value)
        setattr(config, name, value)
    return config


def _tuples(value: Any) -> Any:
    """Lists as tuples, those inside as well: configs have no lists."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
