"""How much the funnel measures, and how: the same for every rule that is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from discovery.plan import MEMORY_LIMIT
from evaluators import tasks
from evaluators.job import Job, Race
from programs.ir import Program
from programs.show import show

BASELINES = ("adamw", "nadamw", "lion", "nesterov", "rmsprop", "muon")
"""Who every candidate is compared with, besides the known rule that is nearest to it."""
VARIANTS = ("horizon=2", "batch=2", "width=2")
"""What rules are tuned on, besides the task itself: twice the steps, the batch and the width."""
MARGIN = 0.02
"""Share of the loss by which a simpler rule has to be proven not to be worse."""

_FIRST_SEED = 10_000_000
_SEEDS_PER_STAGE = 1_000_000
_SEEDS_PER_RUN = 1_000
_STAGES = ("fresh", "validation", "tuning", "final", "simplify", "test", "map")


@dataclass(frozen=True, slots=True)
class Settings:
    """The sizes of all stages.

    Attributes:
        fresh_seeds: Seeds of the first stage.
        validation: Tasks of the second stage.
        validation_seeds: Its seeds.
        ranked: Rules of the archive whose ranks on search and validation tasks are compared.
        tuned: Tasks that rules are tuned on, each alone and with every variant.
        simplified: Those of them that a simpler rule has to stay good on; all where there are none. Tasks whose loss
            differs much from seed to seed can show little.
        variants: Changes to those tasks, as in `task@horizon=2`.
        trials: Of the tuner, for every rule on every setting.
        tuning_seeds: Seeds of a trial.
        check_seeds: Seeds with which the best trials are trained again, before one of them is chosen.
        final_seeds: Seeds that tuned rules are compared on.
        screen_seeds: Seeds on which changes are looked at first, to try only some in earnest.
        simplify_seeds: Seeds on which a simpler rule has to be as good.
        margin: See `MARGIN`.
        tests: Sealed tasks of the fifth stage.
        test_seeds: Its seeds.
        map_seeds: Seeds of the sensitivity maps.
        budget: Share of the tasks' own steps that everything is trained for.
    """

    validation: tuple[str, ...]
    tuned: tuple[str, ...]
    tests: tuple[str, ...]
    simplified: tuple[str, ...] = ()
    variants: tuple[str, ...] = VARIANTS
    fresh_seeds: int = 6
    validation_seeds: int = 4
    ranked: int = 24
    trials: int = 32
    tuning_seeds: int = 2
    check_seeds: int = 4
    final_seeds: int = 10
    screen_seeds: int = 3
    simplify_seeds: int = 16
    margin: float = MARGIN
    test_seeds: int = 10
    map_seeds: int = 2
    budget: float = 1.0

    @classmethod
    def of(
        cls,
        *,
        validation: Sequence[str],
        tuned: Sequence[str],
        tests: Sequence[str] = (),
        quick: bool = False,
        **chosen: float | Sequence[str] | None,
    ) -> Settings:
        """Sizes as chosen, and the defaults where nothing or None was.

        Raises:
            ValueError: There is no such task.
        """
        sizes: dict[str, Any] = _QUICK if quick else {}
        sizes = sizes | {name: value for name, value in chosen.items() if value is not None}
        found = cls(validation=tuple(validation), tuned=tuple(tuned), tests=tuple(tests), **sizes)
        if not found.tuned:
            raise ValueError("There is no task to tune on.")
        if other := set(found.simplified) - set(found.tuned):
            raise ValueError(f"Nobody is tuned on {', '.join(sorted(other))}, so that no rule can be simplified there.")
        for name in (*found.validation, *found.settings, *found.tests):
            tasks.get(name)
        return found

    @property
    def settings(self) -> tuple[str, ...]:
        """Everything that rules are tuned on: each task, and its variants."""
        return tuple(
            name for task in self.tuned for name in (task, *(f"{task}@{variant}" for variant in self.variants))
        )


_QUICK: dict[str, Any] = {
    "variants": (),
    "fresh_seeds": 4,
    "validation_seeds": 3,
    "ranked": 8,
    "trials": 8,
    "check_seeds": 2,
    "final_seeds": 4,
    "screen_seeds": 2,
    "simplify_seeds": 6,
    "margin": 0.05,
    "test_seeds": 4,
    "map_seeds": 1,
    "budget": 0.3,
}


@dataclass(frozen=True, slots=True)
class Trainer:
    """Asks for trainings, for every rule in the same way.

    Attributes:
        race: The learning-rate search where there is one.
        device: Where to train.
        time_limit: Seconds for one job.
        seed: Of the run; seeds of different runs differ.
        budget: Share of the tasks' steps.
    """

    race: Race
    device: str
    time_limit: float
    seed: int
    budget: float = 1.0

    def seeds(self, stage: str, count: int) -> tuple[int, ...]:
        """The seeds of a stage: never those of the search, nor of another stage."""
        first = _FIRST_SEED + _STAGES.index(stage) * _SEEDS_PER_STAGE + self.seed * _SEEDS_PER_RUN
        return tuple(range(first, first + count))

    def raced(self, programs: Sequence[Program], task: str, seeds: tuple[int, ...]) -> Job:
        """Rules with the learning-rate search that everybody gets."""
        return self._job(programs, task, seeds, self.race, self.budget)

    def at(self, program: Program, task: str, seeds: tuple[int, ...], rate: float, share: float = 1.0) -> Job:
        """A rule at one learning rate, for a share of the usual steps."""
        race = Race(learning_rates=(rate,), scout_fraction=1, finalists=1, hopeless=self.race.hopeless)
        return self._job([program], task, seeds, race, self.budget * share)

    def around(
        self, programs: Sequence[Program], task: str, seeds: tuple[int, ...], rates: Sequence[float], share: float = 1.0
    ) -> Job:
        """Rules with a short search among a few learning rates."""
        race = Race(learning_rates=tuple(sorted(rates)), finalists=1, hopeless=self.race.hopeless)
        return self._job(programs, task, seeds, race, self.budget * share)

    def _job(self, programs: Sequence[Program], task: str, seeds: tuple[int, ...], race: Race, budget: float) -> Job:
        return Job(
            programs=tuple(map(show, programs)),
            task=task,
            seeds=seeds,
            race=race,
            budget=budget,
            device=self.device,
            time_limit=self.time_limit,
            memory_limit=MEMORY_LIMIT,
        )
