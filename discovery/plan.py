"""What a run is to do, worked out once from its configuration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from archive.records import Candidate
from discovery.config import Config
from discovery.rules import resolve
from discovery.scoring import REFERENCE
from evaluators.job import HALF_DECADES, Job, Race
from programs.ir import Program
from programs.parse import parse

_FRESH_SEEDS_FROM = 500_000
_SEEDS_PER_RUN = 1_000
MEMORY_LIMIT = 4 * 2**30


@dataclass(frozen=True, slots=True)
class Initial:
    """A rule that is there before the search: a start rule, a baseline, or both."""

    program: Program
    start: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What the scheduler needs to know.

    Attributes:
        seed: Decides the whole run, with the in-process executor bit for bit.
        initial: Start rules and baselines; the reference comes first.
        tasks: Task names, cheapest first: the rungs of the ladder.
        search_seeds: Training seeds of the search.
        fresh_seeds: Training seeds of the final measurement, never used by the search.
        race: The learning-rate search that everybody gets.
        batch: Programs trained together in one job.
        device: Where to train: `auto`, `cpu` or `cuda`.
        time_limit: Seconds for one job.
        finalists: How many elites are measured again at the end.
    """

    seed: int
    initial: tuple[Initial, ...]
    tasks: tuple[str, ...]
    search_seeds: tuple[int, ...]
    fresh_seeds: tuple[int, ...]
    race: Race
    batch: int
    device: str
    time_limit: float
    finalists: int

    def job(self, task: str, sources: Sequence[str], seeds: tuple[int, ...]) -> Job:
        """A job that trains these rules on one task."""
        return Job(
            programs=tuple(sources),
            task=task,
            seeds=seeds,
            race=self.race,
            device=self.device,
            time_limit=self.time_limit,
            memory_limit=MEMORY_LIMIT,
        )


def plan(config: Config, initial: tuple[Initial, ...]) -> Plan:
    """The plan of a configuration, with its rules found."""
    evaluation = config.evaluation
    first = config.seed * _SEEDS_PER_RUN
    rates = HALF_DECADES if evaluation.learning_rates == "auto" else evaluation.learning_rates
    return Plan(
        seed=config.seed,
        initial=initial,
        tasks=tuple(evaluation.tasks),
        search_seeds=tuple(range(first, first + evaluation.seeds)),
        fresh_seeds=tuple(range(_FRESH_SEEDS_FROM + first, _FRESH_SEEDS_FROM + first + evaluation.fresh_seeds)),
        race=Race(learning_rates=rates, scout_fraction=evaluation.scout_fraction, finalists=evaluation.finalists),
        batch=evaluation.batch,
        device=evaluation.device,
        time_limit=evaluation.time_limit,
        finalists=config.report.elites,
    )


def initial_rules(config: Config, runs: Path) -> tuple[Initial, ...]:
    """The start rules and baselines that a configuration names; other runs are looked for in `runs`.

    Raises:
        RuleError: One cannot be found or read.
        RunError, ArchiveError: The run that one comes from cannot be opened.
    """
    names = dict.fromkeys([REFERENCE, *config.report.baselines, *config.start])
    return tuple(Initial(resolve(name, runs).program, start=name in config.start) for name in names)


def initial_rules_of(candidates: Iterable[Candidate]) -> tuple[Initial, ...]:
    """The same, as a run keeps them: a rule file may be gone or edited when the run is resumed."""
    kept = (candidate for candidate in candidates if candidate.emitter in ("start", "baseline"))
    return tuple(Initial(parse(candidate.source), start=candidate.emitter == "start") for candidate in kept)
