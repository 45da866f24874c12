"""Scores: 1 is the reference, caps hold, seeds are paired."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.scoring import CAP, paired_interval, score

REFERENCE = {"a": (0.5, 0.6), "b": (2.0, 2.4)}
loss = st.floats(1e-6, 1e6)
by_task = st.fixed_dictionaries({"a": st.tuples(loss, loss), "b": st.tuples(loss, loss)})


def test_the_reference_scores_one() -> None:
    assert score(REFERENCE, REFERENCE) == 1.0
    assert paired_interval(REFERENCE, REFERENCE).score == 1.0


def test_half_the_loss_on_one_of_two_tasks_scores_the_root_of_two() -> None:
    rule = {"a": (0.25, 0.3), "b": (2.0, 2.4)}
    assert score(rule, REFERENCE) == pytest.approx(math.sqrt(2))


def test_a_specialist_gains_no_more_than_the_cap() -> None:
    specialist = {"a": (1e-9, 1e-9), "b": (4.0, 4.8)}
    assert score(specialist, REFERENCE) == pytest.approx(math.sqrt(CAP / 2))


@given(by_task, by_task)
def test_scores_are_bounded_and_lower_losses_never_score_worse(
    rule: dict[str, tuple[float, float]], better: dict[str, tuple[float, float]]
) -> None:
    assert score(rule, REFERENCE) * (1 + 1e-12) >= 1 / CAP
    assert score(rule, REFERENCE) <= CAP * (1 + 1e-12)
    lower = {task: tuple(min(x, y) for x, y in zip(rule[task], better[task], strict=True)) for task in rule}
    assert score(lower, REFERENCE) >= score(rule, REFERENCE) - 1e-12


def test_the_interval_comes_from_differences_between_paired_seeds() -> None:
    noisy_reference = {"a": (0.1, 1.0, 10.0)}
    rule = {"a": (0.09, 0.9, 9.0)}
    interval = paired_interval(rule, noisy_reference)
    assert interval.score == pytest.approx(1 / 0.9)
    assert interval.high - interval.low < 1e-9


def test_the_interval_is_students() -> None:
    interval = paired_interval({"a": (1.0, 1.0)}, {"a": (1.0, math.exp(0.2))})
    half = 12.7062047 * 0.1  # the 97.5 % point of Student's t with one degree of freedom, times the standard error
    assert math.log(interval.low) == pytest.approx(0.1 - half)
    assert math.log(interval.high) == pytest.approx(0.1 + half)


def test_one_seed_has_no_interval() -> None:
    interval = paired_interval({"a": (1.0,)}, {"a": (1.1,)})
    assert interval.score == pytest.approx(1.1)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
