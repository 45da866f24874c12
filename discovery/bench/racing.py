"""How much racing saves, and what it loses: policies replayed on fresh mutants that were trained without any."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from discovery.bench.racing_policies import TOP, Replayed, learned, policies, replay
from discovery.bench.racing_runs import SEEDS, mutants, records
from evaluators.job import HALF_DECADES

__all__ = ["RULES", "RacingReport", "bench"]

RULES = ("adamw", "lion", "momentum", "rmsprop", "nadamw", "muon")
"""Whose mutants are raced."""


@dataclass(frozen=True, slots=True)
class RacingReport:
    """What was measured.

    Attributes:
        mutants: How many were trained.
        rules: The rules that they are edits of.
        tasks: What they trained, in this order.
        learning_rates: The grid.
        seeds: Training seeds of each full run.
        learned: How many learn at all, on every task.
        top: The share of mutants that racing must not lose.
        together: Every policy, on all tasks one after the other.
        alone: By task, every policy on that task alone; empty where there is only one.
        seconds: In all, records of an earlier call not counted.
        seed: Other mutants.
    """

    mutants: int
    rules: tuple[str, ...]
    tasks: tuple[str, ...]
    learning_rates: tuple[float, ...]
    seeds: tuple[int, ...]
    learned: int
    top: float
    together: tuple[Replayed, ...]
    alone: Mapping[str, tuple[Replayed, ...]]
    seconds: float
    seed: int


def bench(
    count: int,
    rules: Sequence[str],
    tasks: Sequence[str],
    seed: int,
    file: Path,
    jobs: int,
    progress: Callable[[str], None],
) -> RacingReport:
    """Train so many mutants, and replay every policy on what came of them.

    Args:
        count: Mutants.
        rules: Zoo names.
        tasks: Task names, in the order in which a search would train them.
        seed: Decides the mutants.
        file: Where records are kept; a bench that was interrupted goes on from there.
        jobs: Processes.
        progress: Is told how far it is.

    Raises:
        RuleError: There is no such rule.
        RecordsError: The file holds something else, or no mutant learned.
    """
    started = time.monotonic()
    found = records(mutants(rules, count, seed), tasks, file, jobs, progress)
    chosen = policies()
    alone = {task: [record for record in found if record.task == task] for task in tasks}
    return RacingReport(
        mutants=count,
        rules=tuple(rules),
        tasks=tuple(tasks),
        learning_rates=HALF_DECADES,
        seeds=SEEDS,
        learned=learned(found),
        top=TOP,
        together=tuple(replay(found, chosen, seed)),
        alone={task: tuple(replay(own, chosen, seed)) for task, own in alone.items()} if len(tasks) > 1 else {},
        seconds=time.monotonic() - started,
        seed=seed,
    )
