"""What a run says of its rules: scores that count every seed, and by how much the search flattered them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from archive.records import Purpose
from discovery.loop import drive, prepare
from discovery.results import best, rule_results, selection_bias
from discovery.runs import Run
from evaluators.job import Outcome
from free_executor import Silent
from noisy_executor import NoisyExecutor

NOISY = {"noise": {"share": 0.3, "after": 20}, "budget": {"evaluations": 150}, "report": {"elites": 6}}


@pytest.fixture
def finished(make_run: Callable[..., Run]) -> Run:
    run = make_run(**NOISY)
    drive(prepare(run), NoisyExecutor(), Silent())
    return run


def test_rules_that_the_search_chose_looked_better_than_they_are(finished: Run) -> None:
    for purpose in (Purpose.REMEASURE, Purpose.FRESH):
        bias = selection_bias(finished.store, purpose)
        assert bias.rules >= 3
        assert bias.mean > 0.03
        assert bias.low < bias.mean < bias.high
    repeats = finished.store.evaluations(purpose=Purpose.REMEASURE)
    known = {evaluation.candidate for evaluation in repeats if evaluation.candidate > 3}
    assert selection_bias(finished.store, Purpose.REMEASURE).rules <= len(known)


def test_a_run_without_repeats_knows_no_bias(make_run: Callable[..., Run]) -> None:
    run = make_run(noise={"share": 0})
    drive(prepare(run), NoisyExecutor(), Silent())
    bias = selection_bias(run.store, Purpose.REMEASURE)
    assert bias.rules == 0
    assert math.isnan(bias.mean)


def test_the_score_of_a_rule_is_its_last_verdict_and_that_of_a_baseline_is_measured(finished: Run) -> None:
    last = {verdict.candidate: verdict.score for verdict in finished.store.verdicts()}
    revised = max(finished.store.verdicts(), key=lambda verdict: verdict.revision).candidate
    reference, lion, found = rule_results(finished.store, [1, 2, revised])
    assert reference.score == 1.0
    assert lion.score == pytest.approx(math.exp(sum(_paired(finished, 2)) / 2))
    assert found.score == last[revised]
    assert found.at(Purpose.REMEASURE)
    assert reference.fresh is not None
    assert reference.fresh.score == 1.0


def _paired(run: Run, candidate: int) -> list[float]:
    """The mean logarithm of the ratios on each task, straight from the stored losses."""
    own, known = (
        [e.result.losses for e in run.store.evaluations(number, Purpose.BASELINE)] for number in (candidate, 1)
    )
    return [
        sum(math.log(theirs / mine) for mine, theirs in zip(one, other, strict=True)) / len(one)
        for one, other in zip(own, known, strict=True)
    ]


def test_the_best_rule_is_the_best_with_fresh_seeds(finished: Run) -> None:
    leader = best(finished.store)
    assert leader is not None
    measured = {e.candidate for e in finished.store.evaluations(purpose=Purpose.FRESH)}
    judged = {v.candidate for v in finished.store.verdicts() if v.outcome is Outcome.SCORED}
    scores = {
        each.candidate.id: each.fresh.score for each in rule_results(finished.store, measured & judged) if each.fresh
    }
    assert scores
    assert leader == max(scores, key=lambda number: scores[number])
