"""The pages keep their word: every function, field, file and command that they name is
there."""

import dataclasses
import functools
import importlib
import re
import shlex
from pathlib import Path

import pytest

from launch import catalogue, options, sweep
from launch.runs import Runs
from tests import smallest_paper

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), ROOT / "launch/README.md", *ROOT.glob("papers/*/README.md")]
)
NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+(\(\))?")
FILE_ENDINGS = {
    "avif", "bin", "gz", "html", "jax", "json", "jsonl", "md", "mp4", "npz", "pdf",
    "png", "py", "safetensors", "sh", "toml", "tsv", "txt", "yaml", "zip",
}  # fmt: skip
ROOMS = ("common", "launch", "papers", "tests", "jax", "flax", "optax")


def paper_of(page: Path) -> str | None:
    return page.parent.name if page.parent.parent.name == "papers" else None


def prose(page: Path) -> str:
    """The page without code blocks, indented or fenced, and without results."""
    text = re.sub(
        r"<!-- results: .*?<!-- end -->", "", page.read_text("utf-8"), flags=re.S
    )
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    return re.sub(r"^    .*$", "", text, flags=re.M)


def names(page: Path) -> list[str]:
    """The dotted names in backticks, fields of the config among them."""
    spans = re.findall(r"`([^`\n]+)`", prose(page))
    found = [span.removesuffix("()") for span in spans if NAME.fullmatch(span)]
    return [name for name in found if name.rpartition(".")[2] not in FILE_ENDINGS]


def commands(page: Path) -> list[str]:
    """The calls of launch/main.py in the page, their continued lines joined."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    text = re.sub(r"<!-- results: .*?<!-- end -->", "", text, flags=re.S)
    found = re.findall(r"python launch/main\.py (--paper=[^`\n]*)", text)
    return [line.split("   ")[0].partition(" #")[0] for line in found]


def resolves(name: str, paper: str | None) -> bool:
    """Whether a dotted name is a field of the paper's config, or code: of the paper's
    package, or of a room named in full."""
    first, *_ = name.split(".")
    config = (catalogue.load(paper) if paper else smallest_paper).get_config()
    if _is_field(name.removeprefix("config.").split("."), config):
        return True
    if first in ROOMS:
        return _is_code(name)
    return bool(paper) and _is_code(f"papers.{paper}.{name}")


def _is_field(path: list[str], config) -> bool:
    try:
        functools.reduce(getattr, path, config)
    except AttributeError:
        return False
    return True


def _is_code(name: str) -> bool:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for attribute in parts[end:]:
            if dataclasses.is_dataclass(found) and attribute in _fields(found):
                return attribute == parts[-1]
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False


def _fields(kind) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_name_on_a_page_is_code_or_a_field(page):
    missing = [name for name in names(page) if not resolves(name, paper_of(page))]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_of_a_page_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)\)", prose(page))
    inside = [target for target in targets if "://" not in target]
    assert [target for target in inside if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_of_a_page_has_its_paper_variant_run_and_fields(page):
    for line in commands(page):
        words = [word for word in shlex.split(line) if word.startswith("--")]
        placeholders = [w for w in words if re.search(r"=[A-Z]+$|=\.\.\.$|=$|<", w)]
        overrides = [w for w in words if w.startswith("--config.")]
        flags = options.define_flags()
        swept = [w for w in words if w.startswith(sweep.PREFIX)]
        known = [w for w in words if w not in (*overrides, *placeholders, *swept)]
        first = [w.replace("--sweep.", "--config.").split(",")[0] for w in swept]
        overrides += first
        flags(["launch", *known])
        if "--paper" in line and flags.paper:
            paper = catalogue.load(flags.paper)
            config = catalogue.variant(paper, flags.config)
            given = [w for w in overrides if w not in placeholders]
            config = catalogue.override(config, given)
            if flags.run:
                assert flags.run in Runs(paper, config), line


def test_a_name_that_is_not_there_is_noticed():
    assert resolves("common.attention.relative_shift", None)
    assert resolves("train.State.memory", "transformer_xl")
    assert resolves("config.model.d_model", "transformer_xl")
    assert not resolves("config.model.d_modle", "transformer_xl")
    assert not resolves("common.attention.relative_shfit", None)
    assert not resolves("train.State.memroy", "transformer_xl")


def test_the_step_that_workspace_shows_is_the_smallest_papers():
    page = (ROOT / "WORKSPACE.md").read_text("utf-8")
    code = (ROOT / "tests/smallest_paper.py").read_text("utf-8")
    (shown,) = re.findall(r"^```python\n(.*?)^```", page, flags=re.S | re.M)
    parts = re.split(r"\n\n\n", shown.strip())
    assert len(parts) > 3
    assert [part for part in parts if part.strip() not in code] == []
