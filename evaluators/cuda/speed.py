"""How fast whole populations train on a GPU, beside the times below which no engine of this kind could come."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from evaluators import tasks
from evaluators.cuda.engine import that_fit
from evaluators.cuda.population import DevicePopulation, captured
from evaluators.device import choose
from evaluators.lanes import Lane
from evaluators.models.work import flops
from evaluators.tasks.task import Task
from programs import zoo
from programs.edit import mutate
from programs.ir import Program

CANDIDATES, LANES = 1024, 6
"""Programs at once, and runs of each: three learning rates on two seeds."""
RATES = (5e-4, 1e-3, 2e-3)
STEPS = 1000
"""Of a run, for candidates per second."""
UPDATE_BYTES = 28
"""That AdamW has to move for each weight: weight, gradient and two moments in, weight and moments out."""
_TIMED = 50
_SIZE = 4096  # of the matrices that the peak is measured with
_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class PopulationSpeed:
    """One task with one kind of program.

    Attributes:
        task: Its name.
        programs: `adamw`, `muon`, or `mutants` of AdamW that all differ.
        lanes: Runs at once, as many as were asked for or fit into memory.
        step_ms: Milliseconds of a step of all of them.
        gradient_ms: Of the forward and backward pass alone.
        gradient_floor_ms: What its matrix products would take at the measured peak.
        update_ms: Of the update alone.
        update_floor_ms: What AdamW's traffic would take at the measured bandwidth.
        candidates_per_s: Programs a second with six runs of a thousand steps each, no death, no race.
    """

    task: str
    programs: str
    lanes: int
    step_ms: float
    gradient_ms: float
    gradient_floor_ms: float
    update_ms: float
    update_floor_ms: float
    candidates_per_s: float


@dataclass(frozen=True, slots=True)
class PopulationReport:
    """All of it.

    Attributes:
        device: Where.
        peak_tflops: Of a product of large matrices in single precision.
        bandwidth_gb_s: Of a copy.
        populations: One for each task and kind of program.
    """

    device: str
    peak_tflops: float
    bandwidth_gb_s: float
    populations: tuple[PopulationSpeed, ...]


def bench(names: Sequence[str], device: str, candidates: int, progress: Callable[[str], None]) -> PopulationReport:
    """Measure tasks one after the other.

    Raises:
        ValueError: There is no such task or GPU.
    """
    place = choose(device)
    peak, bandwidth = _peak(place), _bandwidth(place)
    rng = np.random.default_rng(0)
    kinds: dict[str, list[Program]] = {
        "adamw": [zoo.load("adamw")] * candidates,
        "muon": [zoo.load("muon")] * candidates,
        "mutants": [mutate(zoo.load("adamw"), rng).program for _ in range(candidates)],
    }
    found = []
    for name in names:
        for kind, programs in kinds.items():
            progress(f"{name}: {kind}")
            found.append(_measured(tasks.get(name), kind, programs, place, peak, bandwidth))
    return PopulationReport(torch.cuda.get_device_name(place), peak / 1e12, bandwidth / 1e9, tuple(found))


def _measured(
    task: Task, kind: str, programs: Sequence[Program], device: torch.device, peak: float, bandwidth: float
) -> PopulationSpeed:
    every = [Lane(index, rate, seed) for index in range(len(programs)) for rate in RATES for seed in (0, 1)]
    lanes = every[: that_fit(task, device)]
    population = DevicePopulation(task, programs, lanes, device, 3 * _TIMED)
    population.run(0, _TIMED, math.inf)
    step = _milliseconds(lambda: population.run(_TIMED, 2 * _TIMED, math.inf)) / _TIMED
    gradient = _milliseconds(captured(population.gradient, population.gradient), _TIMED)
    update = _milliseconds(population.update, _TIMED)
    assert task.model is not None
    return PopulationSpeed(
        task=task.name,
        programs=kind,
        lanes=len(lanes),
        step_ms=step,
        gradient_ms=gradient,
        gradient_floor_ms=1e3 * len(lanes) * flops(task.model, task.batch) / peak,
        update_ms=update,
        update_floor_ms=1e3 * len(lanes) * task.layout.size * UPDATE_BYTES / bandwidth,
        candidates_per_s=1e3 * len(lanes) / LANES / (step * STEPS),
    )


def _milliseconds(work: Callable[[], object], times: int = 1) -> float:
    """Of a call, by the device's own clock."""
    event: Any = torch.cuda.Event  # torch leaves it without types
    start, end = event(enable_timing=True), event(enable_timing=True)
    work()
    start.record()
    for _ in range(times):
        work()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / times


def _peak(device: torch.device) -> float:
    """Floating-point operations per second."""
    a = torch.ones((_SIZE, _SIZE), device=device)
    return 2 * _SIZE**3 / (_milliseconds(lambda: a @ a, _TIMED) / 1e3)


def _bandwidth(device: torch.device) -> float:
    """Bytes per second, read and written."""
    a = torch.ones(_BYTES // 4, device=device)
    b = torch.empty_like(a)
    return 2 * _BYTES / (_milliseconds(lambda: b.copy_(a), _TIMED) / 1e3)
