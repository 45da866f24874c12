"""What is concluded from measurements: the same in whatever order they come, and little is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from archive.records import Evaluation, Purpose
from discovery.config import EvaluationConfig
from discovery.scheduling.judge import Judge, SearchError
from discovery.scheduling.ladder import ladder
from evaluators.job import Outcome, Result
from programs import zoo

LADDER = ladder(EvaluationConfig.model_validate({"tasks": ["digits_mlp", "text_ngram"]}), first_seed=0)
SEEDS = (0, 1)


def evaluation(
    candidate: int, task: str, losses: Sequence[float], purpose: Purpose = Purpose.SEARCH, seeds: Sequence[int] = SEEDS
) -> Evaluation:
    """A measurement; a failure if there are no losses."""
    result = Result(outcome=Outcome.DIVERGED, detail="NaN by step 3")
    if losses:
        result = Result(
            outcome=Outcome.SCORED,
            learning_rate=0.1,
            losses=tuple(losses),
            curve=((1, 2.0), (2, 1.0)),
            run_steps=50,
            seconds=2.0,
        )
    return Evaluation(candidate, candidate, purpose, task, "1", tuple(seeds), "cpu", 3, 3.0, result)


def judge_with_reference() -> Judge:
    judge = Judge(LADDER, initial=1)
    for task in ("digits_mlp", "text_ngram"):
        judge.record(evaluation(1, task, (1.0, 1.0), Purpose.BASELINE))
    return judge


def found(number: int, height: float) -> list[Evaluation]:
    """The trainings of a candidate whose score is about `height`."""
    losses = (math.exp(-height - 0.01), math.exp(-height + 0.01))
    return [evaluation(number, task, losses) for task in ("digits_mlp", "text_ngram")]


def crowd(judge: Judge, order: int = 1) -> None:
    for number in list(range(2, 102))[::order]:
        for each in found(number, (number - 50) / 500):
            judge.record(each)


ADAMW = zoo.load("adamw")


def test_a_candidate_is_on_the_rung_whose_trainings_are_all_in() -> None:
    judge = judge_with_reference()
    first, second = found(2, 0.1)
    assert judge.rung(2) == -1
    judge.record(first)
    assert judge.rung(2) == 0
    judge.record(second)
    assert judge.rung(2) == 1
    assert list(judge.ratios(2).values()) == pytest.approx([0.11, 0.09])
    assert judge.on_rung(1) == [2]


def test_verdicts_do_not_depend_on_the_order_of_the_measurements() -> None:
    one, other = judge_with_reference(), judge_with_reference()
    crowd(one)
    crowd(other, order=-1)
    assert one.verdict(70, ADAMW) == other.verdict(70, ADAMW)


def test_a_score_from_two_seeds_is_pulled_towards_the_usual_and_less_so_with_more_seeds() -> None:
    judge = judge_with_reference()
    crowd(judge)
    for each in found(200, 0.3):
        judge.record(each)
    first = judge.verdict(200, ADAMW).score
    for task in ("digits_mlp", "text_ngram"):
        fresh = (math.exp(-0.29), math.exp(-0.31))
        judge.record(evaluation(1, task, (1.0, 1.0), Purpose.REMEASURE, (8, 9)))
        judge.record(evaluation(200, task, fresh, Purpose.REMEASURE, (8, 9)))
    judge.note(judge.verdict(200, ADAMW))
    assert judge.settled(200, (8, 9))
    assert judge.repeats(200) == 2
    second = judge.verdict(200, ADAMW).score
    assert first is not None
    assert second is not None
    assert first < second < math.exp(0.3)


def test_a_repeat_counts_once_the_reference_has_the_same_seeds() -> None:
    judge = judge_with_reference()
    for each in found(2, 0.1):
        judge.record(each)
    judge.note(judge.verdict(2, ADAMW))
    for task in ("digits_mlp", "text_ngram"):
        judge.record(evaluation(2, task, (0.5, 0.5), Purpose.REMEASURE, (8, 9)))
    assert not judge.settled(2, (8, 9))
    assert set(judge.ratios(2)) == {0, 1}
    for task in ("digits_mlp", "text_ngram"):
        judge.record(evaluation(1, task, (1.0, 1.0), Purpose.REMEASURE, (8, 9)))
    assert judge.settled(2, (8, 9))
    assert set(judge.ratios(2)) == {0, 1, 8, 9}


def test_a_failure_is_a_verdict_without_a_score_even_after_good_measurements() -> None:
    judge = judge_with_reference()
    for each in found(2, 0.1):
        judge.record(each)
    judge.record(evaluation(2, "digits_mlp", (), Purpose.REMEASURE, (8, 9)))
    verdict = judge.verdict(2, ADAMW)
    assert (verdict.outcome, verdict.score) == (Outcome.DIVERGED, None)
    assert judge.settled(2, (8, 9))


def test_the_reference_scores_one_whatever_is_usual() -> None:
    judge = judge_with_reference()
    crowd(judge)
    assert judge.verdict(1, ADAMW).score == 1.0


def test_cost_counts_steps_and_no_seconds() -> None:
    judge = judge_with_reference()
    first, second = found(2, 0.1)
    judge.record(first)
    judge.record(replace(second, result=second.result.model_copy(update={"run_steps": 25, "seconds": 99.0})))
    assert judge.cost(2) == 1.5
    assert judge.seconds(2) == 101.0
    assert judge.device_seconds == 105.0


def test_final_measurements_change_no_verdict() -> None:
    judge = judge_with_reference()
    for each in found(2, 0.1):
        judge.record(each)
    before = judge.verdict(2, ADAMW)
    judge.record(evaluation(2, "digits_mlp", (0.1, 0.1), Purpose.FRESH, (70, 71)))
    assert judge.verdict(2, ADAMW) == before


def test_another_version_of_a_task_is_refused() -> None:
    judge = judge_with_reference()
    with pytest.raises(SearchError, match="digits_mlp is at version 2 now, but this run was measured with 1"):
        judge.record(replace(evaluation(2, "digits_mlp", (1.0, 1.0)), task_version="2"))
    crash = replace(evaluation(2, "digits_mlp", ()), task_version="")
    judge.record(crash)  # workers that died said no version


def test_who_was_judged_and_is_not_needed_is_forgotten() -> None:
    judge = judge_with_reference()
    for number in range(2, 1502):
        for each in found(number, 0.0):
            judge.record(each)
        if number != 1400:
            judge.note(judge.verdict(number, ADAMW))
    judge.forget(lambda number: number == 700)
    assert [number for number in range(1, 1502) if judge.rung(number) >= 0] == [1, 700, 1400]
    assert judge.judged == 1499
    assert judge.settled(2, (8, 9))  # nothing is left that a repeat could change
    assert not judge.settled(700, (8, 9))
