"""What a notebook does with a paper: train, go on, plot, show."""

import io
import os
import signal

import numpy as np
import pytest

from common.cells import format_cell
from common.contract import BeforeAfter, Records, Table, UserError
from launch import show, train
from launch.loop import Trainer
from launch.notebook import OneLine
from tests import smallest_paper


def config_of(steps):
    config = smallest_paper.get_config("smoke")
    config.loop.steps = steps
    config.loop.log_every = 2
    return config


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("notebook")
    return train(smallest_paper, config_of(6), workdir)


def test_what_comes_back_is_what_evaluate_takes(trained):
    config, state = trained["line"]
    assert int(state.step) == config.loop.steps == 6
    assert "Summary" in dict(smallest_paper.evaluate(config, trained))
    assert "line" in trained._repr_html_()


def test_what_was_logged_is_arrays(trained):
    steps, losses = trained.logged("loss")
    np.testing.assert_array_equal(steps, [2, 4, 6])
    assert losses.shape == (3,)
    assert losses[-1] < losses[0]
    with pytest.raises(UserError, match="did you mean loss"):
        trained.logged("los")
    with pytest.raises(UserError, match=r"nothing of .test.*log_every"):
        trained.logged("loss", split="test")
    with pytest.raises(UserError, match="there are: line"):
        trained.logged("loss", run="circle")


def test_curves_have_a_panel_a_metric(trained):
    titles = [axes.get_title("left") for axes in trained.curves("loss").axes]
    assert titles == ["loss"]
    assert len(trained.curves().axes) > 1
    with pytest.raises(UserError, match="did you mean loss"):
        trained.curves("los")


def test_an_interrupt_saves_and_the_same_call_goes_on_to_more_steps(
    tmp_path, monkeypatch, capsys
):
    built = Trainer.__init__

    def interrupted(self, **parts):
        def before_a_batch(split, batch, put=parts["put"]):
            if split == "train":
                os.kill(os.getpid(), signal.SIGINT)
            return put(split, batch)

        built(self, **{**parts, "put": before_a_batch})

    monkeypatch.setattr(Trainer, "__init__", interrupted)
    stopped = train(smallest_paper, config_of(8), tmp_path)
    assert int(stopped["line"][1].step) == 1
    assert "the same call on the same workdir goes on" in capsys.readouterr().out
    monkeypatch.undo()
    longer = train(smallest_paper, config_of(10), tmp_path)
    assert int(longer["line"][1].step) == 10
    np.testing.assert_array_equal(longer.logged()[0], [2, 4, 6, 8, 10])


def test_another_config_in_the_same_workdir_is_refused(trained):
    other = config_of(6)
    other.optim.lr = 0.5
    with pytest.raises(UserError, match=r"optim\.lr"):
        train(smallest_paper, other, trained.workdir)


def test_a_users_mistake_is_one_line_in_a_notebook():
    config = config_of(2)
    with pytest.raises(UserError) as found:
        config.loop.stepz = 5
    (line,) = found.value._render_traceback_()  # as IPython asks for it
    assert line == f"UserError: {found.value}"


def test_without_a_workdir_there_is_a_new_one(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "smallest_paper-old").mkdir()
    found = train(smallest_paper, config_of(1))
    assert sorted(tmp_path.iterdir()) == sorted(
        [found.workdir, tmp_path / "smallest_paper-old"]
    )


def test_a_run_prints_one_line():
    out = io.StringIO()
    line = OneLine(out)
    print("line  step 1", file=line)
    print("line  2", file=line)
    print("other  1", file=line)
    line.end()
    assert out.getvalue() == "\rline  step 1\rline  2     \n\rother  1\n"


def test_tables_pictures_and_text_are_html():
    picture = np.zeros((4, 6, 1), np.uint8)
    html = show(Table(("a",), [[1]]), "x < y", 0.5, before=picture)._repr_html_()
    assert "<table>" in html
    assert "x &lt; y" in html
    assert "0.5000" in html
    assert html.count("data:image/png;base64,") == 1
    assert "<figcaption>before</figcaption>" in html


def test_what_predict_yields_is_shown():
    """What is for programs is left out, and a picture that is missing is a dash."""
    picture = np.zeros((2, 2), np.uint8)
    pair = BeforeAfter(picture, picture, ("small", "large"))
    parts = ["the ", Records([{"a": 1}]), "old ", ("map", picture), ("both", pair)]
    html = show(iter([*parts, ("none", None)]))._repr_html_()
    assert "the old " in html
    for name in ("map", "small", "large", "both", "none"):
        assert f"<figcaption>{name}</figcaption>" in html
    assert html.count("data:image/png;base64,") == 3
    assert f"none</figcaption>{format_cell(None)}" in html


def test_pixels_that_are_no_bytes_are_refused():
    with pytest.raises(UserError, match="float64"):
        show(np.zeros((4, 4)))._repr_html_()
