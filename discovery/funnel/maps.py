"""How much a rule minds being set wrongly: its loss over learning rates and weight decays, batch sizes and widths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from discovery.funnel.lab import Course, Lab
from discovery.funnel.settings import Settings, Trainer
from discovery.funnel.space import DECAY, set_hypers, with_decay
from evaluators.job import Job, Outcome, Report
from programs.ir import Program

STAGE = "map"
_RATE_FACTORS = tuple(10 ** (step / 2) for step in range(-3, 4))
_DECAYS = (0.0, 0.01, 0.1, 0.3, 1.0)
_WITHIN = 0.05


@dataclass(frozen=True, slots=True)
class Map:
    """Mean losses over a grid; None where a run died or learned nothing.

    Attributes:
        task: Trained on.
        across: What changes along a row: learning rates.
        down: What changes from row to row, in words.
        losses: Row by row.
        decades: How many decades of learning rates come within 5 % of the best of their row.
    """

    task: str
    across: tuple[float, ...]
    down: tuple[str, ...]
    losses: tuple[tuple[float | None, ...], ...]
    decades: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Maps:
    """The maps of one rule: learning rate by weight decay, and by variant of the task."""

    decay: Map
    variants: Map


def maps(
    lab: Lab, trainer: Trainer, settings: Settings, rules: Mapping[str, tuple[Program, float]], task: str
) -> dict[str, Maps]:
    """Map rules, given by name with their best learning rate on the task; one without weight decay is given it here.

    Raises:
        ExecutorError, SandboxError, StoreError: As `Lab.run`.
    """
    courses = [_course(with_decay(program), rate, task, trainer, settings) for program, rate in rules.values()]
    return dict(zip(rules, lab.run(STAGE, courses), strict=True))


def _course(program: Program, rate: float, task: str, trainer: Trainer, settings: Settings) -> Course[Maps]:
    seeds = trainer.seeds(STAGE, settings.map_seeds)
    rates = tuple(float(f"{rate * factor:.3g}") for factor in _RATE_FACTORS)
    places = [task, *(f"{task}@{variant}" for variant in settings.variants)]
    rows = [[trainer.at(set_hypers(program, {DECAY: decay}), task, seeds, each) for each in rates] for decay in _DECAYS]
    rows += [[trainer.at(program, place, seeds, each) for each in rates] for place in places]
    jobs: list[Job] = [job for row in rows for job in row]
    reports = yield jobs
    losses = [_means(reports[start : start + len(rates)]) for start in range(0, len(jobs), len(rates))]
    spans = [_decades(rates, row) for row in losses]
    cut = len(_DECAYS)
    names = tuple(f"{decay:g}" for decay in _DECAYS)
    by_decay = Map(task, rates, names, tuple(losses[:cut]), tuple(spans[:cut]))
    return Maps(by_decay, Map(task, rates, tuple(places), tuple(losses[cut:]), tuple(spans[cut:])))


def _means(reports: Sequence[Report]) -> tuple[float | None, ...]:
    results = [report.results[0] for report in reports]
    return tuple(fmean(result.losses) if result.outcome is Outcome.SCORED else None for result in results)


def _decades(rates: Sequence[float], losses: Sequence[float | None]) -> float:
    known = [loss for loss in losses if loss is not None]
    good = [
        rate
        for rate, loss in zip(rates, losses, strict=True)
        if loss is not None and loss <= min(known) * (1 + _WITHIN)
    ]
    return math.log10(max(good) / min(good)) if good else 0.0
