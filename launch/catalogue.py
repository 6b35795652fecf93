"""What can be run: papers by their folders, variants by name or file, and the typed
overrides of the command line. Mistakes become one line with the nearest valid names."""

import copy
import dataclasses
import difflib
import functools
import importlib
import importlib.util
import pkgutil
import traceback
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import config_flags

import papers
from common import config as configs
from common.contract import Paper, UserError, complete
from common.files import storage
from common.nearest import refuse_unknown
from launch import workdir


def names() -> list[str]:
    """Every paper on disk."""
    return sorted(m.name for m in pkgutil.iter_modules(papers.__path__) if m.ispkg)


@dataclasses.dataclass(frozen=True)
class Asked:
    """A paper, one of its variants, and the config."""

    name: str
    paper: Paper
    variant: str
    config: Any


def asked(values: flags.FlagValues, overrides: list[str]) -> Asked:
    """What --paper and --config name; without --paper, what --workdir remembers. Both
    with the overrides `--config.a.b=value`."""
    if values.paper:
        paper = load(values.paper)
        config = variant(paper, values.config)
        found = Asked(values.paper, paper, Path(values.config).stem, config)
    else:
        found = remembered(storage.path(values.workdir))
    before = copy.deepcopy(found.config)
    found = dataclasses.replace(found, config=override(found.config, overrides))
    _refuse_replaced(found, before, _given(overrides))
    return found


def _refuse_replaced(found: Asked, before: Any, given: list[str]) -> None:
    """UserError for a field that the user set and every run sets otherwise for itself.

    before: the config without what the user set.
    """
    old, new = dict(_values(before)), dict(_values(found.config))
    # A tuple may say the same in another form.
    asked = [n for n in given if new[n] != old[n] and not isinstance(new[n], tuple)]
    runs = found.paper.runs(found.config) if asked else {}
    own = [dict(_values(run.config)) for run in runs.values() if not run.paper]
    for name in asked:
        if all(values.get(name) == new[name] for values in own):
            continue
        if _runs_without(found, name, old[name]) == runs:
            said = dict.fromkeys(configs.shown(values[name]) for values in own)
            raise UserError(
                f"{name} changes nothing: {_few(runs)} set it themselves, {_few(said)}"
            )


def _runs_without(found: Asked, name: str, before: Any) -> dict[str, Any]:
    """The runs if a field had the value `before`; none where it cannot have it."""
    config = configs.changed(found.config, {name.removeprefix("config."): before})
    try:
        return found.paper.runs(config)
    except UserError:
        return {}


def _few(names: Iterable[str], most: int = 4) -> str:
    first = [*names][: most + 1]
    return ", ".join([*first[:most], "..."] if len(first) > most else first)


def _values(config: Any) -> Iterator[tuple[str, Any]]:
    for name, _, value in configs.fields(config):
        yield name, value


def _given(arguments: list[str]) -> list[str]:
    """The dotted names of `--config.a.b=value` arguments."""
    return [argument.lstrip("-").partition("=")[0] for argument in arguments]


def remembered(folder: Path) -> Asked:
    """What was trained in a workdir. UserError: nothing says so, or the code has
    changed since."""
    name, own, plain = workdir.remembered(folder)
    paper = load(name)
    try:
        config = configs.from_plain(paper.get_config(), plain)
    except UserError as error:
        raise UserError(
            f"{folder} was made by other code: {error}. Give --paper and --config"
        ) from None
    return Asked(name, paper, own, config)


def load(name: str) -> Paper:
    """The package of paper `name`."""
    refuse_unknown("paper", name, names())
    return complete(importlib.import_module(f"papers.{name}"))


def variant(paper: Paper, name: str) -> Any:
    """The config of a variant, or what `get_config()` in a Python file returns."""
    if name.endswith(".py"):
        return _from_file(paper, name)
    refuse_unknown(f"variant of {paper.__name__.split('.')[-1]}", name, paper.VARIANTS)
    return paper.get_config(name)


