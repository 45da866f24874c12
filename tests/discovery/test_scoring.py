"""Scores: 1 is the reference, caps hold, seeds are paired."""

from __future__ import annotations

import math
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.scoring import CAP, interval, log_ratios, mean_and_half_width

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
