"""What stands behind a dotted name: the function, its first line, where it is."""

import ast
import dataclasses
import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from common.contract import UserError

ROOT = Path(__file__).resolve().parents[2]  # of launch/, papers/ and common/
OUTSIDE = ("common", "launch", "papers")  # names that begin so are whole


@dataclasses.dataclass(frozen=True)
class Source:
    """A function, a class or a constant of ours.

    doc: the first line of its docstring; "": it has none, as a constant.
    file, line: where it begins; text: its code.
    """

    name: str
    doc: str
    file: Path
    line: int
    text: str

    @property
    def place(self) -> str:
        """As in "papers/resnet/model.py:46"."""
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def find(name: str, package: str) -> Any:
    """The object of a dotted name, which is relative to `package` unless it begins with
    a room of `OUTSIDE`. UserError: there is none."""
    return _found(name, package)[-1]


def source(name: str, package: str) -> Source:
    """Where the object of that name is defined, and how. UserError: there is none."""
    module, names, found = _found(name, package)
    if inspect.isroutine(found) or inspect.isclass(found):
        found = inspect.unwrap(found)
        lines, line = inspect.getsourcelines(found)
        doc = (inspect.getdoc(found) or "").partition("\n\n")[0]
        if doc.startswith(f"{found.__name__}("):  # a dataclass makes one of its fields
            doc = ""
        file = Path(inspect.getsourcefile(found))
        return Source(name, " ".join(doc.split()), file, line, "".join(lines))
    if not names:
        raise UserError(f"{name}: a module; name what is in it")
    line, text = _assigned(module, names[0])
    return Source(name, "", Path(module.__file__), line, text)


def _found(name: str, package: str) -> tuple[ModuleType, list[str], Any]:
    """(module, the names behind it, the object)."""
    whole = name if name.split(".")[0] in OUTSIDE else f"{package}.{name}"
    parts = whole.split(".")
    for end in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        found = module
        for attribute in parts[end:]:
            try:
                found = getattr(found, attribute)
            except AttributeError as error:
                raise UserError(f"{name}: {error}") from None
        return module, parts[end:], found
    raise UserError(f"{name}: no such module")


def _assigned(module: ModuleType, name: str) -> tuple[int, str]:
    """The line and the text of the statement that gives a constant its value."""
    text = inspect.getsource(module)
    for statement in ast.parse(text).body:
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        if any(isinstance(t, ast.Name) and t.id == name for t in targets):
            return statement.lineno, ast.get_source_segment(text, statement)
    return 1, ""
