"""The floors of the house: imports go down only, and never in a circle."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("common", "papers", "launch")  # from the ground up


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path
    for floor in FLOORS
    for path in sorted((ROOT / floor).rglob("*.py"))
}


def imported(path: Path, top_level: bool) -> set[str]:
    """Our modules that a file imports: all of them, or when it is loaded itself."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if top_level else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names & {*MODULES}


def floor_of(module: str) -> int:
    return FLOORS.index(module.partition(".")[0])


def test_imports_go_down_only():
    up = [
        f"{module} imports {other}"
        for module, path in MODULES.items()
        for other in imported(path, top_level=False)
        if floor_of(other) > floor_of(module)
    ]
    assert up == []


def test_no_imports_run_in_a_circle():
    """A package's __init__ hands names on; a module of it that imports a neighbour by
    `from package import neighbour` is no circle."""
    rooms = {m: p for m, p in MODULES.items() if p.name != "__init__.py"}
    graph = {m: imported(p, top_level=True) & {*rooms} for m, p in rooms.items()}
    assert [*graphlib.TopologicalSorter(graph).static_order()]


@pytest.mark.parametrize("room", ["papers", "launch.compare"])
def test_a_users_common_py_is_named(tmp_path, room):
    """It would hide ours, and each import of it would end in a riddle."""
    (tmp_path / "common.py").write_text("")
    code = f"import sys; sys.path.insert(1, {str(ROOT)!r}); import {room}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert f"{tmp_path / 'common.py'}, and papers need" in done.stderr
