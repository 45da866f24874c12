"""The settings in which baselines are tried: "beats Lion" means nothing where Lion's betas are made for longer runs.

Every setting takes part in the same race as a candidate, and the best of each rule is what the run compares with. There
is one setting for all tasks of a run, as a candidate has one set of constants for all; only the learning rate is found
anew for each task, for both.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from archive.records import Evaluation, Purpose
from discovery.config import Config
from discovery.scoring import log_loss, losses
from evaluators.job import Outcome
from programs.ir import Program

INITIAL = ("start", "baseline")
"""What stands for an emitter with the rules that are there before the search."""

Setting = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Settings of one rule beside its defaults.

    Attributes:
        values: By hyperparameter; all combinations are tried.
        short: Those worth trying where there is little time, in the order of `values`.
    """

    values: Mapping[str, Setting]
    short: Sequence[Setting]


_ADAM = Grid({"beta1": (0.8, 0.9, 0.95), "beta2": (0.99, 0.999)}, [(0.8, 0.99), (0.9, 0.99)])
_AVERAGE = Grid({"beta": (0.8, 0.9, 0.95)}, [(0.8,)])

GRIDS: Mapping[str, Grid] = {
    "adam": _ADAM,
    "adamw": _ADAM,
    "nadam": _ADAM,
    "nadamw": _ADAM,
    "lion": Grid({"beta1": (0.7, 0.8, 0.9, 0.95), "beta2": (0.8, 0.9, 0.99)}, [(0.8, 0.9), (0.7, 0.8)]),
    "momentum": _AVERAGE,
    "nesterov": _AVERAGE,
    "signum": _AVERAGE,
    "rmsprop": Grid({"beta": (0.9, 0.99, 0.999)}, [(0.9,)]),
    "normalized_sgd": _AVERAGE,
    "muon": Grid({"momentum": (0.8, 0.9, 0.95)}, [(0.8,)]),
}
"""By zoo name. Short memories are in all of them: they are what runs of a few hundred steps ask for."""

_LEAST_EVALUATIONS = 1_000
_LEAST_MINUTES = 10.0
"""Runs that are shorter than either are given the short lists."""


def extent(config: Config) -> Literal["off", "short", "grid"]:
    """How far the baselines of a run are tuned."""
    wanted, budget = config.report.tune_baselines, config.budget
    if wanted != "auto":
        return wanted
    evaluations, minutes = budget.evaluations or math.inf, budget.minutes or math.inf
    return "short" if evaluations < _LEAST_EVALUATIONS or minutes < _LEAST_MINUTES else "grid"


def settings(name: str, program: Program, how_far: Literal["off", "short", "grid"]) -> list[tuple[Program, str]]:
    """A baseline in other settings than its own, each with a note such as "adamw: beta1 0.8, beta2 0.99".

    Args:
        name: What the configuration calls it; only rules of the zoo have a grid.
        program: The rule.
        how_far: Which settings.
    """
    grid = GRIDS.get(name)
    if grid is None or how_far == "off":
        return []
    defaults = {hyper.name: hyper.default for hyper in program.hypers}
    found = []
    for values in itertools.product(*grid.values.values()) if how_far == "grid" else grid.short:
        changed = dict(zip(grid.values, values, strict=True))
        if any(defaults[key] != value for key, value in changed.items()):
            hypers = tuple(replace(hyper, default=changed.get(hyper.name, hyper.default)) for hyper in program.hypers)
            note = f"{name}: " + ", ".join(f"{key} {value:g}" for key, value in changed.items())
            found.append((replace(program, hypers=hypers), note))
    return found


def of_the_start(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """The measurements of start rules and baselines before the search began.

    Rungs that are added to a run later are measured too, but no longer change what its scores are relative to.
    """
    measured = [each for each in evaluations if each.purpose is Purpose.BASELINE]
    first = {job for number, job in enumerate(sorted({each.job for each in measured}), 1) if job == number}
    return [each for each in measured if each.job in first]


def best_setting(family: Sequence[int], start: Collection[Evaluation]) -> int:
    """The setting of a rule with the lowest mean logarithm of its losses over all tasks.

    Args:
        family: The rule and its settings, as candidates; the first is given back if none was scored on all.
        start: What `of_the_start` found.
    """
    budgets = {each.task: max(other.budget for other in start if other.task == each.task) for each in start}
    if not budgets:
        return family[0]
    worths = {}
    for number in family:
        own = [each for each in start if each.candidate == number]
        if all(each.result.outcome is Outcome.SCORED for each in own):
            by_task = losses(each for each in own if each.budget == budgets[each.task])
            if by_task.keys() == budgets.keys():
                means = [fmean(map(log_loss, by_seed.values())) for by_seed in by_task.values()]
                worths[number] = fmean(means)
    return min(worths, key=lambda number: (worths[number], number), default=family[0])
