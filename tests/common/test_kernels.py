"""The kernels of common/ are pure. A failure means that one of them reads a disk or a
clock, draws, or imports a room that does: `data`, `files`, `text`, `figures`,
`box_figures`, `diagrams`, `formulas`, `timing`."""

import ast
from pathlib import Path

import pytest

COMMON = Path(__file__).parents[2] / "common"
DRAWING = {"box_figures.py", "diagrams.py", "figures.py", "formulas.py"}
IMPURE = {"data", "files", "text", "timing.py", *DRAWING}
KERNELS = [
    path.relative_to(COMMON)
    for path in sorted(COMMON.rglob("*.py"))
    if path.relative_to(COMMON).parts[0] not in IMPURE
]


def imported(path: Path) -> set[str]:
    """The packages that a file imports, inside its functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_kernels_are_found():
    assert Path("attention.py") in KERNELS


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_a_kernel_touches_no_disk_and_no_clock(kernel):
    names = imported(COMMON / kernel)
    packages = {name.split(".")[0] for name in names}
    assert not packages & {"PIL", "pathlib", "os", "time", "matplotlib"}
    rooms = tuple(f"common.{room.removesuffix('.py')}" for room in IMPURE)
    assert not [name for name in names if name.startswith(rooms)]
