"""Steps compiled for TPU slices that are not here. A failure means that a step would
not start on a TPU, or that its memory is misjudged."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from common.contract import UserError
from launch import catalogue, chips
from launch.ahead import compile, one_slice
from launch.session import Session
from tests import smoke

pytest.importorskip("libtpu")


@pytest.fixture(autouse=True)
def _no_cache():
    """An entry of the cache cannot be read without a TPU."""
    jax.config.update("jax_enable_compilation_cache", False)
    yield
    jax.config.update("jax_enable_compilation_cache", True)


def session(paper: str, folder: Path, **changes) -> Session:
    module = smoke.load(paper)
    overrides = [f"--config.{name}={value}" for name, value in changes.items()]
    config = catalogue.override(module.get_config("smoke"), overrides)
    return Session(module, config, folder)


@pytest.mark.parametrize("case", smoke.QUICK)
def test_every_smoke_step_compiles_for_a_tpu(case, tmp_path):
    """A step that cannot run on a TPU never lands."""
    paper, run = case
    opened = session(paper, tmp_path)
    compiled = one_slice.compile_run(opened, run, "v5e:2x2", "data:2,fsdp:2")
    assert compiled.chips == 4
    assert compiled.cost.flops > 0
    assert compiled.cost.unknown_loops == 0
    counted = opened.runs.step_flops(run)
    # XLA counts this text before optimising, and loops once: the order must be right.
    assert 0.2 < 4 * compiled.cost.flops / counted < 5


@pytest.mark.slow
def test_a_chips_share_of_the_state_falls_as_one_over_n(tmp_path):
    wide = {"model.d_model": 512, "model.d_inner": 2048, "data.batch_size": 16}
    opened = session("transformer_xl", tmp_path, **wide)
    sizes = {
        n: one_slice.compile_run(opened, "vanilla", topology, "fsdp").arguments
        for n, topology in ((4, "v5e:2x2"), (16, "v5e:4x4"))
    }
    whole = one_slice.compile_run(opened, "vanilla", "v5e:2x2", "data").arguments
    assert sizes[4] == pytest.approx(whole / 4, rel=0.1)
    assert sizes[16] == pytest.approx(whole / 16, rel=0.2)


@pytest.mark.slow
def test_a_loop_over_layers_costs_what_the_layers_cost(tmp_path):
    """`config.model.scan` changes how a step is compiled, not what it computes."""
    flops = [
        one_slice.compile_run(
            session("transformer_xl", tmp_path,
                    **{"model.scan": scan, "model.n_layers": 4}),
            "xl", "v5e:2x2", "data",
        ).cost.flops
        for scan in ("false", "true")
    ]  # fmt: skip
    assert flops[1] == pytest.approx(flops[0], rel=0.15)


def test_what_does_not_fit_says_by_how_much(tmp_path):
    large = {"data.batch_size": 4096, "data.length": 4096, "model.n_layers": 1}
    opened = session("transformer_xl", tmp_path, **large)
    result = one_slice.compile_run(opened, "vanilla", "v5e:2x2", "data")
    assert isinstance(result, one_slice.TooLarge)
    assert result.needed > 16 * 2**30
    advice = compile._advice(opened.runs["vanilla"].config, result, "data")
    assert "GiB a chip are missing" in advice
    assert "--mesh=fsdp" in advice


def test_from_the_command_line(tmp_path):
    main = Path(__file__).parents[3] / "launch" / "main.py"
    start = [sys.executable, str(main), "--paper=transformer_xl", "--config=smoke"]
    start += ["--mode=compile", "--run=vanilla", f"--workdir={tmp_path}"]
    start += ["--config.data.batch_size=8"]
    run = subprocess.run(
        [*start, "--topology=v5e:2x2,v4:2x2x1"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    for word in ("roofline", "all-reduce", "v4:2x2x1", "parameters"):
        assert word in run.stdout
    results = json.loads((tmp_path / "compile/report/results.json").read_text())
    compiled = results["results"][-1]
    assert compiled["name"] == "Compiled"
    label = "transformer_xl · smoke, data.batch_size=8 · vanilla"
    assert {row[0] for row in compiled["value"]["rows"]} == {label}
    assert [row[2] for row in compiled["value"]["rows"]] == ["v5e:2x2", "v4:2x2x1"]
    for flag, why in ("--topology=v5f:4x4", "v5e"), ("--topology=v5e:3x3", "2x2, 2x4"):
        wrong = subprocess.run([*start, flag], capture_output=True, text=True)
        assert wrong.returncode == 2
        assert why in wrong.stderr
        assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize(
    ("text", "slices"),
    [
        ("v5e", chips.TOPOLOGIES["v5e"]),
        ("v5e:4x4,v4:2x2x2", ["v5e:4x4", "v4:2x2x2"]),
        ("v5e:4x4, v6e", ["v5e:4x4", *chips.TOPOLOGIES["v6e"]]),
        ("v5e:2x2,v5e:2x2", ["v5e:2x2"]),
        ("all", sum(chips.TOPOLOGIES.values(), ())),
    ],
)
def test_names_of_many_slices(text, slices):
    assert compile.topologies(text) == [*slices]


@pytest.mark.parametrize("text", [None, "", "v5e:4x4,", "v5e,v7", "v5e:10x14"])
def test_what_is_no_slice_is_refused(text):
    with pytest.raises(UserError, match="topology"):
        compile.topologies(text)


def facts_of(folder: Path) -> dict:
    return json.loads((folder / "compile/report/results.json").read_text())["facts"]


def test_the_mesh_is_of_the_slice_whatever_this_host_has(tmp_path):
    """README's own command: 4 x 4 chips, on a host of one or two cores."""
    main = Path(__file__).parents[3] / "launch" / "main.py"
    run = subprocess.run(
        [sys.executable, str(main), "--paper=espcn", "--config=smoke", "--mode=compile",
         "--topology=v5e:4x4", "--mesh=data:4,fsdp:4", f"--workdir={tmp_path}",
         "--config.data.batch_size=16", "--cpu_devices=1", "--effort=-1"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "cpu" not in facts_of(tmp_path)["devices"]
    assert ", effort -1" in run.stdout  # a row says what it is


def test_a_mesh_that_does_not_fit_a_slice_is_refused_before_any_compiles(tmp_path):
    made = session("espcn", tmp_path)
    with pytest.raises(UserError, match="does not fit 8 devices"):
        compile.compile_for(made, ["espcn"], ["v5e:4x4", "v5e:2x4"], "data:4,fsdp:4",
                            title="", facts={})  # fmt: skip
    assert not [*tmp_path.iterdir()]


def dies_on_2x2(answer_to, paper, config, effort, name, topology, mesh):
    """As the child process of `compile_apart`, which crashes for one slice."""
    if topology == "v5e:2x2":
        os.kill(os.getpid(), signal.SIGSEGV)
    one_slice._compile_and_answer(
        answer_to, paper, config, effort, name, topology, mesh
    )


def test_a_compiler_that_dies_takes_a_row_and_not_the_table(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(one_slice, "_compile_and_answer", dies_on_2x2)
    made = session("espcn", tmp_path)
    slices = ["v5e:2x2", "v5e:2x4"]
    assert not compile.compile_for(made, ["espcn"], slices, "data", title="", facts={})
    assert "the compiler died (SIGSEGV)" in capsys.readouterr().out
    results = json.loads((tmp_path / "compile/report/results.json").read_text())
    rows = results["results"][-1]["value"]["rows"]
    fits = compile.COLUMNS.index("fits")
    assert [(row[2], row[fits]) for row in rows] == [
        ("v5e:2x2", "SIGSEGV"), ("v5e:2x4", "yes"),
    ]  # fmt: skip
