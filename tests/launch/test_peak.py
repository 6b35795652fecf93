"""The share of the peak in the log. A failure means that a chip has another one's peak,
or that a step is said to be cheaper than it is."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest

from launch.chips import CHIPS, peak_flops
from launch.peak import seconds_at_peak, step_flops

PRODUCT = 2 * 64**3  # FLOPs of a product of two 64 x 64 matrices


def chips(kind, count=4):
    return [SimpleNamespace(device_kind=kind)] * count


@pytest.mark.parametrize(
    ("kind", "teraflops"),
    [
        ("TPU v4", 275),
        ("TPU v5 lite", 197),
        ("TPU v5", 459),
        ("TPU v6 lite", 918),
        ("NVIDIA A100-SXM4-40GB", 312),
        ("NVIDIA A100 80GB PCIe", 312),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H200", 989),
        ("NVIDIA H200 NVL", 835),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", 0),
        ("NVIDIA A1000", 0),
        ("NVIDIA GH200 480GB", 0),
        ("cpu", 0),
    ],
)
def test_a_chips_peak_is_its_own(kind, teraflops):
    assert peak_flops(chips(kind, 2)) == pytest.approx(2e12 * teraflops)
    assert peak_flops([*chips(kind), *chips("cpu")]) == 0


def lowered(step, *shapes):
    return jax.jit(step).lower(*(jnp.zeros(shape) for shape in shapes))


def test_seconds_at_peak_are_flops_over_the_peaks_of_all():
    chip = CHIPS["v5e"]
    product = lowered(lambda x: x @ x, (64, 64))
    seconds = seconds_at_peak(chips(chip.kind), lambda: product)
    assert seconds == pytest.approx(PRODUCT / (4 * chip.flops))


def test_on_an_unknown_chip_nothing_is_lowered():
    assert seconds_at_peak(chips("cpu"), lambda: pytest.fail("lowered")) == 0


def test_a_loop_counts_as_often_as_it_runs_there_and_back():
    def loss(weights, x):
        return jax.lax.scan(lambda x, w: (x @ w, None), x, weights)[0].sum()

    there = step_flops(lowered(loss, (9, 64, 64), (64, 64)))
    assert there == pytest.approx(9 * PRODUCT, rel=0.01)
    back = step_flops(lowered(jax.grad(loss), (9, 64, 64), (64, 64)))
    assert back == pytest.approx(3 * 9 * PRODUCT, rel=0.03)


def test_a_loop_that_depends_on_data_is_not_known():
    def until_large(x):
        return jax.lax.while_loop(lambda x: x.sum() < 1, lambda x: x @ x, x)

    assert step_flops(lowered(until_large, (64, 64))) == 0
