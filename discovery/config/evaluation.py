"""`evaluation`: how a rule is measured."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from discovery.config.section import Section
from discovery.config.types import LearningRates, Some, TaskName
from evaluators import tasks
from evaluators.job import Race

_RACE = Race()
_MOST_SEEDS = 1_000


class RungConfig(Section):
    """What rules are compared on before the best go on to the next rung. Nothing is trained twice on the way.

    Attributes:
        tasks: Null for all of `evaluation.tasks`.
        steps: Share of each task's steps.
        seeds: Trainings per task; null for `evaluation.seeds`.
        keep: The share that goes on, of all that completed the rung so far.
    """

    tasks: Annotated[Some[TaskName], Field(min_length=1)] | None = None
    steps: Annotated[float, Field(gt=0, le=1)] = 1.0
    seeds: Annotated[int, Field(ge=1, le=_MOST_SEEDS)] | None = None
    keep: Annotated[float, Field(gt=0, le=1)] = 1.0


class EvaluationConfig(Section):
    """How a rule is measured; candidate and baseline alike.

    Attributes:
        tasks: What it trains, cheapest first: a rule that fails one task is not trained on the next.
        seeds: Trainings per task in the search.
        fresh_seeds: Trainings per task in the last measurement, with seeds that the search never saw.
        rungs: How candidates climb from cheap measurements to dear ones; null for one rung per task, on which everybody
            goes on who does not fail. A run can be resumed with more rungs on top.
        learning_rates: What every rule tries; `auto` for half decades from 1e-4 to 3.
        scout_fraction: Share of the steps that every learning rate is first given.
        hurdle: The share of candidates that go on from there, over all tasks together; null for everybody who learned.
        finalists: The number of learning rates that are then trained in full; `auto` for three, or all where there are
            fewer.
        batch: Programs trained together in one job.
        device: `auto` for a GPU where there is one.
        engine: What trains; `auto` for the fastest that can be had. Which one it was does not change what a rule is
            worth, but for rounding.
        sandbox: The level of isolation, from 0 (none) to 3; `auto` for the highest that works where a worker runs. A
            number is a demand: where it cannot be had, nothing runs.
        time_limit: Seconds for one job.
    """

    tasks: Annotated[Some[TaskName], Field(min_length=1)] = tasks.DEFAULT
    seeds: Annotated[int, Field(ge=1, le=_MOST_SEEDS)] = 2
    fresh_seeds: Annotated[int, Field(ge=2, le=_MOST_SEEDS)] = 8
    rungs: Annotated[tuple[RungConfig, ...], Field(strict=False, min_length=1)] | None = None
    learning_rates: Literal["auto"] | LearningRates = "auto"
    scout_fraction: Annotated[float, Field(gt=0, le=1)] = _RACE.scout_fraction
    hurdle: Annotated[float, Field(gt=0, lt=1)] | None = 0.4
    finalists: Literal["auto"] | PositiveInt = "auto"
    batch: PositiveInt = 8
    device: Literal["auto", "cpu", "cuda"] = "auto"
    engine: Literal["auto", "native", "torch"] = "auto"
    sandbox: Literal["auto"] | Annotated[int, Field(ge=0, le=3)] = "auto"
    time_limit: PositiveFloat = 600.0

    @model_validator(mode="after")
    def _enough_learning_rates(self) -> Self:
        rates = _RACE.learning_rates if self.learning_rates == "auto" else self.learning_rates
        if self.finalists != "auto" and self.finalists > len(rates):
            raise ValueError(f"finalists is {self.finalists}, but there are only {len(rates)} learning_rates")
        return self

    @model_validator(mode="after")
    def _rungs_of_known_tasks(self) -> Self:
        seen: set[tuple[str, float, int]] = set()
        for number, rung in enumerate(self.rungs or (), 1):
            for task in rung.tasks or ():
                if task not in self.tasks:
                    raise ValueError(f"rung {number} names the task {task}, which is not among evaluation.tasks")
            budgets = {
                (task, rung.steps, seed)
                for task in rung.tasks or self.tasks
                for seed in range(rung.seeds or self.seeds)
            }
            if budgets <= seen:
                raise ValueError(f"rung {number} trains nothing that the rungs before it do not")
            seen |= budgets
        return self
