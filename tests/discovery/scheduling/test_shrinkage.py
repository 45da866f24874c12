"""Shrunken means: unbiased for whoever was selected, believing more seeds more, whatever the order of the facts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.scheduling.shrinkage import Population, Prior
from discovery.scoring import CAP

LIMIT = math.log(CAP)
ratio = st.floats(-LIMIT, LIMIT)
priors = st.builds(Prior, ratio, st.floats(0, 0.5), st.floats(0, 0.5))


def population(
    rules: int, *, spread: float, noise: float, seeds: int, broken: float = 0.0
) -> tuple[Population, np.ndarray, np.ndarray]:
    """Rules drawn about -0.1 and their noisy measurements, the true values last; a share of them is hopeless."""
    rng = np.random.default_rng(0)
    true = rng.normal(-0.1, spread, rules)
    true[: int(broken * rules)] = rng.uniform(-0.6, -0.3, int(broken * rules))
    seen = np.clip(true[:, None] + rng.normal(0, noise, (rules, seeds)), -LIMIT, LIMIT)
    found = Population()
    for ratios in seen:
        found.add(ratios.tolist())
    return found, seen.mean(axis=1), true


def test_the_prior_is_that_of_the_population() -> None:
    found, _, _ = population(20_000, spread=0.05, noise=0.08, seeds=2)
    prior = found.prior()
    assert prior is not None
    assert prior.centre == pytest.approx(-0.1, abs=0.003)
    assert math.sqrt(prior.between) == pytest.approx(0.05, rel=0.05)
    assert math.sqrt(prior.within) == pytest.approx(0.08, rel=0.05)


def test_a_tail_of_broken_rules_does_not_make_the_best_look_certain() -> None:
    found, _, _ = population(20_000, spread=0.05, noise=0.08, seeds=2, broken=0.2)
    prior = found.prior()
    assert prior is not None
    assert math.sqrt(prior.between) < 0.08  # the standard deviation of all of them is 0.15


def test_the_best_of_many_are_overrated_by_their_means_and_not_by_their_shrunken_means() -> None:
    found, seen, true = population(5_000, spread=0.05, noise=0.08, seeds=2)
    prior = found.prior()
    assert prior is not None
    best = np.argsort(seen)[-50:]
    overrated = float(np.mean(seen[best] - true[best]))
    shrunken = [prior.shrink(float(seen[rule]), 2) for rule in best]
    assert overrated > 0.06
    assert abs(float(np.mean(shrunken - true[best]))) < 0.015


@given(priors, ratio, ratio, st.integers(1, 50))
def test_with_as_many_seeds_the_order_stays_and_everybody_moves_towards_the_centre(
    prior: Prior, one: float, other: float, seeds: int
) -> None:
    low, high = sorted([one, other])
    assert prior.shrink(low, seeds) <= prior.shrink(high, seeds)
    assert abs(prior.shrink(one, seeds) - prior.centre) <= abs(one - prior.centre) * (1 + 1e-9)


@given(priors, ratio, st.integers(1, 50), st.integers(1, 50))
def test_more_seeds_are_believed_more(prior: Prior, mean: float, seeds: int, further: int) -> None:
    few, many = prior.shrink(mean, seeds), prior.shrink(mean, seeds + further)
    assert abs(many - mean) <= abs(few - mean) + 1e-12
    assert prior.standard_error(seeds + further) <= prior.standard_error(seeds)


@given(st.lists(st.tuples(ratio, ratio), min_size=16, max_size=40), st.randoms())
def test_the_order_of_the_facts_makes_no_difference(rules: list[tuple[float, float]], random: object) -> None:
    shuffled = list(rules)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types its random source as an object
    one, other = Population(), Population()
    for rule in rules:
        one.add(rule)
    for rule in shuffled:
        other.add(rule)
    assert one.prior() == other.prior()
    assert one.better(0.0) == other.better(0.0)


@given(st.lists(ratio, min_size=1), ratio)
def test_the_number_of_better_rules_is_right_to_a_thousandth(rules: list[float], mean: float) -> None:
    found = Population()
    for rule in rules:
        found.add([rule])
    assert len(found) == len(rules)
    assert (
        sum(rule > mean + 0.001 for rule in rules) <= found.better(mean) <= sum(rule > mean - 0.001 for rule in rules)
    )


def test_nothing_is_usual_with_few_rules_or_one_seed_each() -> None:
    assert population(15, spread=0.1, noise=0.1, seeds=2)[0].prior() is None
    assert population(100, spread=0.1, noise=0.1, seeds=1)[0].prior() is None


def test_rules_that_differ_by_noise_alone_keep_their_order() -> None:
    found, _, _ = population(500, spread=0.0, noise=0.1, seeds=2)
    prior = found.prior()
    assert prior is not None
    assert prior.shrink(0.1, 2) > prior.shrink(0.0, 2)
