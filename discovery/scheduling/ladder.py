"""The rungs that candidates climb: first few steps, then more tasks, then more seeds, so that the hopeless cost little.

Every rung says what its rules are compared on; of that, only what no lower rung has measured is trained. Whoever
completes a rung goes on at once if it is among the best share of all that completed the rung so far, and is judged
there otherwise: asynchronous successive halving with early stopping, which never waits for a rung to fill. Nothing is
trained again when rungs are added on top later.

Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020, https://arxiv.org/abs/1810.05934; rungs added
later: Brandt et al., "Iterative Deepening Hyperband", 2023, https://arxiv.org/abs/2302.00511.
"""

from __future__ import annotations

from dataclasses import dataclass

from discovery.config import EvaluationConfig, RungConfig


@dataclass(frozen=True, slots=True)
class Rung:
    """What rules are compared on.

    Attributes:
        tasks: Names, cheapest first.
        budget: Share of each task's steps.
        seeds: Training seeds.
        keep: The share of those that completed it that goes on to the next.
        gates: How many rungs below it keep less than everybody.
    """

    tasks: tuple[str, ...]
    budget: float
    seeds: tuple[int, ...]
    keep: float
    gates: int


@dataclass(frozen=True, slots=True)
class Step:
    """One training on the way up: what a rung adds on one task.

    Attributes:
        rung: Which rung it belongs to, from 0.
        task: A task of the rung.
        budget: Share of the task's steps.
        seeds: The seeds of the rung that no earlier step trained on this task with this budget.
    """

    rung: int
    task: str
    budget: float
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ladder:
    """All rungs, and the trainings that lead up."""

    rungs: tuple[Rung, ...]
    steps: tuple[Step, ...]

    @property
    def top(self) -> Rung:
        """The rung that the best are compared on."""
        return self.rungs[-1]

    def find(self, task: str, budget: float, seeds: tuple[int, ...]) -> int | None:
        """Which step a training belongs to; None if to none."""
        for number, step in enumerate(self.steps):
            if (step.task, step.budget, step.seeds) == (task, budget, seeds):
                return number
        return None

    def ends_rung(self, step: int) -> bool:
        """Whether nothing is left to train on the rung of this step."""
        return step == len(self.steps) - 1 or self.steps[step + 1].rung > self.steps[step].rung


def ladder(evaluation: EvaluationConfig, first_seed: int) -> Ladder:
    """The ladder of a configuration.

    Args:
        evaluation: What it says of rungs.
        first_seed: Where the training seeds begin.
    """
    rungs: list[Rung] = []
    gates = 0
    for rung in _rungs(evaluation):
        assert rung.tasks is not None
        assert rung.seeds is not None
        rungs.append(Rung(rung.tasks, rung.steps, tuple(range(first_seed, first_seed + rung.seeds)), rung.keep, gates))
        gates += rung.keep < 1
    steps: list[Step] = []
    for number, each in enumerate(rungs):
        for task in each.tasks:
            done = {seed for step in steps if (step.task, step.budget) == (task, each.budget) for seed in step.seeds}
            if missing := tuple(seed for seed in each.seeds if seed not in done):
                steps.append(Step(number, task, each.budget, missing))
    return Ladder(tuple(rungs), tuple(steps))


def extends(new: EvaluationConfig, old: EvaluationConfig) -> bool:
    """Whether a run that was started with `old` can go on with `new`: the same, but for rungs added on top.

    How many the former top rung keeps is free to say as well, since nobody went on from there.
    """
    before, after = _rungs(old), _rungs(new)[: len(_rungs(old))]
    free = {"keep": 1.0}
    same = [rung.model_copy(update=free) for rung in after[-1:]] == [
        rung.model_copy(update=free) for rung in before[-1:]
    ]
    rest = {"rungs": None}
    return same and after[:-1] == before[:-1] and new.model_copy(update=rest) == old.model_copy(update=rest)


def _rungs(evaluation: EvaluationConfig) -> tuple[RungConfig, ...]:
    """The rungs with everything said; by default one for each task, on which everybody goes on who does not fail."""
    tasks, seeds = evaluation.tasks, evaluation.seeds
    if evaluation.rungs is None:
        return tuple(RungConfig(tasks=tasks[: number + 1], seeds=seeds) for number in range(len(tasks)))
    defaults = {"tasks": tasks, "seeds": seeds}
    missing = [
        {key: value for key, value in defaults.items() if getattr(rung, key) is None} for rung in evaluation.rungs
    ]
    return tuple(rung.model_copy(update=update) for rung, update in zip(evaluation.rungs, missing, strict=True))
