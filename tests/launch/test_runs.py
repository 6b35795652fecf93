"""Runs of a config. A failure means that a run trains before one that it builds on, or
that another checkpoint than the best is kept."""

import dataclasses
import types

import numpy as np
import pytest

from common.contract import Run, UserError
from common.metrics import Gathered
from launch.loop import StopRequest
from launch.runs import Runs, parameter_count
from launch.session import Session
from papers import espcn
from tests import smallest_paper


def paper(**parts):
    """The smallest paper with some of its functions replaced."""
    return types.SimpleNamespace(**{**vars(smallest_paper), **parts})


def with_runs(*after: tuple[str, ...]):
    """A paper with as many runs, each after the ones named."""
    runs = {
        name: Run(smallest_paper.get_config("smoke"), earlier)
        for name, earlier in zip("abcdefg", after, strict=False)
    }
    return paper(runs=lambda config: runs)


def test_each_run_stands_behind_those_it_comes_after():
    runs = Runs(with_runs(("b", "c"), ("c",), (), ("a",)), None)
    assert runs.in_order(["d"]) == ["c", "b", "a", "d"]
    assert runs.in_order(["b", "a"]) == ["c", "b", "a"]


def test_runs_that_cannot_begin_are_refused():
    with pytest.raises(UserError, match="come after each other: a -> b -> a"):
        Runs(with_runs(("b",), ("a",)), None)
    with pytest.raises(UserError, match="no run for 'a' to come after 'z'"):
        Runs(with_runs(("z",)), None)


def builds_on_espcn():
    """A paper whose second run begins from a trained run of another paper."""
    upscaler = espcn.runs(espcn.get_config("smoke"))["espcn"].config
    upscaler.loop.steps = 2
    line = smallest_paper.get_config("smoke")
    line.loop.steps = 2
    runs = {
        "line": Run(line, after=("upscaler",)),
        "upscaler": Run(upscaler, paper="espcn"),
    }

    def init(config, key, after=None):
        ((upscaler_config, upscaler_state),) = after.values()
        assert upscaler_config is upscaler
        state = smallest_paper.init(config, key)
        mean = upscaler_state.params["layer1"]["kernel"].mean()
        bias = state.params["bias"] + mean
        return state.replace(params={**state.params, "bias": bias})

    def evaluate(config, trained):
        for name, (_, state) in trained.items():
            yield name, parameter_count(state)

    return paper(runs=lambda config: runs, init=init, evaluate=evaluate)


def test_a_run_of_another_paper_trains_by_that_papers_functions(tmp_path, capsys):
    built = builds_on_espcn()
    session = Session(built, smallest_paper.get_config("smoke"), tmp_path)
    shapes = session.runs.abstract_state("upscaler")
    assert session.train(["line"], StopRequest())
    session.evaluate("built", {})
    out = capsys.readouterr().out
    assert f"upscaler: {parameter_count(shapes):,}" in out
    assert "line: 6" in out
    assert {path.name for path in tmp_path.iterdir()} == {"line", "report", "upscaler"}


def test_predict_asks_the_papers_own_run(tmp_path):
    session = Session(builds_on_espcn(), smallest_paper.get_config("smoke"), tmp_path)
    session.train(["line"], StopRequest())
    assert "class" in "".join(session.predict("", "0.2,0.9"))


def kept_steps(tmp_path, built, best: str, **loop) -> list[int]:
    config = smallest_paper.get_config("smoke")
    config.loop = dataclasses.replace(
        config.loop, best=best, keep=1, save_every=1, eval_every=1, **loop
    )
    session = Session(built, config, tmp_path)
    assert session.train(["line"], StopRequest())
    folder = tmp_path / "line" / "checkpoints"
    return sorted(int(path.name) for path in folder.iterdir())


def records(tmp_path) -> dict[int, dict]:
    from launch.records import read_metrics

    lines = read_metrics(tmp_path / "line" / "metrics.jsonl")
    return {line["step"]: line for line in lines if line["split"] == "valid"}


@pytest.mark.parametrize("name", ["f1", "precision"])
def test_the_checkpoint_of_the_largest_is_kept_beside_the_newest(tmp_path, name):
    steps = kept_steps(tmp_path, paper(), f"+{name}", steps=12)
    found = {step: line[name] for step, line in records(tmp_path).items()}
    assert steps == sorted({max(found, key=found.get), 12})


def on_the_host():
    """Its validation needs all scores: the median of those of class 1."""

    def eval_step(config, state, batch, *, axis_name=None):
        metrics = smallest_paper.eval_step(config, state, batch, axis_name=axis_name)
        logits = smallest_paper.NET.apply({"params": state.params}, batch["point"])
        scores = Gathered({"score": logits[:, 1]}, batch["mask"])
        return {**metrics, "scores": scores.across(axis_name)}

    def validate(config, outputs):
        scores = outputs["scores"]["score"]
        median = float(np.median(scores))
        return {"median": median, "scored": len(scores), "f1_again": outputs["f1"]}

    return paper(eval_step=eval_step, validate=validate)


def test_the_best_may_be_what_only_the_host_computes(tmp_path):
    steps = kept_steps(tmp_path, on_the_host(), "median", steps=6)
    lines = records(tmp_path)
    best = min(lines, key=lambda step: lines[step]["median"])
    assert steps == sorted({best, 6})
    assert best < 6
    assert all(line["f1_again"] == line["f1"] for line in lines.values())
    assert "scores" not in lines[6]
    assert lines[6]["scored"] == smallest_paper.POINTS["valid"]


@pytest.mark.parametrize("built", [paper(), on_the_host()], ids=["plain", "host"])
def test_a_best_that_nobody_measures_is_refused_before_training(tmp_path, built):
    with pytest.raises(UserError, match=r"no metric for config\.loop\.best 'f2'"):
        kept_steps(tmp_path, built, "+f2", steps=6)
    assert not (tmp_path / "line" / "metrics.jsonl").exists()
