"""What isolation costs: the same jobs at every level, in turn, on one core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

import numpy as np

from discovery.executors.isolation import open_sandbox
from evaluators import tasks
from evaluators.job import Job
from evaluators.sandbox.levels import Level
from evaluators.sandbox.supervisor import Sandbox
from evaluators.sandbox.survey import survey
from programs import zoo
from programs.edit import mutate
from programs.show import show

BATCH = 8
"""Programs in a job, as in the quickstart."""


@dataclass(frozen=True, slots=True)
class LevelCost:
    """What was measured at one level.

    Attributes:
        level: The level.
        start_seconds: From nothing to the end of a first, tiny job.
        evaluations_per_s: Programs measured on every task of the quickstart, per second; median over rounds.
        overhead: Time over that of level 0 in the same round, minus 1; median over rounds.
        overheads: The same, round by round.
    """

    level: int
    start_seconds: float
    evaluations_per_s: float
    overhead: float
    overheads: tuple[float, ...]


def bench(rounds: int, progress: Callable[[str], None]) -> list[LevelCost]:
    """Measure every level that works here, `rounds` times, the levels taking turns."""
    levels = [level for level in Level if level <= survey().level]
    jobs = [Job(programs=_mutants(), task=task, device="cpu") for task in tasks.DEFAULT]
    seconds: dict[Level, list[float]] = {level: [] for level in levels}
    with ExitStack() as stack:
        started = {level: _start(stack, level) for level in levels}
        for number, level in _turns(levels, rounds):
            progress(f"round {number} of {rounds}, level {level:d}")
            sandbox, _ = started[level]
            begin = time.perf_counter()
            for job in jobs:
                sandbox.evaluate(job)
            seconds[level].append(time.perf_counter() - begin)
    return [_cost(level, started[level][1], seconds[level], seconds[Level.IN_PROCESS]) for level in levels]


def _mutants() -> tuple[str, ...]:
    """Always the same children of AdamW, so that levels and machines can be compared."""
    rng = np.random.default_rng(0)
    return tuple(show(mutate(zoo.load("adamw"), rng).program) for _ in range(BATCH))


def _start(stack: ExitStack, level: Level) -> tuple[Sandbox, float]:
    begin = time.perf_counter()
    sandbox = stack.enter_context(open_sandbox(int(level), "cpu"))
    for task in tasks.DEFAULT:
        sandbox.evaluate(Job(programs=(show(zoo.load("sgd")),), task=task, budget=0.01, device="cpu"))
    return sandbox, time.perf_counter() - begin


def _turns(levels: list[Level], rounds: int) -> Iterator[tuple[int, Level]]:
    """Every level once a round; the order turns round, so that drift of the machine favours nobody."""
    for number in range(1, rounds + 1):
        yield from ((number, level) for level in (levels if number % 2 else reversed(levels)))


def _cost(level: Level, start_seconds: float, own: list[float], plain: list[float]) -> LevelCost:
    overheads = tuple(mine / base - 1 for mine, base in zip(own, plain, strict=True))
    return LevelCost(
        level=int(level),
        start_seconds=start_seconds,
        evaluations_per_s=BATCH / median(own),
        overhead=median(overheads),
        overheads=overheads,
    )
