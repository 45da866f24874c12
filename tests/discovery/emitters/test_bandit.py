"""Shares follow what emitters bring in for what they cost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest

from discovery.emitters.bandit import Bandit

WEIGHTS = {"a": 1.0, "b": 2.0, "c": 1.0}


def shares(bandit: Bandit, draws: int = 2000) -> Mapping[str, float]:
    rng = np.random.default_rng(1)
    counts = Counter(bandit.choose(rng) for _ in range(draws))
    return {name: counts[name] / draws for name in WEIGHTS}


def play(
    bandit: Bandit,
    children: int,
    success: Mapping[str, float],
    cost: Mapping[str, float],
    *,
    gain: float = 1.0,
    late: int = 0,
) -> Counter[str]:
    """Let emitters bring in `gain` with their own frequency; what comes of a child is known `late` children later."""
    rng = np.random.default_rng(0)
    chosen: list[str] = []
    for child in range(children):
        chosen.append(bandit.choose(rng))
        if child >= late:
            name = chosen[child - late]
            bandit.told(name, gain * float(rng.random() < success[name]), cost[name])
    return Counter(chosen)


EVEN = dict.fromkeys(WEIGHTS, 1.0)


def test_before_anything_was_gained_the_weights_are_the_shares() -> None:
    bandit = Bandit(WEIGHTS, 0.0)
    for name in WEIGHTS:
        bandit.told(name, 0.0, 1.0)
    assert shares(bandit) == pytest.approx({"a": 0.25, "b": 0.5, "c": 0.25}, abs=0.04)


def test_with_full_exploration_the_weights_stay_the_shares() -> None:
    bandit = Bandit(WEIGHTS, 1.0)
    play(bandit, 300, {"a": 1.0, "b": 0.0, "c": 0.0}, EVEN)
    assert shares(bandit) == pytest.approx({"a": 0.25, "b": 0.5, "c": 0.25}, abs=0.04)


@pytest.mark.parametrize("gain", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("late", [0, 40])
def test_the_emitter_that_gains_most_is_found_whatever_the_scale_and_the_delay(gain: float, late: int) -> None:
    counts = play(Bandit(WEIGHTS, 0.0), 1500, {"a": 0.3, "b": 0.05, "c": 0.05}, EVEN, gain=gain, late=late)
    assert counts["a"] > 1000


def test_gains_count_per_cost() -> None:
    counts = play(Bandit(WEIGHTS, 0.0), 1500, {"a": 0.3, "b": 0.3, "c": 0.3}, {"a": 1.0, "b": 4.0, "c": 4.0})
    assert counts["a"] > 1000


def test_exploration_keeps_everybody_at_work() -> None:
    bandit = Bandit(WEIGHTS, 0.4)
    play(bandit, 1500, {"a": 1.0, "b": 0.0, "c": 0.0}, EVEN)
    found = shares(bandit)
    assert found["a"] == pytest.approx(0.6 + 0.1, abs=0.05)
    assert found["b"] == pytest.approx(0.2, abs=0.04)


def test_an_emitter_that_has_run_dry_loses_its_share() -> None:
    bandit = Bandit(WEIGHTS, 0.0)
    play(bandit, 800, {"a": 0.5, "b": 0.1, "c": 0.0}, EVEN)
    assert shares(bandit)["a"] > 0.8
    play(bandit, 1500, {"a": 0.0, "b": 0.1, "c": 0.0}, EVEN)
    assert shares(bandit)["b"] > 0.5


def test_children_that_cost_nothing_are_no_division_by_zero() -> None:
    bandit = Bandit(WEIGHTS, 0.0)
    counts = play(bandit, 600, {"a": 0.5, "b": 0.0, "c": 0.0}, dict.fromkeys(WEIGHTS, 0.0))
    assert counts["a"] > 400


def test_a_loss_is_no_gain_and_breaks_nothing() -> None:
    bandit = Bandit(WEIGHTS, 0.0)
    bandit.told("a", -1.0, 1.0)
    bandit.told("b", 0.5, 1.0)
    assert shares(bandit)["b"] > shares(bandit)["a"]


def test_a_resumed_bandit_chooses_the_same() -> None:
    bandit, again = Bandit(WEIGHTS, 0.2), Bandit(WEIGHTS, 0.2)
    play(bandit, 333, {"a": 0.3, "b": 0.2, "c": 0.1}, {"a": 1.7, "b": 0.3, "c": 0.11})
    again.restore(json.loads(json.dumps(bandit.state())))
    first, second = np.random.default_rng(5), np.random.default_rng(5)
    assert [bandit.choose(first) for _ in range(200)] == [again.choose(second) for _ in range(200)]
