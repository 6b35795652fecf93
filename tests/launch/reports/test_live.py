"""The page while it trains. A failure means that it tells a wrong step, that it loads
itself again for ever, or that it ends a training."""

import json
import time

import pytest

from launch.reports import live
from launch.reports.live import LivePage
from launch.reports.report import Report

STEPS = {"xl": 1000, "plain": 1000}


def log(workdir, run, *steps):
    """A second of training for ten steps."""
    (workdir / run).mkdir(exist_ok=True)
    with (workdir / run / "metrics.jsonl").open("a") as file:
        for step in steps:
            record = {"step": step, "split": "train", "seconds": step / 10, "loss": 0.5}
            file.write(json.dumps(record) + "\n")


def text(workdir):
    return (workdir / "report" / "index.html").read_text()


@pytest.fixture
def page(tmp_path):
    return LivePage(tmp_path, "unit · default", STEPS, {"command": "python x"})


def test_it_tells_how_far_each_run_is(tmp_path, page):
    log(tmp_path, "xl", 100, 200, 400)
    page.write("training")
    shown = text(tmp_path)
    assert "400 of 1,000" in shown
    assert "1m00s" in shown  # 600 steps at 10 a second
    assert "0 of 1,000" in shown
    assert "waits" in shown
    assert 'http-equiv="refresh"' in shown
    log(tmp_path, "xl", 1000)
    page.write("training")
    assert "trained</td>" in text(tmp_path)


def test_the_page_of_a_finished_or_stopped_training_stays(tmp_path, page):
    log(tmp_path, "xl", 100)
    with page:
        page.measuring()
        assert 'http-equiv="refresh"' in text(tmp_path)
        report = Report(tmp_path / "report", title="T", facts={})
        report.add("Best", 0.25)
        report.write()
    assert "0.2500" in text(tmp_path)
    assert "refresh" not in text(tmp_path)

    def stopped():
        with LivePage(tmp_path, "unit", STEPS, {}) as again:
            again.write("training")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert "stopped; written" in text(tmp_path)
    assert "0.2500" in text(tmp_path)  # what was measured before
    assert 'http-equiv="refresh"' not in text(tmp_path)


def test_it_follows_the_log_and_ends_with_the_training(tmp_path, page, monkeypatch):
    monkeypatch.setattr(live, "TIMES", 0)
    page._pause = 0.01
    log(tmp_path, "xl", 100)
    with page:
        for step in (200, 300):
            log(tmp_path, "xl", step)
            ends = time.monotonic() + 30
            while f"{step} of 1,000" not in (shown := read(tmp_path)):
                assert time.monotonic() < ends, shown
                time.sleep(0.01)
    assert not page._thread.is_alive()


def read(workdir):
    try:
        return text(workdir)
    except FileNotFoundError:
        return ""


def test_a_page_that_cannot_be_written_does_not_end_the_training(
    tmp_path, page, caplog
):
    (tmp_path / "report").write_text("a file in the way")
    with page:
        page.measuring()
    assert "the page of the training is not written" in caplog.text
