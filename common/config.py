"""What a config is: choices and bounds stand where a field stands, and one check walks
them all.

    @dataclasses.dataclass
    class Model:
        family: str = choice("cifar", "imagenet")  # the first is the default
        depth: int = at_least(1, 20)
        dropout: float = between(0.0, 1.0, 0.1)
        dtype: str = dtype()

A bound of a tuple's field holds for every item. A field that only some values of
another one use says so, `only=("name", "sgd")`: to set it beside others is refused.
"""

import copy
import dataclasses
import difflib
import functools
import math
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from common.contract import Run, UserError

C = TypeVar("C")  # a paper's Config
SEEDS = 2**32  # a key is made of 32 bits
Field = Any  # what dataclasses.field() gives, which stands for a value of its type


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a field may hold. `str(rule)` is that in words."""

    choices: tuple[Any, ...] = ()
    least: float = -math.inf
    most: float = math.inf
    above: bool = False  # `least` itself is not allowed
    lengths: tuple[int, ...] = ()  # of a tuple; (): any
    only: tuple[str, ...] = ()  # a field beside this one, and its values that use it

    def refusal(self, value: Any) -> str:
        """What is wrong with the value, or ""."""
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
    """A field of numbers from `least` on, which is the default too unless given."""
    return _field(least if default is None else default, least=least, **rule)


def above(least: float, default: Any, **rule: Any) -> Field:
    """A field of numbers larger than `least`."""
    return _field(default, least=least, above=True, **rule)


def between(least: float, most: float, default: Any = None, **rule: Any) -> Field:
    """A field of numbers from `least` to `most`, both allowed."""
    default = least if default is None else default
    return _field(default, least=least, most=most, **rule)


def dtype(**rule: Any) -> Field:
    """A field that names the type of activations; parameters are always float32."""
    return choice("float32", "bfloat16", "float16", "float64", **rule)


def seed() -> Field:
    """A field for `jax.random.key`."""
    return between(0, SEEDS - 1, 0)


def _field(default: Any, **rule: Any) -> Field:
    return dataclasses.field(default=default, metadata={"rule": Rule(**rule)})


def fields(config: Any, path: str = "config") -> Iterator[tuple[str, Any, Any]]:
    """(dotted path, dataclass field, value) of every field that is no section."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        name = f"{path}.{field.name}"
        if dataclasses.is_dataclass(value):
            yield from fields(value, name)
        else:
            yield name, field, value


def rule_of(field: dataclasses.Field) -> Rule:
    """The field's rule; one that allows everything where none was given."""
    return field.metadata.get("rule", Rule())


def check(config: Any) -> None:
    """UserError, one line, for the first value that its field does not allow."""
    for name, field, value in fields(config):
        if why := _wrong_type(field.type, value) or rule_of(field).refusal(value):
            raise UserError(f"{name}={shown(value)}: {why}")
    rows, chunks = config.data.batch_size, config.optim.accumulate
    if rows % chunks:
        raise UserError(
            f"config.optim.accumulate={chunks} must divide config.data.batch_size, "
            f"{rows}"
        )


def refuse_unused(config: Any, given: Iterable[str]) -> None:
    """UserError for the first of the fields `given`, dotted paths, that nobody reads.

    A variant's own values are not asked: they may wait for a user's other choice.
    """
    why = unused(config)
    for name in given:
        if name in why:
            raise UserError(f"{name} changes nothing: {why[name]}")


def unused(config: Any, path: str = "config") -> dict[str, str]:
    """{dotted path: why} of the fields that another field makes useless."""
    found = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            found |= unused(value, f"{path}.{field.name}")
        elif rule_of(field).only:
            other, *wanted = rule_of(field).only
            if (now := getattr(config, other)) not in wanted:
                users = " or ".join(map(str, wanted))
                why = f"it is for {path}.{other}={users}, not {now}"
                found[f"{path}.{field.name}"] = why
    return found


def _wrong_type(kind: Any, value: Any) -> str:
    """What is wrong with the value's type, or "": numbers are finite, and a tuple has
    items of one type, as many as its annotation says."""
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
    """As it is written behind a flag's equals sign."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def changed(config: C, changes: Mapping[str, Any]) -> C:
    """A copy of `config` with other values in these fields: {"model.depth": 20}."""
    config = copy.deepcopy(config)
    for name, value in changes.items():
        *path, last = name.split(".")
        section = functools.reduce(getattr, path, config)
        getattr(section, last)  # an AttributeError for a name that is not there
        setattr(section, last, value)
    return config


def variant(make: Callable, doc: str, *arguments: Any) -> Callable[[], Any]:
    """`make(*arguments)` as an entry of VARIANTS; `doc` is its --help line."""
    made = functools.partial(make, *arguments)
    made.__doc__ = doc
    return made


def get(variants: Mapping[str, Callable[[], Any]], variant: str = "default") -> Any:
    """A fresh config, free to be changed. UserError: no variant has that name."""
    return pick("variant", variant, variants)()


def pick(kind: str, name: str, table: Mapping[str, Any]) -> Any:
    """The entry `name` of a table; UserError leads with the closest names."""
    nearest(kind, name, table)
    return table[name]


def nearest(kind: str, name: str, valid: Iterable[str]) -> None:
    """UserError unless `name` is one of `valid`; the message leads with the closest."""
    valid = list(valid)
    if name not in valid:
        close = difflib.get_close_matches(name, valid, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(close)}?" if close else ""
        rest = f"there are: {', '.join(valid)}"
        raise UserError(f"no {kind} {name!r}: {hint} {rest}".replace("  ", " "))


def runs_of(
    config: C,
    changes: Callable[[str], Mapping[str, Any]],
    check_more: Callable[[C], None] = lambda config: None,
) -> dict[str, Run]:
    """A run for each name in `config.runs`: the config with the `changes` of that name.

    check_more: raises UserError for values that only together are wrong.
    """
    check(config)
    if not config.runs:
        raise UserError("config.runs: name one run at least")
    made = {}
    for name in config.runs:
        own = changed(config, changes(name))
        check(own)
        check_more(own)
        made[name] = Run(own)
    return made
