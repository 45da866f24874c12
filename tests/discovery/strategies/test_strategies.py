"""Whom each strategy breeds from."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.grid import DEFAULT_AXES, Elite
from discovery.config import StrategyConfig
from discovery.strategies import Aging, HillClimb, Islands, MapElites, Strategy, build


def elite(number: int, score: float, instructions: int = 0) -> Elite:
    """A cell of its own for every dozen of instructions."""
    return Elite(number, score, {axis.name: 0.0 for axis in DEFAULT_AXES} | {"instructions": 12.0 * instructions})


def parents(strategy: Strategy, child: int = 100, draws: int = 400) -> Counter[int]:
    rng = np.random.default_rng(0)
    return Counter(strategy.parent(child, rng).id for _ in range(draws))


def all_kinds() -> list[Strategy]:
    return [
        MapElites(DEFAULT_AXES, 2),
        Aging(8, 2),
        HillClimb(),
        Islands([MapElites(DEFAULT_AXES, 2) for _ in range(2)], 3),
        Islands([Aging(4, 2) for _ in range(2)], 3),
    ]


# MAP-Elites


def test_map_elites_breeds_from_the_best_of_every_cell() -> None:
    strategy = MapElites(DEFAULT_AXES, tournament=1)
    for number, (score, size) in enumerate([(1.0, 0), (0.9, 0), (0.5, 1), (0.7, 1), (0.2, 2)], 1):
        strategy.join(elite(number, score, size))
    drawn = parents(strategy)
    assert set(drawn) == {1, 4, 5}
    assert min(drawn.values()) > 80  # a third of 400 each


def test_a_larger_tournament_prefers_better_cells() -> None:
    strategy = MapElites(DEFAULT_AXES, tournament=3)
    strategy.join(elite(1, 1.0, 0))
    strategy.join(elite(2, 0.5, 1))
    assert parents(strategy)[1] > 300  # 7 in 8
    rng = np.random.default_rng(0)
    assert {strategy.donor(5, rng).id for _ in range(30)} == {1, 2}


# Aging


def test_an_aging_population_loses_its_oldest_member_however_good_it_is() -> None:
    strategy = Aging(size=3, tournament=1)
    strategy.start(elite(1, 2.0))
    assert strategy.state()["members"] == [1, 1, 1]
    for number in (2, 3, 4):
        strategy.told(number, elite(number, 0.5))
    assert strategy.state()["members"] == [2, 3, 4]
    assert set(parents(strategy)) == {2, 3, 4}


def test_start_rules_share_the_first_population() -> None:
    strategy = Aging(size=5, tournament=2)
    strategy.start(elite(1, 1.0))
    strategy.start(elite(2, 0.9))
    assert strategy.state()["members"] == [1, 2, 1, 2, 1]


def test_a_failed_child_leaves_the_population_as_it_was() -> None:
    strategy = Aging(size=3, tournament=1)
    strategy.start(elite(1, 1.0))
    strategy.told(2, None)
    assert strategy.state()["members"] == [1, 1, 1]


def test_of_a_tournament_the_best_breeds() -> None:
    strategy = Aging(size=4, tournament=60)
    strategy.start(elite(1, 1.0))
    strategy.told(2, elite(2, 1.5))
    strategy.told(3, elite(3, 1.2))
    assert set(parents(strategy, draws=50)) == {2}


@pytest.mark.parametrize(("restart_from", "expected"), [("start", [1, 1, 1]), ("best", [3, 3, 3])])
def test_a_restart_fills_the_population_anew_and_leaves_late_children_out(
    restart_from: str, expected: list[int]
) -> None:
    config = {"kind": "aging", "population": 3, "restart_after": 10, "restart_from": restart_from}
    strategy = build(StrategyConfig.model_validate(config), DEFAULT_AXES)
    strategy.start(elite(1, 1.0))
    for number, score in ((2, 1.1), (3, 1.9), (4, 1.2), (5, 1.3), (6, 1.4)):
        strategy.told(number, elite(number, score))
    assert strategy.state()["members"] == [4, 5, 6]
    strategy.parent(10, np.random.default_rng(0))
    assert strategy.state()["members"] == expected
    strategy.told(9, elite(9, 1.0))  # made before the restart, judged after it
    assert strategy.state()["members"] == expected
    strategy.told(11, elite(11, 1.0))
    assert strategy.state()["members"] == [*expected[1:], 11]


def test_a_late_child_of_an_old_population_may_still_be_what_the_next_restart_begins_with() -> None:
    strategy = Aging(size=2, tournament=1, restart_after=10, restart_from="best")
    strategy.start(elite(1, 1.0))
    strategy.told(12, elite(12, 1.1))
    strategy.told(9, elite(9, 1.5))
    assert strategy.state()["members"] == [1, 12]
    strategy.parent(20, np.random.default_rng(0))
    assert strategy.state()["members"] == [9, 9]


# Hill climbing


def test_hill_climbing_breeds_from_the_best_alone_the_earlier_among_equals() -> None:
    strategy = HillClimb()
    for number, score in ((1, 1.0), (2, 1.2), (3, 1.2), (4, 0.8)):
        strategy.told(number, elite(number, score))
    assert set(parents(strategy, draws=20)) == {2}


# Islands


def test_islands_take_turns_and_keep_their_children_to_themselves() -> None:
    strategy = Islands([HillClimb() for _ in range(3)], migrate_every=1000)
    strategy.start(elite(1, 1.0))
    strategy.told(10, elite(10, 1.5))
    assert [strategy.parent(child, np.random.default_rng(0)).id for child in (11, 12, 13, 14)] == [1, 1, 10, 1]


def test_migrants_reach_the_next_island_and_after_a_round_all_of_them() -> None:
    strategy = Islands([HillClimb() for _ in range(3)], migrate_every=1)
    strategy.start(elite(1, 1.0))
    rng = np.random.default_rng(0)
    strategy.told(9, elite(9, 1.5))
    assert [strategy.parent(child, rng).id for child in (9, 10, 11)] == [9, 9, 1]
    strategy.told(10, None)
    assert [strategy.parent(child, rng).id for child in (9, 10, 11)] == [9, 9, 9]


def test_a_new_score_takes_nobody_to_an_island_where_it_never_was() -> None:
    strategy = Islands([MapElites(DEFAULT_AXES, 3) for _ in range(2)], migrate_every=1000)
    strategy.start(elite(1, 1.0))
    strategy.told(4, elite(4, 1.5))
    strategy.revise(elite(4, 1.4))
    assert parents(strategy, child=101) == {1: 400}
    assert parents(strategy, child=100) == {4: 400}


def test_a_migrant_that_is_there_already_stays_one_member() -> None:
    strategy = MapElites(DEFAULT_AXES, 1)
    strategy.join(elite(2, 1.0))
    for _ in range(8):
        strategy.join(elite(1, 1.5))
    strategy.withdraw(1)
    assert parents(strategy) == {2: 400}


def test_islands_restart_each_by_their_own_count() -> None:
    strategy = Islands([Aging(2, 1, restart_after=5) for _ in range(2)], migrate_every=1000)
    strategy.start(elite(1, 1.0))
    strategy.told(3, elite(3, 1.2))
    strategy.told(8, elite(8, 1.2))
    strategy.told(11, elite(11, 1.2))  # number 5 of the second island
    assert [island["members"] for island in strategy.state()["islands"]] == [[1, 8], [1, 11]]


# All of them


@pytest.mark.parametrize("strategy", all_kinds(), ids=lambda strategy: type(strategy).__name__)
def test_whoever_fails_when_measured_again_has_no_more_children(strategy: Strategy) -> None:
    strategy.start(elite(1, 1.0))
    for number in range(2, 10):
        strategy.told(number, elite(number, 1.0 + number, number % 2))
    assert strategy.holds(9)
    strategy.withdraw(9)
    assert not strategy.holds(9)
    assert 9 not in parents(strategy, 100) + parents(strategy, 101)


@pytest.mark.parametrize("strategy", all_kinds(), ids=lambda strategy: type(strategy).__name__)
def test_scores_count_as_they_are_now(strategy: Strategy) -> None:
    strategy.start(elite(1, 1.0))
    strategy.told(2, elite(2, 3.0))
    strategy.told(4, elite(4, 2.0))
    assert parents(strategy)[2] > parents(strategy)[4]
    strategy.revise(elite(2, 1.5))
    assert parents(strategy)[4] > parents(strategy)[2]


@pytest.mark.parametrize("strategy", all_kinds(), ids=lambda strategy: type(strategy).__name__)
def test_whoever_climbed_higher_comes_first(strategy: Strategy) -> None:
    strategy.start(elite(1, 1.0))
    strategy.told(2, elite(2, 3.0))
    strategy.told(4, Elite(4, 0.9, elite(4, 0.9).measures, rung=1))
    drawn = parents(strategy)
    assert drawn[4] > drawn[2]


_EVENTS = st.lists(
    st.tuples(st.sampled_from(["told", "failed", "met", "revise", "withdraw"]), st.integers(0, 30)), max_size=40
)


@given(which=st.integers(0, len(all_kinds()) - 1), events=_EVENTS)
def test_a_replay_and_the_state_bring_back_the_same_parents(which: int, events: list[tuple[str, int]]) -> None:
    live, again = all_kinds()[which], all_kinds()[which]
    known = {1: elite(1, 1.0)}
    number = 1
    for strategy in (live, again):
        strategy.start(known[1])
    for kind, draw in events:
        chosen = sorted(known)[draw % len(known)]
        if kind in ("told", "failed"):
            number += 1
            child = None if kind == "failed" else elite(number, 0.5 + draw / 30, draw % 3)
            if child:
                known[number] = child
            live.parent(number, np.random.default_rng(draw))
            for strategy in (live, again):
                strategy.told(number, child)
        elif kind == "met":  # a replay knows nothing of it
            live.met(number + 1, known[chosen])
        elif kind == "revise":
            known[chosen] = elite(chosen, 0.4 + draw / 30, draw % 3)
            for strategy in (live, again):
                strategy.revise(known[chosen])
        elif chosen != 1:
            del known[chosen]
            for strategy in (live, again):
                strategy.withdraw(chosen)
    again.restore(live.state(), known)
    assert again.state() == live.state()
    for later in range(number + 1, number + 20):
        draws = [strategy.parent(later, np.random.default_rng(later)).id for strategy in (live, again)]
        assert draws[0] == draws[1]
        donors = [strategy.donor(later, np.random.default_rng(later)).id for strategy in (live, again)]
        assert donors[0] == donors[1]


def test_an_aging_population_comes_back_without_those_that_another_driver_found_to_fail() -> None:
    live, again = Aging(3, 2), Aging(3, 2)
    for strategy in (live, again):
        strategy.start(elite(1, 1.0))
    for number in (2, 3):
        live.told(number, elite(number, 1.0 + number / 10))
    again.restore(live.state(), {1: elite(1, 1.0), 2: elite(2, 1.2)})
    assert again.state()["members"] == [1, 2]
    assert again.state()["best"] == 2
    again.restore(live.state() | {"members": [3, 3, 3]}, {})
    assert set(again.state()["members"]) == {1}
