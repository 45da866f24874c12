"""What a run has to say about a rule, gathered from its archive for tables and for scripts."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from archive.records import Candidate, Evaluation, Purpose, Verdict
from archive.store import RunStore
from archive.views import summary
from discovery.config import FitnessConfig
from discovery.scoring import Fitness, Interval, interval, log_ratios, losses, mean_and_half_width
from discovery.yardstick import Yardstick, families, yardstick
from evaluators.job import Outcome


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One rule on one task at its best learning rate.

    Attributes:
        purpose: Measured on search seeds (`search`, `baseline`) or on fresh ones (`remeasure`, `fresh`).
        mean: Mean validation loss at the end of the decay, NaN unless scored.
        spread: Standard deviation over seeds, NaN with fewer than two.
        train: Mean training loss at the end of the learning curve.
    """

    task: str
    purpose: Purpose
    outcome: Outcome
    detail: str
    seeds: int
    learning_rate: float | None
    mean: float
    spread: float
    train: float


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule in one run.

    Attributes:
        score: What it ranks by in the search, shrunken; for baselines that took no part, from the search seeds.
        fresh: From seeds that the search never saw, with an interval; None where not measured.
        measures: The numbers that place it in the archive; empty for baselines that did not take part.
    """

    candidate: Candidate
    score: float | None
    fresh: Interval | None
    measures: dict[str, float]
    tasks: tuple[TaskResult, ...]

    def at(self, purpose: Purpose) -> list[TaskResult]:
        """Its results on the tasks, for one purpose."""
        return [result for result in self.tasks if result.purpose is purpose]


def rule_results(store: RunStore, candidates: Iterable[int]) -> list[RuleResult]:
    """The results of some candidates, in the order given."""
    verdicts = {verdict.candidate: verdict for verdict in store.verdicts()}  # the last word on each
    scale = yardstick_of(store)
    reference = store.evaluations(scale.reference)
    return [
        _result(store.candidate(number), store.evaluations(number), verdicts.get(number), reference, scale.fitness)
        for number in candidates
    ]


def yardstick_of(store: RunStore) -> Yardstick:
    """What the scores of a run are relative to."""
    config = FitnessConfig.model_validate(store.info.config.get("fitness", {}))
    measured = store.evaluations(purpose=Purpose.BASELINE)
    initial = [store.candidate(number) for number in sorted({each.candidate for each in measured})]
    return yardstick(config, families(initial), measured)


def best(store: RunStore) -> int | None:
    """The best candidate: by fresh seeds once elites have been measured with them, before that by search score."""
    judged = {verdict.candidate: verdict.score is not None for verdict in store.verdicts()}
    measured = {evaluation.candidate for evaluation in store.evaluations(purpose=Purpose.FRESH)}
    results = rule_results(store, sorted(number for number in measured if judged.get(number)))
    if results:
        return max(results, key=_fresh_score).candidate.id
    leader = summary(store).best
    return None if leader is None else leader.candidate


@dataclass(frozen=True, slots=True)
class SelectionBias:
    """By how much rules looked better when the search chose them than they were with fresh seeds.

    Attributes:
        rules: How many were measured again and did not fail.
        mean: First score minus the score on fresh seeds, over these rules; NaN if there are none.
        low: Lower end of its 95 % interval; NaN with fewer than two rules.
        high: Upper end.
    """

    rules: int
    mean: float
    low: float
    high: float


def selection_bias(store: RunStore, purpose: Purpose) -> SelectionBias:
    """The selection bias of a run, in scores.

    Args:
        store: The run.
        purpose: Which fresh seeds to believe: those of the repeats in the search, or those of the final measurement.
    """
    again: dict[int, list[Evaluation]] = {}
    for evaluation in store.evaluations(purpose=purpose):
        again.setdefault(evaluation.candidate, []).append(evaluation)
    scale = yardstick_of(store)
    reference = store.evaluations(scale.reference)
    found = []
    for number, fresh in again.items():
        looked = {(each.task, each.budget) for each in fresh}
        first = [each for each in store.evaluations(number) if each.purpose is Purpose.SEARCH]
        ratios = [_ratios(own, reference, looked, scale.fitness) for own in (first, fresh)]
        if all(ratios):
            chosen, believed = (math.exp(fmean(values)) for values in ratios)
            found.append(chosen - believed)
    if not found:
        return SelectionBias(0, math.nan, math.nan, math.nan)
    mean, half = mean_and_half_width(found)
    return SelectionBias(len(found), mean, mean - half, mean + half)


def _fresh_score(result: RuleResult) -> float:
    return result.fresh.score if result.fresh else -math.inf


def _result(
    candidate: Candidate,
    own: Sequence[Evaluation],
    verdict: Verdict | None,
    reference: Sequence[Evaluation],
    fitness: Fitness,
) -> RuleResult:
    budgets = {(task, max(e.budget for e in own if e.task == task)) for task in {e.task for e in own}}
    search = [each for each in own if each.purpose in (Purpose.SEARCH, Purpose.BASELINE)]
    fresh = [each for each in own if each.purpose is Purpose.FRESH]
    score = None if verdict is None else verdict.score
    if verdict is None and (ratios := _ratios(search, reference, budgets, fitness)):
        score = math.exp(fmean(ratios))
    finals = {(each.task, each.budget) for each in reference if each.purpose is Purpose.FRESH}
    believed = _ratios(fresh, reference, finals, fitness)
    return RuleResult(
        candidate=candidate,
        score=score,
        fresh=interval(believed) if believed else None,
        measures=dict(verdict.measures) if verdict else {},
        tasks=tuple(map(_task_result, own)),
    )


def _ratios(
    own: Iterable[Evaluation],
    reference: Iterable[Evaluation],
    trainings: Collection[tuple[str, float]],
    fitness: Fitness,
) -> list[float]:
    """Logarithms of scores by seed, on these tasks with these budgets; empty where one is missing or failed."""
    compared = [
        losses(each for each in evaluations if (each.task, each.budget) in trainings)
        for evaluations in (own, reference)
    ]
    tasks = [task for task, _ in trainings]
    return list(log_ratios(compared[0], compared[1], tasks, fitness).values()) if tasks else []


def _task_result(evaluation: Evaluation) -> TaskResult:
    result = evaluation.result
    values = result.losses
    return TaskResult(
        task=evaluation.task,
        purpose=evaluation.purpose,
        outcome=result.outcome,
        detail=result.detail,
        seeds=len(evaluation.seeds),
        learning_rate=result.learning_rate,
        mean=fmean(values) if values else math.nan,
        spread=stdev(values) if len(values) > 1 else math.nan,
        train=fmean(result.train_losses) if result.train_losses else math.nan,
    )
