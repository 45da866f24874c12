"""The training loop: lanes in, traces out. Another engine only has to offer the same `train`."""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators.lanes import Fate, Lane, Trace, Training
from evaluators.population import Population
from evaluators.schedule import multiplier
from evaluators.tasks.task import Examples, Task, to_tensor
from programs.ir import Program

CHECKPOINTS = (0.025, 0.05, 0.1, 0.25, 0.5)
"""Shares of the steps after which dead lanes are dropped."""
RECENT = 5
"""How many steps before a checkpoint are looked at: their median, so that a spike is no death."""


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
    """
    if not lanes:
        return Training((), {})
    started = time.perf_counter()
    population = Population(task, programs, lanes, device)
    record = np.full((steps, len(lanes)), np.nan, dtype=np.float32)
    ran = np.zeros(len(lanes), dtype=np.int64)
    fates = [Fate.FINISHED] * len(lanes)
    order = np.stack([task.batches(seed, steps) for seed in population.seeds], axis=1)
    for first, last in itertools.pairwise([0, *checkpoints(steps), steps]):
        losses = _segment(population, task.data.train, order[first:last], first, steps, deadline)
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


def _segment(
    population: Population, examples: Examples, order: NDArray[np.int64], first: int, steps: int, deadline: float
) -> NDArray[np.float32]:
    """The steps after `first`, as many as there is time for.

    Args:
        order: The examples of each step for each seed, `(steps, seeds, batch)`.

    Returns:
        The losses `(steps, alive)`.
    """
    device = population.weights.device
    inputs, targets = to_tensor(examples.inputs[order], device), to_tensor(examples.targets[order], device)
    losses = []
    for row, step in enumerate(range(first + 1, first + len(order) + 1)):
        if time.monotonic() > deadline:
            break
        losses.append(population.step(inputs[row], targets[row], multiplier(step, steps), step, steps))
    return torch.stack(losses).cpu().numpy() if losses else np.empty((0, len(population.alive)), np.float32)


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
