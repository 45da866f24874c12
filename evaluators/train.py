"""The training loop: lanes in, traces out. Another engine only has to offer the same `train`."""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators.cuda.population import DevicePopulation
from evaluators.lanes import Fate, Lane, Trace, Training
from evaluators.population import Population
from evaluators.tasks.task import Task
from programs.ir import Program

CHECKPOINTS = (0.025, 0.05, 0.1, 0.25, 0.5)
"""Shares of the steps after which dead lanes are dropped."""
RECENT = 5
"""How many steps before a checkpoint are looked at: their median, so that a spike is no death."""


Lockstep = Callable[[Task, Sequence[Program], Sequence[Lane], torch.device, int], Population | DevicePopulation]
"""Makes a population of a task, programs, lanes, a device and the number of steps."""


def train(
    task: Task,
    programs: Sequence[Program],
    lanes: Sequence[Lane],
    *,
    steps: int,
    hopeless: float,
    device: torch.device,
    deadline: float = math.inf,
    keep_weights: bool = False,
    lockstep: Lockstep = Population,
) -> Training:
    """Train every lane, all in lock-step. On a CPU with one thread the same call gives the same bits.

    Args:
        task: What to train.
        programs: The programs that the lanes name by index.
        lanes: The runs; those of one program next to each other.
        steps: Length of each run, over which its learning rate rises and decays.
        hopeless: A lane whose recent loss is not finite, or above this many times its first one, at a checkpoint dies.
        device: Where to run.
        deadline: Reading of `time.monotonic` after which no further step begins.
        keep_weights: Whether the traces of finished lanes are to hold their weights.
        lockstep: What runs the steps.
    """
    if not lanes:
        return Training((), {})
    started = time.perf_counter()
    population = lockstep(task, programs, lanes, device, steps)
    record = np.full((steps, len(lanes)), np.nan, dtype=np.float32)
    ran = np.zeros(len(lanes), dtype=np.int64)
    fates = [Fate.FINISHED] * len(lanes)
    for first, last in itertools.pairwise([0, *checkpoints(steps), steps]):
        losses = population.run(first, last, deadline)
        done = first + len(losses)
        record[first:done, population.alive] = losses
        ran[population.alive] = done
        if done < last:
            judged = [Fate.TIMEOUT] * len(population.alive)
        elif last < steps:
            judged = verdicts(record[:last, population.alive], hopeless)
        else:
            judged = [Fate.FINISHED] * len(population.alive)
        for lane, verdict in zip(population.alive, judged, strict=True):
            fates[lane] = Fate.CRASH if lanes[lane].program in population.errors else verdict
        population.keep(np.array([fates[lane] is Fate.FINISHED for lane in population.alive], dtype=bool))
        if not len(population.alive):
            break
    validation = np.full(len(lanes), np.nan)
    if len(population.alive):
        validation[population.alive] = task.validate(population.weights).cpu().numpy()
    for lane in population.alive[~np.isfinite(validation[population.alive])]:
        fates[lane], validation[lane] = Fate.NOT_FINITE, math.nan
    kept: dict[int, NDArray[np.float32]] = {}
    if keep_weights:
        finished = zip(population.alive.tolist(), population.weights.cpu().numpy(), strict=True)
        kept = {i: weights for i, weights in finished if fates[i] is Fate.FINISHED}
    traces = tuple(
        Trace(
            lane=lane,
            fate=fates[i],
            losses=record[: ran[i], i],
            validation=float(validation[i]),
            error=population.errors.get(lane.program, ""),
            weights=kept.get(i),
        )
        for i, lane in enumerate(lanes)
    )
    return Training(traces, _shares(traces, population.seconds, time.perf_counter() - started))


def checkpoints(steps: int) -> list[int]:
    """The steps after which dead lanes are dropped, ascending and below `steps`."""
    return sorted({max(1, round(share * steps)) for share in CHECKPOINTS} - {steps})


def verdicts(losses: NDArray[np.float32], hopeless: float) -> list[Fate]:
    """What a checkpoint says of each lane, from its losses so far `(steps, lanes)`."""
    recent = np.median(np.where(np.isnan(losses[-RECENT:]), np.inf, losses[-RECENT:]), axis=0)
    finite, hope = np.isfinite(recent), recent <= hopeless * losses[0]
    known = {(True, True): Fate.FINISHED, (True, False): Fate.HOPELESS}
    return [known.get(pair, Fate.NOT_FINITE) for pair in zip(finite.tolist(), hope.tolist(), strict=True)]


def _shares(traces: Sequence[Trace], updates: Mapping[int, float], elapsed: float) -> dict[int, float]:
    """Seconds for each program: its own updates, and a share by steps run of everything else."""
    steps: Counter[int] = Counter()
    for trace in traces:
        steps[trace.lane.program] += len(trace.losses)
    common = (elapsed - sum(updates.values())) / max(1, steps.total())
    return {program: updates.get(program, 0.0) + common * count for program, count in steps.items()}
