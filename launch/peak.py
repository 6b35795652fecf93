"""What a train step would take at its chips' published peaks: the pace in the log as a
share of it is the model FLOPs utilisation (MFU)."""

from collections.abc import Callable, Iterable
from typing import Any

import jax

from launch.ahead.hlo.cost import cost
from launch.chips import peak_flops


def seconds_at_peak(
    devices: Iterable[Any], lower: Callable[[], jax.stages.Lowered]
) -> float:
    """Of one step on all the devices; 0 if it is not known.

    lower: the step for the whole batch, which is asked for on known chips alone.
    """
    peak = peak_flops(devices)
    return step_flops(lower()) / peak if peak else 0.0  # seconds, for a large network


def step_flops(lowered: jax.stages.Lowered) -> float:
    """FLOPs of a program before XLA optimises it, its loops counted as often as they
    run; 0 if that depends on data."""
    if "stablehlo.while" not in lowered.as_text():
        return float(lowered.cost_analysis()["flops"])
    text = lowered.compiler_ir("hlo").get_hlo_module().to_string()
    try:
        found = cost(text)
    except (LookupError, ValueError, AttributeError):
        return 0.0  # a text that we cannot read must not end a training
    return 0.0 if found.unknown_loops else found.flops
