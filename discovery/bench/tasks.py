"""Do the tasks tell rules apart, and do the cheap ones order them as the dear ones do?"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, stdev

import numpy as np

from discovery.bench.resumable import collect
from discovery.bench.tasks_runs import Plan, Record, Work, measure
from discovery.bench.tasks_statistics import Correlation, Losses, d_prime, rank_correlation, spread
from evaluators import tasks
from evaluators.job import Engine
from evaluators.tasks.measured import Measured, Measurements
from evaluators.tasks.naming import Tier

ADAPTIVE, PLAIN = "adamw", "momentum"
"""A task that cannot tell these two apart, both tuned, is a filter and no fitness."""
CLEAR = 2.0
"""Standard errors that their means have to lie apart."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One rule on one task.

    Attributes:
        setting: Its best one.
        learning_rate: The best one with it; None if the rule was not scored.
        at_edge: Whether that lies at the end of the grid, so that the rule may be better than it looks.
        mean: Of the losses on fresh seeds.
        deviation: Their standard deviation.
        losses: On fresh seeds, in order.
    """

    rule: str
    setting: str
    learning_rate: float | None
    at_edge: bool
    mean: float
    deviation: float
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Separation:
    """How well one task tells rules apart.

    Attributes:
        standings: The rules, those with the lowest loss first.
        best: The rule with the lowest mean loss.
        d_prime: How far tuned AdamW lies below each other rule, in standard deviations over seeds.
        spread: Standard deviation of the rules' means over that of the seeds.
        fitness: Whether it tells tuned AdamW from tuned SGD with momentum; a task that does not is a filter.
        seconds: Of the processor, for a full run of AdamW and its validation.
        engine: What trained it.
    """

    task: str
    tier: Tier
    version: str
    standings: tuple[Standing, ...]
    best: str
    d_prime: dict[str, float]
    spread: float
    fitness: bool
    seconds: float
    engine: Engine | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether two tasks order the rules alike."""

    search: str
    validate: str
    correlation: Correlation


@dataclass(frozen=True, slots=True)
class TasksReport:
    """What was measured, and how."""

    rules: tuple[str, ...]
    plan: Plan
    separations: tuple[Separation, ...]
    agreements: tuple[Agreement, ...]


def bench(
    names: Sequence[str],
    validating: Sequence[str],
    rules: Sequence[str],
    plan: Plan,
    file: Path,
    jobs: int,
    progress: Callable[[str], None],
) -> TasksReport:
    """Tune every rule on every task and compare.

    Args:
        names: Tasks to search on.
        validating: Tasks to compare them with.
        rules: Who takes part; AdamW and momentum among them.
        plan: How much is trained.
        file: Where results are kept.
        jobs: Processes.
        progress: Is told how far it is.
    """
    work = [Work(task, rule, plan) for task in dict.fromkeys([*names, *validating]) for rule in rules]
    records = collect(measure, {item.key: item for item in work}, Record, file, jobs, progress)
    by_task: dict[str, dict[str, Record]] = {}
    for record in records.values():
        by_task.setdefault(record.task, {})[record.rule] = record
    losses = {task: {rule: record.losses for rule, record in own.items()} for task, own in by_task.items()}
    rng = np.random.default_rng(0)
    return TasksReport(
        rules=tuple(rules),
        plan=plan,
        separations=tuple(_separation(task, by_task[task], losses[task], plan) for task in by_task),
        agreements=tuple(
            Agreement(search, validate, rank_correlation(losses[search], losses[validate], rng))
            for search in names
            for validate in validating
        ),
    )


def _separation(task: str, records: dict[str, Record], losses: Losses, plan: Plan) -> Separation:
    apart = {rule: d_prime(losses, ADAPTIVE, rule) for rule in losses if rule != ADAPTIVE}
    adaptive = records[ADAPTIVE]
    standings = sorted((_standing(record, plan) for record in records.values()), key=_by_loss)
    return Separation(
        task=task,
        tier=tasks.get(task).tier,
        version=tasks.get(task).version,
        standings=tuple(standings),
        best=standings[0].rule,
        d_prime=apart,
        spread=spread(losses),
        fitness=abs(apart[PLAIN]) * math.sqrt(plan.fresh / 2) >= CLEAR,
        seconds=adaptive.seconds / max(1, adaptive.run_steps) * tasks.get(task).steps,
        engine=adaptive.engine,
    )


def _standing(record: Record, plan: Plan) -> Standing:
    rate, losses = record.learning_rate, record.losses
    return Standing(
        rule=record.rule,
        setting=record.setting,
        learning_rate=rate,
        at_edge=rate is not None and not plan.learning_rates[0] < rate < plan.learning_rates[-1],
        mean=fmean(losses) if losses else math.nan,
        deviation=stdev(losses) if len(losses) > 1 else math.nan,
        losses=losses,
    )


def _by_loss(standing: Standing) -> tuple[bool, float]:
    """The lowest first, and those without one last."""
    return not standing.losses, standing.mean


def recorded(report: TasksReport, command: str) -> Measurements:
    """What `discover tasks` shows of a report."""
    return Measurements(
        date=datetime.now(UTC).date().isoformat(),
        command=command,
        machine=f"{platform.machine()}, Python {platform.python_version()}, torch {version('torch')}",
        rules=report.rules,
        seeds=report.plan.fresh,
        tasks={
            each.task: Measured(
                version=each.version,
                seconds=round(each.seconds, 4),
                engine=each.engine,
                separation=_short(each.d_prime[PLAIN]),
                spread=_short(each.spread),
                best=each.best,
            )
            for each in report.separations
        },
    )


def _short(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None
