"""Rules with the learning-rate search that everybody gets, on tasks and seeds that a stage names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from discovery.funnel.lab import Course, Lab, losses, merged
from discovery.funnel.settings import Trainer
from discovery.scoring import SeedLosses
from programs.ir import Program

K = TypeVar("K")


def raced(
    lab: Lab, stage: str, trainer: Trainer, rules: Mapping[K, Program], tasks: Sequence[str], seeds: tuple[int, ...]
) -> dict[K, SeedLosses]:
    """Losses of every rule by task and seed; a task is missing where a rule failed.

    Raises:
        ExecutorError, SandboxError, StoreError: As `Lab.run`.
    """
    # A job of its own for each, so that what was measured does not depend on who else was asked about.
    courses = [_course(trainer, rule, tasks, seeds) for rule in rules.values()]
    found = lab.run(stage, courses, expected=len(rules) * len(tasks))
    return dict(zip(rules, found, strict=True))


def _course(trainer: Trainer, rule: Program, tasks: Sequence[str], seeds: tuple[int, ...]) -> Course[SeedLosses]:
    jobs = [trainer.raced([rule], task, seeds) for task in tasks]
    reports = yield jobs
    return merged([losses(job, report) for job, report in zip(jobs, reports, strict=True)])