def _from_file(paper: Paper, path: str) -> Any:
    spec = importlib.util.spec_from_file_location("config_file", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        config = module.get_config()
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise UserError(f"--config={path}{_where(error, path)}") from error
    own = type(paper.get_config())
    if not isinstance(config, own):
        found = getattr(config, "__module__", ""), type(config).__name__
        raise UserError(
            f"--config={path}: get_config() returns {'.'.join(filter(None, found))}, "
            f"and {own.__module__}.{own.__name__} is wanted"
        )
    _check_fields(path, config)
    return config


def _where(error: BaseException, path: str) -> str:
    """Which line of a config file is wrong, and how."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == path]
    if isinstance(error, SyntaxError) and error.filename == path:
        lines.append(error.lineno)
    line = f", line {lines[-1]}" if lines and lines[-1] else ""
    hint = "" if line else "; give a Python file that defines get_config()"
    return f"{line}: {type(error).__name__}: {error}{hint}"


def _check_fields(path: str, section: Any, name: str = "config") -> None:
    """UserError: the file has set something that is no field, and changes nothing."""
    valid = [field.name for field in dataclasses.fields(section)]
    for key, value in vars(section).items():
        refuse_unknown(f"field of {name} that {path} may set", key, valid)
        if dataclasses.is_dataclass(value):
            _check_fields(path, value, f"{name}.{key}")


def override(config: Any, arguments: list[str]) -> Any:
    """`config` with `--config.a.b=value` arguments applied, by their fields' types."""
    fields = {name: field.type for name, field, _ in configs.fields(config)}
    for argument in arguments:
        _check_name(argument, fields)
    argv = ["launch", *(_quoted(argument, fields) for argument in arguments)]
    values = flags.FlagValues()
    try:
        holder = config_flags.DEFINE_config_dataclass(
            "config", config, flag_values=values, sys_argv=argv
        )
        values(argv)
    except (flags.Error, TypeError, ValueError) as error:
        raise UserError(_why(str(error), fields)) from None
    _check_tuples(holder.value, fields)
    configs.refuse_unused(holder.value, _given(arguments))
    return holder.value


def _quoted(argument: str, fields: dict[str, Any]) -> str:
    """a,b -> ('a', 'b') for tuples of strings, whose quotes a shell would eat."""
    name, _, value = argument.partition("=")
    kind = fields[name.lstrip("-")]
    if typing.get_origin(kind) is not tuple or typing.get_args(kind)[0] is not str:
        return argument
    return f"{name}={tuple(part for part in value.strip('()').split(',') if part)!r}"


def _check_tuples(config: Any, fields: dict[str, Any]) -> None:
    """The library looks at the type of a tuple, not at what is in it."""
    for name, kind in fields.items():
        if typing.get_origin(kind) is tuple:
            value = functools.reduce(getattr, name.split(".")[1:], config)
            item = typing.get_args(kind)[0]
            allowed = (int, float) if item is float else (item,)
            if any(type(x) not in allowed for x in value):
                raise UserError(f"--{name}={value}: every item is {item.__name__}")


def _check_name(argument: str, fields: dict[str, Any]) -> None:
    name = argument.removeprefix("--").partition("=")[0]
    if name in fields:
        return
    inside = [field for field in fields if field.startswith(f"{name}.")]
    if inside:
        raise UserError(f"--{name} is a section: set one of {', '.join(inside)}")
    # A field's own name counts for more than the section it was looked for in.
    leaf = name.rpartition(".")[2]
    close = [field for field in fields if field.rpartition(".")[2] == leaf]
    close += difflib.get_close_matches(name, fields, n=3, cutoff=0.6)
    section = name.rpartition(".")[0]
    close = close or [f for f in fields if f.rpartition(".")[0] == section] or [*fields]
    raise UserError(f"no field --{name}: nearest are {', '.join(dict.fromkeys(close))}")


def _why(error: str, fields: dict[str, Any]) -> str:
    """absl's message with the type that the field wants."""
    error = " ".join(error.split())
    named = [name for name in fields if f"--{name}=" in f"{error}=" or name in error]
    if not named:
        return error
    name = max(named, key=len)
    kind = fields[name]
    return f"{error} ({name} is {getattr(kind, '__name__', kind)})"
