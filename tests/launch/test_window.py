"""Means and pace of a log line. A failure means that a line after a resume has other
means, or a pace that counts compilation."""

import json
import random

import pytest

from launch.window import Pace, Window


def test_window_resumes_bit_for_bit():
    generator = random.Random(0)
    losses = [generator.random() * 10**i for i in range(10)]
    whole = Window()
    first = Window()
    for loss in losses:
        whole.add({"loss": loss})
    for loss in losses[:6]:
        first.add({"loss": loss})
    second = Window.restore(json.loads(json.dumps(first.state())))
    for loss in losses[6:]:
        second.add({"loss": loss})
    assert second.mean() == whole.mean()
    assert second.state() == {}
    assert second.mean() == {}


def test_window_averages_over_the_steps_that_reported():
    window = Window()
    window.add({"generator": 1.0, "discriminator": 5.0})
    window.add({"generator": 2.0})
    assert window.mean() == {"generator": 1.5, "discriminator": 5.0}


def test_pace_leaves_out_compilation_and_evaluation():
    pace = Pace()
    pace.tick(101, now=60.0)  # compiled for a minute
    assert pace.steps_per_second == 0
    for i in range(1, 11):
        pace.tick(101 + i, now=60 + 0.25 * i)
    assert pace.steps_per_second == pytest.approx(4)
    pace.interrupt()
    pace.tick(112, now=1000.0)
    pace.tick(113, now=1000.25)
    assert pace.steps_per_second == pytest.approx(4)


def test_pace_forgets_the_distant_past():
    pace = Pace()
    now = 0.0
    for step in range(1000):
        now += 1.0 if step < 800 else 0.5
        pace.tick(step, now)
    assert pace.steps_per_second == pytest.approx(2)
