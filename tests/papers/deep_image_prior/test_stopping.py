"""Backtracking and the stop rules, on made-up losses. A failure means that a fit goes
back or stops at another step."""

import jax
import jax.numpy as jnp
import numpy as np

from papers.deep_image_prior import stopping
from papers.deep_image_prior.config import Config, Stop, Task

STOP = Stop(backtrack_every=2, backtrack_drop=5.0)


def learned(*values):
    """Parameters and moments of so many rows."""
    rows = jnp.array(values, jnp.float32)
    return {"p": rows}, {"mu": -rows, "count": rows.astype(jnp.int32)}


def walk(fits):
    """Learned states after each step; step n turns n into n + 1."""
    now = learned(*[0.0] * len(fits[0]))
    snapshot = stopping.first_snapshot(STOP, now, len(fits[0]))
    step = jax.jit(stopping.backtrack, static_argnums=0)
    seen = []
    for i, fit in enumerate(fits):
        after = ({"p": now[0]["p"] + 1}, {"mu": now[1]["mu"] - 1,
                                          "count": now[1]["count"] + 1})  # fmt: skip
        snapshot, now = step(
            _Hashable(STOP), jnp.int32(i), snapshot, now, after, jnp.array(fit)
        )
        seen.append(jax.device_get(now))
    return seen


class _Hashable:
    """A static argument of jit."""

    def __init__(self, stop):
        self.__dict__.update(vars(stop))


def test_a_row_that_falls_gets_parameters_and_moments_back():
    fits = [(10.0, 10.0), (12.0, 12.0), (14.0, 14.0), (15.0, 15.0), (16.0, 8.0)]
    *_, last = walk(fits)
    # Row 0 took five steps; row 1 fell at step 4 and stands where it stood at step 2.
    np.testing.assert_array_equal(last[0]["p"], [5, 2])
    np.testing.assert_array_equal(last[1]["mu"], [-5, -2])
    np.testing.assert_array_equal(last[1]["count"], [5, 2])


def test_between_checks_and_for_small_falls_nothing_happens():
    fits = [(10.0,), (1.0,), (6.0,), (0.0,), (2.0,)]  # 10 -> 6 -> 2 at the checks
    *_, last = walk(fits)
    np.testing.assert_array_equal(last[0]["p"], [5])


def test_a_row_goes_back_as_often_as_it_falls():
    fits = [(10.0,), (10.0,), (0.0,), (0.0,), (0.0,), (10.0,), (10.0,)]
    seen = walk(fits)
    assert [float(s[0]["p"][0]) for s in seen] == [1, 2, 0, 1, 0, 1, 2]


def test_a_row_that_is_not_a_number_goes_back_too():
    fits = [(10.0,), (10.0,), (np.nan,), (10.0,), (10.0,)]
    assert [float(s[0]["p"][0]) for s in walk(fits)] == [1, 2, 0, 1, 2]


def answers(config, outputs, losses):
    """The answer after outputs [steps, rows] of flat pictures."""
    shape = len(outputs[0]), 2, 2, 1
    answer = stopping.first_answer(jnp.zeros(shape))
    average = None
    for i, (x, loss) in enumerate(zip(outputs, losses, strict=True)):
        x = jnp.broadcast_to(jnp.array(x).reshape(-1, 1, 1, 1), shape)
        decay = config.task.average if average is not None else 0.0
        average = x if average is None else decay * average + (1 - decay) * x
        loss = jnp.array(loss)
        answer = stopping.take_answer(config, jnp.int32(i), answer, x, average, loss)
    return answer


def test_noise_is_reached_once():
    """The first average whose energy is the noise's variance is kept."""
    config = Config(
        task=Task(sigma=25.5, average=0.0), stop=Stop(rule="noise", after=0)
    )
    outputs = [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.4, 0.4)]
    losses = [(0.5, 0.5), (0.009, 0.5), (0.02, 0.008), (0.001, 0.001)]
    answer = answers(config, outputs, losses)
    np.testing.assert_allclose(answer["image"][:, 0, 0, 0], [0.2, 0.3], atol=1e-6)
    assert answer["done"].all()
    assert answer["at"].tolist() == [1, 2]


def test_the_calmest_moment_is_kept():
    """Outputs settle and then vary again: the answer comes from the calm between."""
    task = Task(average=0.5)
    stop = Stop(rule="variance", after=2, patience=6)
    settle = [1 - 0.5**i for i in range(12)]
    flutter = [1 + 0.3 * (-1) ** i for i in range(12)]
    outputs = [(x,) for x in settle + flutter]
    answer = answers(Config(task=task, stop=stop), outputs, [(1.0,)] * len(outputs))
    assert bool(answer["done"][0])
    assert 9 <= int(answer["at"][0]) <= 12
    assert abs(float(answer["image"][0, 0, 0, 0]) - 1) < 0.02


def test_without_a_rule_the_answer_is_the_present_average():
    config = Config(task=Task(average=0.0))
    answer = answers(config, [(0.1,), (0.7,)], [(1.0,), (1.0,)])
    assert float(answer["image"][0, 0, 0, 0]) == np.float32(0.7)
    assert not answer["done"].any()
