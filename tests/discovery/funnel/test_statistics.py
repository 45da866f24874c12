from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from discovery.funnel.statistics import (
    Word,
    compare,
    holm,
    non_inferiority,
    rank_correlation,
)

SETTINGS = ["a", "b"]


def losses(scale: float, seed: int = 0, noise: float = 0.02, seeds: int = 8) -> dict[str, dict[int, float]]:
    """Losses whose logarithm is that of `scale`, with noise of their own on top of what a seed has for all rules."""
    rng = np.random.default_rng([seed, 1])
    common = np.random.default_rng(99).normal(0, 0.3, (2, seeds))
    own = rng.normal(0, noise, (2, seeds))
    return {
        name: {place: float(math.exp(common[row, place] + own[row, place]) * scale) for place in range(seeds)}
        for row, name in enumerate(SETTINGS)
    }


def test_what_is_clearly_better_is_called_so_and_the_other_way_round() -> None:
    good, bad = losses(0.9), losses(1.0, seed=1)
    assert compare(good, bad, SETTINGS, 10).word is Word.BETTER
    assert compare(bad, good, SETTINGS, 10).word is Word.WORSE
    assert compare(good, bad, SETTINGS, 10).interval.score == pytest.approx(1 / 0.9, rel=0.03)


def test_the_more_comparisons_the_wider_the_interval_until_nothing_can_be_said() -> None:
    good, bad = losses(0.985), losses(1.0, seed=1)
    widths = [compare(good, bad, SETTINGS, count).interval for count in (1, 10, 1000)]
    assert widths[0].low > widths[1].low > widths[2].low
    assert compare(good, bad, SETTINGS, 1).word is Word.BETTER
    assert compare(good, bad, SETTINGS, 1000).word is Word.NOT_DISTINGUISHABLE


def test_rules_that_are_equally_good_are_seldom_told_apart_however_many_pairs_there_are() -> None:
    wrong = sum(
        any(
            compare(losses(1, seed=100 * trial + number), losses(1, seed=100 * trial + 50), SETTINGS, 10).word
            is not Word.NOT_DISTINGUISHABLE
            for number in range(10)
        )
        for trial in range(60)
    )
    assert wrong <= 8, "5 % of the families, give or take chance"


def test_a_rule_that_failed_on_one_setting_is_not_compared() -> None:
    whole, part = losses(1.0), {"a": losses(0.5)["a"]}
    found = compare(part, whole, SETTINGS, 1)
    assert (found.word, found.seeds) == (Word.FAILED, 0)
    assert math.isnan(found.interval.score)


def test_non_inferiority_is_students_test_against_the_margin() -> None:
    rule, other = losses(1.0, seed=1), losses(1.0, seed=2)
    found = non_inferiority(rule, other, SETTINGS, 0.02)
    excess = [
        np.mean([math.log(rule[name][place]) - math.log(other[name][place]) for name in SETTINGS]) for place in range(8)
    ]
    assert found.p == pytest.approx(ttest_1samp(excess, 0.02, alternative="less").pvalue)
    assert found.excess == pytest.approx(np.mean(excess))


def test_non_inferiority_is_not_granted_to_the_clearly_worse_nor_to_those_that_failed() -> None:
    assert non_inferiority(losses(1.1), losses(1.0, seed=1), SETTINGS, 0.02).p > 0.99
    assert non_inferiority({}, losses(1.0), SETTINGS, 0.02).p == 1.0
    same = losses(1.0)
    assert non_inferiority(same, same, SETTINGS, 0.02).p == 0.0
    assert non_inferiority(losses(0.9), losses(1.0, seed=1), SETTINGS, 0.02).p < 1e-4


def test_holm_rejects_as_published() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == [True, False, False, True]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_rejects_all_that_bonferroni_rejects_and_no_more_than_no_correction(p_values: list[float]) -> None:
    rejected = holm(p_values)
    for p, is_rejected in zip(p_values, rejected, strict=True):
        assert is_rejected or p > 0.05 / len(p_values)
        assert p <= 0.05 or not is_rejected


def test_the_interval_of_a_rank_correlation_holds_the_true_one_as_often_as_it_says() -> None:
    rng, inside = np.random.default_rng(0), 0
    true = 6 / math.pi * math.asin(0.6 / 2)  # Spearman's of a normal pair with correlation 0.6
    for _ in range(300):
        x = rng.normal(size=25)
        y = 0.6 * x + 0.8 * rng.normal(size=25)
        found = rank_correlation(list(x), list(y))
        inside += found.low <= true <= found.high
    assert inside >= 0.91 * 300


def test_no_correlation_of_too_few_or_of_equal_scores() -> None:
    assert math.isnan(rank_correlation([1, 2, 3], [1, 2, 3]).rho)
    assert math.isnan(rank_correlation([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]).rho)
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 40]).rho == pytest.approx(1.0)
