"""What a run has to say about a rule, gathered from its archive for tables and for scripts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from archive.records import Candidate, Evaluation, Purpose, Verdict
from archive.store import RunStore
from archive.views import summary
from discovery.scoring import REFERENCE, Interval, Losses, losses, paired_interval, score
from evaluators.job import Outcome


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One rule on one task at its best learning rate.

    Attributes:
        purpose: Measured on search seeds (`search`, `baseline`) or on fresh ones (`fresh`).
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
        score: From the search seeds; for elites it is biased upwards by the selection.
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
    everything = store.evaluations()
    verdicts = {verdict.candidate: verdict for verdict in store.verdicts()}
    reference = next(c.id for c in store.candidates() if c.name == REFERENCE and not c.parents)
    return [_result(store.candidate(number), everything, verdicts.get(number), reference) for number in candidates]


def best(store: RunStore) -> int | None:
    """The best candidate: by fresh seeds once elites have been measured with them, before that by search score."""
    judged = {verdict.candidate for verdict in store.verdicts() if verdict.score is not None}
    measured = {evaluation.candidate for evaluation in store.evaluations(purpose=Purpose.FRESH)} & judged
    if measured:
        return max(rule_results(store, sorted(measured)), key=_fresh_score).candidate.id
    leader = summary(store).best
    return None if leader is None else leader.candidate


def _fresh_score(result: RuleResult) -> float:
    return result.fresh.score if result.fresh else -math.inf


def _result(
    candidate: Candidate, everything: Sequence[Evaluation], verdict: Verdict | None, reference: int
) -> RuleResult:
    own = [evaluation for evaluation in everything if evaluation.candidate == candidate.id]
    compared = [evaluation for evaluation in everything if evaluation.candidate == reference]
    search, search_reference = _split(own, fresh=False), _split(compared, fresh=False)
    fresh, fresh_reference = _split(own, fresh=True), _split(compared, fresh=True)
    comparable = bool(fresh) and fresh.keys() == fresh_reference.keys()
    scored = bool(search) and search.keys() == search_reference.keys()
    return RuleResult(
        candidate=candidate,
        score=score(search, search_reference) if scored else None,
        fresh=paired_interval(fresh, fresh_reference) if comparable else None,
        measures=dict(verdict.measures) if verdict else {},
        tasks=tuple(map(_task_result, own)),
    )


def _split(evaluations: Sequence[Evaluation], *, fresh: bool) -> Losses:
    """The losses of the scored evaluations, on fresh seeds or on those of the search."""
    return losses(
        [e for e in evaluations if (e.purpose is Purpose.FRESH) == fresh and e.result.outcome is Outcome.SCORED]
    )


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
        mean=float(np.mean(values)) if values else float("nan"),
        spread=float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"),
        train=float(np.mean(result.train_losses)) if result.train_losses else float("nan"),
    )
