"""Stage 2: does it hold elsewhere? Other data, architectures and horizons, none of which the search has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from discovery.funnel.lab import Lab
from discovery.funnel.overfitting import Curve, Leader, curve
from discovery.funnel.races import raced
from discovery.funnel.settings import Settings, Trainer
from discovery.funnel.statistics import Comparison, RankCorrelation, compare, rank_correlation
from programs.ir import Program

STAGE = "validation"


@dataclass(frozen=True, slots=True)
class Validated:
    """A candidate on the validation tasks, all together and one by one, against AdamW.

    Attributes:
        overall: Over all tasks.
        tasks: By task; intervals corrected for the number of tasks as well.
        passed: Whether it is ahead of AdamW at all.
        reason: In words.
    """

    overall: Comparison
    tasks: Mapping[str, Comparison]
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """What the run's search scores are worth elsewhere.

    Attributes:
        ranks: Do they rank rules as the validation tasks do?
        scores: Candidate, search score and validation score of the rules that this was asked of.
        curve: The meta-overfitting curve.
    """

    ranks: RankCorrelation
    scores: tuple[tuple[int, float, float], ...]
    curve: Curve


def validate(
    lab: Lab,
    trainer: Trainer,
    settings: Settings,
    candidates: Mapping[int, Program],
    reference: Program,
    tried: int,
) -> dict[int, Validated]:
    """Measure candidates, given by number, on the validation tasks.

    Raises:
        ExecutorError, SandboxError, StoreError: As `Lab.run`.
    """
    tasks, seeds = settings.validation, trainer.seeds(STAGE, settings.validation_seeds)
    found = raced(lab, STAGE, trainer, {0: reference, **candidates}, tasks, seeds)
    return {
        number: _verdict(
            compare(found[number], found[0], tasks, tried),
            {task: compare(found[number], found[0], [task], tried * len(tasks)) for task in tasks},
        )
        for number in candidates
    }


def transfer(
    lab: Lab,
    trainer: Trainer,
    settings: Settings,
    ranked: Mapping[int, float],
    led: Sequence[Leader],
    evaluations: int,
    programs: Mapping[int, Program],
    reference: Program,
) -> Transfer:
    """Compare the search's ranks with those of the validation tasks, and follow its leaders.

    Args:
        ranked: Search scores by candidate.
        led: Leaders of the run.
        evaluations: Of the whole run.
        programs: All these candidates.
        reference: AdamW.

    Raises:
        ExecutorError, SandboxError, StoreError: As `Lab.run`.
    """
    tasks, seeds = settings.validation, trainer.seeds(STAGE, settings.validation_seeds)
    asked = {number: programs[number] for number in dict.fromkeys([*ranked, *(each.candidate for each in led)])}
    found = raced(lab, STAGE, trainer, {0: reference, **asked}, tasks, seeds)
    outcomes = {number: compare(found[number], found[0], tasks, 1) for number in asked}
    scores = tuple(
        (number, score, outcomes[number].interval.score) for number, score in ranked.items() if outcomes[number].seeds
    )
    ranks = rank_correlation([score for _, score, _ in scores], [score for _, _, score in scores])
    return Transfer(ranks, scores, curve(led, evaluations, found, found[0], tasks))


def _verdict(overall: Comparison, tasks: Mapping[str, Comparison]) -> Validated:
    if not overall.seeds:
        failed = ", ".join(task for task, found in tasks.items() if not found.seeds)
        return Validated(overall, tasks, False, f"failed on {failed}")
    score = overall.interval.score
    return Validated(overall, tasks, score > 1, f"score {score:.3f} against AdamW on validation tasks")
