"""Scores: 1 is the reference, caps hold, seeds are paired."""

from __future__ import annotations

import math
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.scoring import CAP, Fitness, interval, log_ratios, mean_and_half_width

TASKS = ("a", "b")
REFERENCE = {"a": {0: 0.5, 1: 0.6}, "b": {0: 2.0, 1: 2.4}}
loss = st.floats(0, 1e6)
by_task = st.fixed_dictionaries({task: st.fixed_dictionaries({0: loss, 1: loss}) for task in TASKS})


def score(rule: dict[str, dict[int, float]]) -> float:
    return math.exp(fmean(log_ratios(rule, REFERENCE, TASKS).values()))


def test_the_reference_scores_one() -> None:
    assert score(REFERENCE) == 1.0
    assert interval(log_ratios(REFERENCE, REFERENCE, TASKS).values()).score == 1.0


def test_half_the_loss_on_one_of_two_tasks_scores_the_root_of_two() -> None:
    rule = {"a": {0: 0.25, 1: 0.3}, "b": {0: 2.0, 1: 2.4}}
    assert score(rule) == pytest.approx(math.sqrt(2))


def test_a_specialist_gains_no_more_than_the_cap() -> None:
    specialist = {"a": {0: 0.0, 1: 1e-9}, "b": {0: 4.0, 1: 4.8}}
    assert score(specialist) == pytest.approx(math.sqrt(CAP / 2))


@given(by_task, by_task)
def test_scores_are_bounded_and_lower_losses_never_score_worse(
    rule: dict[str, dict[int, float]], better: dict[str, dict[int, float]]
) -> None:
    assert score(rule) * (1 + 1e-12) >= 1 / CAP
    assert score(rule) <= CAP * (1 + 1e-12)
    lower = {task: {seed: min(rule[task][seed], better[task][seed]) for seed in rule[task]} for task in rule}
    assert score(lower) >= score(rule) - 1e-12


def test_only_seeds_that_both_have_on_all_tasks_are_compared() -> None:
    rule = {"a": {0: 0.5, 1: 0.6, 5: 0.1}, "b": {1: 2.4, 0: 2.0, 7: 0.1}}
    reference = {"a": {1: 0.6, 5: 0.3, 7: 1.0}, "b": {1: 2.4, 7: 0.4, 8: 1.0}}
    assert log_ratios(rule, reference, TASKS) == {1: 0.0}
    assert log_ratios({"a": rule["a"]}, reference, TASKS) == {}


def test_the_interval_comes_from_differences_between_paired_seeds() -> None:
    noisy_reference = {"a": {0: 0.1, 1: 1.0, 2: 10.0}}
    rule = {"a": {0: 0.09, 1: 0.9, 2: 9.0}}
    found = interval(log_ratios(rule, noisy_reference, ["a"]).values())
    assert found.score == pytest.approx(1 / 0.9)
    assert found.high - found.low < 1e-9


def test_the_interval_is_students() -> None:
    found = interval([0.0, 0.2])
    half = 12.7062047 * 0.1  # the 97.5 % point of Student's t with one degree of freedom, times the standard error
    assert math.log(found.low) == pytest.approx(0.1 - half)
    assert math.log(found.high) == pytest.approx(0.1 + half)


def test_one_seed_has_no_interval_and_none_no_score() -> None:
    found = interval([math.log(1.1)])
    assert found.score == pytest.approx(1.1)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    with pytest.raises(ValueError, match="nothing"):
        mean_and_half_width([])


KINDS = [Fitness(kind, 2.0, {"a": 0.1, "b": 0.5}) for kind in ("geometric", "rank", "worst")]
ratios = st.fixed_dictionaries({task: st.floats(-20, 20) for task in TASKS})


@pytest.mark.parametrize("fitness", KINDS, ids=lambda fitness: fitness.kind)
def test_every_fitness_gives_the_reference_zero(fitness: Fitness) -> None:
    assert fitness({"a": 0.0, "b": 0.0}) == 0.0


@pytest.mark.parametrize("fitness", KINDS, ids=lambda fitness: fitness.kind)
@given(ratios, ratios)
def test_every_fitness_is_bounded_and_never_falls_where_no_task_does(
    fitness: Fitness, one: dict[str, float], other: dict[str, float]
) -> None:
    higher = {task: max(one[task], other[task]) for task in TASKS}
    assert -math.log(2) - 1e-12 <= fitness(one) <= fitness(higher) + 1e-12 <= math.log(2) + 2e-12


def test_a_specialist_is_worth_most_by_the_mean_and_nothing_by_the_worst() -> None:
    specialist = {"a": 0.6, "b": -0.1}
    geometric, rank, worst = (fitness(specialist) for fitness in KINDS)
    assert geometric == pytest.approx(0.25)
    assert worst == -0.1
    assert rank == pytest.approx(math.log(2) * (1.0 - math.erf(0.2 / math.sqrt(2))) / 2, rel=1e-6)


def test_ranks_do_not_ask_how_far_apart_the_losses_of_a_task_lie() -> None:
    rank = KINDS[1]
    assert rank({"a": 0.1, "b": 0.0}) == pytest.approx(rank({"a": 0.0, "b": 0.5}))
