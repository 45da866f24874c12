"""What a run is to do, worked out once from its configuration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archive.records import Candidate
from discovery.baselines import INITIAL, extent, settings
from discovery.config import Config, FitnessConfig, NoiseConfig
from discovery.rules import resolve
from discovery.scheduling.ladder import Ladder, ladder
from discovery.scoring import REFERENCE
from evaluators.job import HALF_DECADES, Engine, Job, Race
from programs.canon import structure
from programs.ir import Program
from programs.parse import parse

_REPEATS_FROM = 250_000
_FRESH_SEEDS_FROM = 500_000
_SEEDS_PER_RUN = 1_000
MEMORY_LIMIT = 4 * 2**30


@dataclass(frozen=True, slots=True)
class Initial:
    """A rule that is there before the search: a start rule, a baseline, or both.

    Attributes:
        program: The rule.
        start: Whether the search sets out from it.
        base: Of another setting of a baseline, the number of the baseline, from 1.
        note: Which setting that is.
    """

    program: Program
    start: bool
    base: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the scheduler needs to know.

    Attributes:
        seed: Decides the whole run, with the in-process executor bit for bit.
        initial: Start rules and baselines; the reference comes first.
        tasks: Task names, cheapest first.
        ladder: The rungs that candidates climb, with the training seeds of the search.
        noise: How much is repeated during the search.
        fitness: What is made of the losses on several tasks.
        fresh_seeds: Training seeds of the final measurement, never used by the search.
        race: The learning-rate search that everybody gets.
        hurdle: The share of candidates that go on from scouting at each step of the ladder; None for all.
        batch: Programs trained together in one job.
        device: Where to train: `auto`, `cpu` or `cuda`.
        engine: What trains.
        time_limit: Seconds for one job.
        finalists: How many elites are measured again at the end.
    """

    seed: int
    initial: tuple[Initial, ...]
    tasks: tuple[str, ...]
    ladder: Ladder
    noise: NoiseConfig
    fitness: FitnessConfig
    fresh_seeds: tuple[int, ...]
    race: Race
    hurdle: float | None
    batch: int
    device: str
    engine: Engine
    time_limit: float
    finalists: int

    @property
    def families(self) -> dict[int, tuple[int, ...]]:
        """The numbers of the initial rules that are settings of one rule, by the rule's own number."""
        found: dict[int, tuple[int, ...]] = {}
        for number, each in enumerate(self.initial, 1):
            base = each.base or number
            found[base] = (*found.get(base, ()), number)
        return found

    def repeat_seeds(self, repeats: int) -> tuple[int, ...]:
        """The seeds of the next repeat of a rule that was trained again with so many: the same for all such rules."""
        first = _REPEATS_FROM + self.seed * _SEEDS_PER_RUN + repeats
        return tuple(range(first, first + self.noise.seeds))

    def job(
        self,
        task: str,
        sources: Sequence[str],
        seeds: tuple[int, ...],
        budget: float = 1.0,
        hurdle: float | None = None,
    ) -> Job:
        """A job that trains these rules on one task, for a share of its steps, with a hurdle to take after scouting."""
        return Job(
            programs=tuple(sources),
            task=task,
            seeds=seeds,
            race=self.race,
            budget=budget,
            hurdle=hurdle,
            device=self.device,
            engine=self.engine,
            time_limit=self.time_limit,
            memory_limit=MEMORY_LIMIT,
        )


def plan(config: Config, initial: tuple[Initial, ...]) -> Plan:
    """The plan of a configuration, with its rules found."""
    evaluation = config.evaluation
    first = config.seed * _SEEDS_PER_RUN
    climb = ladder(evaluation, first)
    rates = HALF_DECADES if evaluation.learning_rates == "auto" else evaluation.learning_rates
    return Plan(
        seed=config.seed,
        initial=initial,
        tasks=tuple(evaluation.tasks),
        ladder=climb,
        noise=config.noise,
        fitness=config.fitness,
        fresh_seeds=tuple(range(_FRESH_SEEDS_FROM + first, _FRESH_SEEDS_FROM + first + evaluation.fresh_seeds)),
        race=Race(
            learning_rates=rates,
            scout_fraction=evaluation.scout_fraction,
            finalists=min(Race().finalists, len(rates)) if evaluation.finalists == "auto" else evaluation.finalists,
        ),
        # The same share at every step, so that no task decides alone.
        hurdle=None if evaluation.hurdle is None else evaluation.hurdle ** (1 / len(climb.steps)),
        batch=evaluation.batch,
        device=evaluation.device,
        engine=Engine(evaluation.engine),
        time_limit=evaluation.time_limit,
        finalists=config.report.elites,
    )


def initial_rules(config: Config, runs: Path) -> tuple[Initial, ...]:
    """The start rules and baselines that a configuration names, then other settings of the baselines.

    Other runs are looked for in `runs`.

    Raises:
        RuleError: One cannot be found or read.
        RunError, ArchiveError: The run that one comes from cannot be opened.
    """
    by_form: dict[str, Initial] = {}  # a start rule that is a baseline under another name is not trained twice
    baselines = dict.fromkeys([REFERENCE, *config.report.baselines])
    for name in dict.fromkeys([*baselines, *config.start]):
        program, start = resolve(name, runs).program, name in config.start
        same = by_form.setdefault(structure(program), Initial(program, start))
        by_form[structure(program)] = replace(same, start=same.start or start)
    numbers = {form: number for number, form in enumerate(by_form, 1)}
    for name in baselines:
        rule = resolve(name, runs).program
        for program, note in settings(name, rule, extent(config)):
            form = structure(program)
            known = by_form.get(form, Initial(program, start=False))
            if form not in numbers or known.start:  # a baseline of its own stays one
                by_form[form] = replace(known, base=numbers[structure(rule)], note=note)
    return tuple(by_form.values())


def initial_rules_of(candidates: Iterable[Candidate]) -> tuple[Initial, ...]:
    """The same, as a run keeps them: a rule file may be gone or edited when the run is resumed."""
    kept = (candidate for candidate in candidates if candidate.emitter in INITIAL)
    return tuple(
        Initial(
            parse(candidate.source),
            start=candidate.emitter == "start",
            base=candidate.parents[0] if candidate.parents else None,
            note=candidate.note,
        )
        for candidate in kept
    )
