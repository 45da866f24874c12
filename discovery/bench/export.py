"""What a step of an exported optimizer costs beside torch's own: on the CPU, and on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evaluators.device import choose
from evaluators.step_time import REFERENCE, StepTime, step_times

AIM = 1.1
"""Exported AdamW should take at most this many times as long as torch's own, by list operations."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was measured.

    Attributes:
        times: Every optimizer on every model.
        rounds: Steps of each.
        reference: What ratios are to.
        aim: The ratio that exported AdamW should keep below.
    """

    times: tuple[StepTime, ...]
    rounds: int
    reference: str = REFERENCE
    aim: float = AIM


def bench(rounds: int, progress: Callable[[str], None], *, compiled: bool = False) -> ExportReport:
    """Measure in this process; a CPU with one thread."""
    devices = dict.fromkeys(["cpu", choose("auto").type])
    times = [each for device in devices for each in step_times(rounds, device, progress, compiled=compiled)]
    return ExportReport(tuple(times), rounds)
