"""The notebooks keep their word: they hold no outputs, what they name is there, and
every cell runs. The first code cell says how long to train: `STEPS`."""

import ast
import functools
import importlib
import json
import re
from pathlib import Path

import jax
import pytest

from launch import catalogue, devices
from tests.test_pages import FILE_ENDINGS, NAME, resolves

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted([*ROOT.glob("papers/*/*.ipynb"), *ROOT.glob("launch/*.ipynb")])
SHORT = 2  # steps of a test

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def sources(path: Path, kind: str) -> list[str]:
    """The texts of its cells, "code" or "markdown"."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def shortened(path: Path) -> list[str]:
    first, *rest = sources(path, "code")
    short, count = re.subn(r"^STEPS = \d+$", f"STEPS = {SHORT}", first, flags=re.M)
    assert count == 1, f"{path.name}: STEPS is not set once in the first cell"
    return [short, *rest]


def run_cell(source: str, names: dict) -> None:
    """Runs a cell and draws what its last line shows, as a notebook does."""
    *statements, last = ast.parse(source).body
    shows = isinstance(last, ast.Expr)
    body = statements if shows else [*statements, last]
    exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
    if shows:
        value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
        getattr(value, "_repr_html_", value.__repr__)()


def test_every_paper_has_a_notebook_of_its_name():
    assert {path.stem for path in NOTEBOOKS} >= {*catalogue.names()}


@every_notebook
def test_a_notebook_is_one_of_jupyter_and_holds_no_outputs(path):
    notebook = json.loads(path.read_text("utf-8"))
    assert notebook["nbformat"] == 4
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert {cell["execution_count"] for cell in code} == {None}
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len({*ids}) == len(ids)


@every_notebook
def test_what_a_notebook_imports_and_names_is_there(path):
    for source in shortened(path):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    if not hasattr(module, alias.name):
                        importlib.import_module(f"{node.module}.{alias.name}")
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    importlib.import_module(alias.name)
    paper = path.stem if path.stem in catalogue.names() else None
    spans = re.findall(r"`([^`\n]+)`", "\n".join(sources(path, "markdown")))
    named = [span for span in spans if NAME.fullmatch(span)]
    code = [name for name in named if name.rpartition(".")[2] not in FILE_ENDINGS]
    assert [name for name in code if not known(name, paper)] == []


def known(name: str, paper: str | None) -> bool:
    """As a page's names, or behind the name of a paper: `espcn.upscale`."""
    return resolves(name, paper) or resolves(f"papers.{name}", None)


@pytest.mark.slow
@every_notebook
def test_every_cell_of_a_notebook_runs(path, tmp_path, monkeypatch):
    one_device = functools.partial(devices.make_mesh, devices=jax.devices()[:1])
    monkeypatch.setattr(devices, "make_mesh", one_device)  # as a notebook has
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # of workdirs
    names = {}
    for source in shortened(path):
        run_cell(source, names)
