"""The front door: a job in, a report out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators import tasks
from evaluators.device import choose, tiny_is_zero
from evaluators.job import Job, Outcome, Report, Result
from evaluators.memory import lane_bytes
from evaluators.race import Raced, race
from evaluators.tasks.task import Task
from programs.errors import RuleError
from programs.ir import Program
from programs.layout import Layout
from programs.parse import parse


@dataclass(frozen=True, slots=True)
class Measured:
    """A report and what its losses can be computed from once more.

    Attributes:
        weights: Of each program, those of `race.Raced`.
    """

    report: Report
    weights: tuple[NDArray[np.float32] | None, ...]


def evaluate(job: Job) -> Report:
    """Train the task's model with every program of the job.

    Whatever a program does is an outcome of that program, and never an exception. A program's numbers do not depend
    on which others are in the job, except for rounding.

    Raises:
        ValueError: There is no such task, device or engine.
    """
    return measure(job, keep_weights=False).report


@tiny_is_zero()
def measure(job: Job, *, keep_weights: bool = True) -> Measured:
    """`evaluate`, with the final weights as evidence."""
    started = time.monotonic()
    task, device = tasks.get(job.task), choose(job.device)
    initial = initial_losses(task, job.seeds, device)
    admitted = [_admit(text, job, task.layout) for text in job.programs]
    programs = [entry for entry in admitted if isinstance(entry, Program)]
    raced = race(
        task,
        programs,
        job.race,
        job.seeds,
        initial=initial,
        steps=max(1, round(job.budget * task.steps)),
        device=device,
        engine=job.engine,
        deadline=started + job.time_limit,
        hurdle=job.hurdle,
        keep_weights=keep_weights,
    )
    rest = iter(raced)
    entries = [next(rest) if isinstance(entry, Program) else Raced(entry, None) for entry in admitted]
    report = Report(
        task=task.name,
        task_version=task.version,
        device=str(device),
        initial_loss=fmean(initial),
        results=tuple(entry.result for entry in entries),
        seconds=time.monotonic() - started,
    )
    return Measured(report, tuple(entry.weights for entry in entries))


def _admit(text: str, job: Job, layout: Layout) -> Program | Result:
    """The program, or why it may not run."""
    try:
        program = parse(text)
    except RuleError as error:
        return Result(outcome=Outcome.INVALID, detail=str(error))
    lanes = max(len(job.race.learning_rates), job.race.finalists * len(job.seeds))
    needed = lanes * lane_bytes(program, layout)
    if needed > job.memory_limit:
        detail = f"needs {needed / 2**20:.1f} MiB for {lanes} lanes; the limit is {job.memory_limit / 2**20:.1f} MiB"
        return Result(outcome=Outcome.MEMORY, detail=detail)
    return program


def initial_losses(task: Task, seeds: Sequence[int], device: torch.device) -> list[float]:
    """Validation loss before training, per seed."""
    weights = np.stack([task.initial_weights(seed) for seed in seeds])
    losses: list[float] = task.validate(torch.tensor(weights, device=device)).tolist()
    return losses
