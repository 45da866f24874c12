"""Medians over seeds: the interval is the order statistics' own, and says what confidence it has."""

from __future__ import annotations

import math
import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.race.curves import Course, Gain
from discovery.race.standings import confidence, middle, standing


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_the_interval_holds_the_median_and_lies_within_the_values(values: list[float]) -> None:
    found = middle(values)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)
    assert found.median == median(values)


@pytest.mark.parametrize(("count", "expected"), [(1, 0.0), (5, 0.9375), (6, 0.96875), (9, 0.9609375)])
def test_confidence_is_that_of_the_sign_test(count: int, expected: float) -> None:
    assert confidence(count) == pytest.approx(expected)


def test_few_values_give_their_range_and_more_drop_the_outermost() -> None:
    assert (middle([3.0, 1.0, 2.0]).low, middle([3.0, 1.0, 2.0]).high) == (1.0, 3.0)
    nine = middle([float(value) for value in range(9)])
    assert (nine.low, nine.high) == (1.0, 7.0)


@pytest.mark.parametrize("count", [5, 12, 25])
def test_the_interval_covers_the_true_median_as_often_as_it_says(count: int) -> None:
    rng, covered, trials = random.Random(0), 0, 4000
    for _ in range(trials):
        found = middle([rng.expovariate(1.0) for _ in range(count)])
        covered += found.low <= math.log(2) <= found.high
    assert covered / trials == pytest.approx(confidence(count), abs=0.015)
    assert confidence(count) >= (0.95 if count > 5 else 0.93)


def test_a_standing_is_the_middle_of_its_runs_at_their_ends() -> None:
    def course(best: float, final: float | None, cells: int) -> Course:
        return Course((1.0, best), (0.1, 0.2), (1.0, 2.0), {"symbolic": Gain(evaluated=10, cells=cells)}, final)

    found = standing("mine", "map_elites", [course(1.1, 1.0, 1), course(1.3, None, 3), course(1.2, 1.05, 2)])
    assert found.best.median == 1.2
    assert found.final.median == pytest.approx(1.025)
    assert found.coverage.median == 0.2
    assert found.emitters["symbolic"].cells == 2


def test_an_emitter_that_one_run_never_used_counts_as_nothing_there() -> None:
    gains = Gain(evaluated=4, scored=2)
    courses = [Course((1.0,), (0.1,), (1.0,), emitters, 1.0) for emitters in ({"random": gains}, {}, {})]
    assert standing("mine", "map_elites", courses).emitters["random"].evaluated == 0


def test_without_a_single_final_measurement_there_is_no_number() -> None:
    found = standing("mine", "random", [Course((1.0,), (0.1,), (1.0,), {}, None)])
    assert math.isnan(found.final.median)
