"""Measures that come from trainings: what a learning rate and a seed are worth to a rule."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.grid import AXES, Grid
from archive.records import Evaluation, Purpose
from discovery.measures import measured
from evaluators.job import Outcome, Result
from programs import zoo

LION = zoo.load("lion")
rates = (1e-3, 1e-2, 1e-1, 1.0)


def training(
    losses: dict[int, float] | None, scouted: Sequence[float | None] = (1.0,), task: str = "a", initial: float = 2.0
) -> Evaluation:
    """An evaluation with these losses by seed, or a failure, after scouting runs that ended at these losses."""
    scored = losses is not None
    result = Result(
        outcome=Outcome.SCORED if scored else Outcome.DIVERGED,
        learning_rate=1e-2 if scored else None,
        losses=tuple((losses or {}).values()),
        scouted=tuple(zip(rates, scouted, strict=False)),
    )
    return Evaluation(1, 1, Purpose.SEARCH, task, "1", tuple(losses or (0,)), "cpu", 0, initial, result)


def learning_rate_sensitivity(*evaluations: Evaluation) -> float:
    return measured(LION, evaluations, [])["learning_rate_sensitivity"]


def noise_sensitivity(evaluations: Sequence[Evaluation], reference: Sequence[Evaluation]) -> float:
    return measured(LION, evaluations, reference)["noise_sensitivity"]


def test_every_axis_finds_its_measure() -> None:
    measures = measured(LION, [training({0: 1.0})], [training({0: 1.0})])
    assert measures.keys() == AXES.keys()
    assert len(Grid(tuple(AXES.values())).cell(measures)) == len(AXES)


@pytest.mark.parametrize(
    ("scouted", "expected"),
    [
        ((1.0, 1.0, 1.0, 1.0), 0.0),
        ((2.0, 1.0, 2.0, 2.0), 0.75),
        ((None, 1.0, None, 2.5), 0.75),
        ((1.5, 1.0, 1.5, 2.0), 0.5),
    ],
)
def test_learning_rate_sensitivity_is_the_share_of_the_gain_that_a_random_learning_rate_loses(
    scouted: Sequence[float | None], expected: float
) -> None:
    assert learning_rate_sensitivity(training({0: 0.9}, scouted)) == pytest.approx(expected)


def test_learning_rate_sensitivity_is_a_mean_over_the_trainings_that_succeeded() -> None:
    even, picky = training({0: 0.9}, (1.0, 1.0)), training({0: 0.9}, (2.0, 1.0), task="b")
    assert learning_rate_sensitivity(even, picky, training(None, (2.0, 2.0), task="c")) == pytest.approx(0.25)


def test_noise_that_a_rule_shares_with_the_reference_is_not_its_own() -> None:
    reference = [training({0: 0.5, 1: 0.8, 2: 1.2})]
    assert noise_sensitivity([training({0: 0.25, 1: 0.4, 2: 0.6})], reference) == pytest.approx(0.0, abs=1e-12)


def test_noise_sensitivity_is_the_spread_of_the_log_ratio_over_paired_seeds() -> None:
    reference = [training({0: 1.0, 1: 1.0}), training({7: 1.0}, task="b")]
    rule = [training({0: math.exp(0.1), 1: math.exp(-0.1), 9: 5.0}), training({7: 0.5}, task="b")]
    assert noise_sensitivity(rule, reference) == pytest.approx(0.1 * math.sqrt(2))


def test_measurements_with_further_seeds_count_together_whatever_job_they_came_from() -> None:
    together = noise_sensitivity([training({0: 0.9, 1: 1.1})], [training({0: 1.0, 1: 1.0})])
    apart = noise_sensitivity([training({1: 1.1}), training({0: 0.9})], [training({0: 1.0}), training({1: 1.0})])
    assert apart == pytest.approx(together)


def test_measures_without_a_training_that_tells_are_zero() -> None:
    measures = measured(LION, [training(None)], [training({0: 1.0})])
    assert (measures["learning_rate_sensitivity"], measures["noise_sensitivity"]) == (0.0, 0.0)


loss = st.floats(0, 1e30)


@given(st.lists(st.none() | loss, min_size=1, max_size=4), loss, st.dictionaries(st.integers(0, 3), loss, min_size=1))
def test_whatever_was_measured_the_measures_are_finite_and_have_a_cell(
    scouted: list[float | None], initial: float, losses: dict[int, float]
) -> None:
    evaluation = training(losses, scouted, initial=initial)
    measures = measured(LION, [evaluation], [training(dict.fromkeys(range(4), 1.0))])
    assert all(map(math.isfinite, measures.values()))
    assert 0 <= measures["learning_rate_sensitivity"] <= 1
