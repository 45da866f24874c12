from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.grid import AXES, DEFAULT_AXES, RUNNERS_UP, AddStatus, Axis, Elite, Grid, elite_of, shelve
from archive.records import Verdict
from evaluators.job import Outcome

WIDTH = Axis("width", (0.0, 1.0, 2.5), "width", ("negative", "0-1", "1-2.5", "more"))
DEPTH = Axis("depth", (10,), "depth", ("shallow", "deep"))

elites = st.builds(
    Elite,
    id=st.integers(1, 10**6),
    score=st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1e6),
    measures=st.fixed_dictionaries(
        {
            "width": st.sampled_from([0.0, 1.0, 2.5]) | st.floats(-5, 5) | st.sampled_from([math.inf, -math.inf]),
            "depth": st.integers(0, 20),
        }
    ),
)


def brute_force_cell(elite: Elite) -> tuple[int, ...]:
    return tuple(sum(elite.measures[axis.name] >= edge for edge in axis.edges) for axis in (WIDTH, DEPTH))


@given(st.lists(elites, unique_by=lambda elite: elite.id))
def test_grid_agrees_with_a_dictionary_after_every_add(added: list[Elite]) -> None:
    grid, expected = Grid((WIDTH, DEPTH)), dict[tuple[int, ...], Elite]()
    for elite in added:
        incumbent = expected.get(brute_force_cell(elite))
        status = grid.add(elite)
        if incumbent is None:
            assert status is AddStatus.NEW
        else:
            assert status is (AddStatus.IMPROVED if elite.score > incumbent.score else AddStatus.NOT_ADDED)
        if status:
            expected[brute_force_cell(elite)] = elite
        assert grid.elites() == tuple(expected.values())
        assert len(grid) == len(expected)
        assert grid.coverage == len(expected) / 8
        assert grid.qd_score == math.fsum(kept.score for kept in expected.values())
        assert grid.best() in expected.values()
        assert all(kept.score <= grid.best().score for kept in expected.values())  # type: ignore[union-attr]  # filled


@given(st.data())
def test_order_of_adds_matters_only_for_ties(data: st.DataObject) -> None:
    added = data.draw(st.lists(elites, unique_by=(lambda elite: elite.id, lambda elite: elite.score)))
    one, other = Grid((WIDTH, DEPTH)), Grid((WIDTH, DEPTH))
    for elite in added:
        one.add(elite)
    for elite in data.draw(st.permutations(added)):
        other.add(elite)
    assert {one.cell(elite.measures): elite for elite in one.elites()} == {
        other.cell(elite.measures): elite for elite in other.elites()
    }
    assert (one.best(), one.qd_score, one.coverage) == (other.best(), other.qd_score, other.coverage)


def test_tie_keeps_the_incumbent() -> None:
    grid = Grid((WIDTH,))
    incumbent = Elite(1, 0.5, {"width": 0.2})
    grid.add(incumbent)
    assert grid.add(Elite(2, 0.5, {"width": 0.7})) is AddStatus.NOT_ADDED
    grid.add(Elite(3, 0.5, {"width": -1}))
    assert grid.best() is incumbent
    with pytest.raises(ValueError, match="already"):
        grid.add(incumbent)


def test_samples_are_uniform_over_filled_cells_however_often_each_was_won() -> None:
    grid = Grid((WIDTH,))
    for number in range(50):
        grid.add(Elite(number, float(number), {"width": 0.5}))
    for width in (-1, 2, 3):
        grid.add(Elite(100 + width, 0.0, {"width": width}))
    rng = np.random.default_rng(0)
    drawn = Counter(grid.sample(rng).id for _ in range(4000))
    assert set(drawn) == {49, 99, 102, 103}
    assert all(900 < number < 1100 for number in drawn.values())


def test_same_adds_and_seed_give_the_same_samples() -> None:
    draws = []
    for _ in range(2):
        grid = Grid((WIDTH, DEPTH))
        for number in range(40):
            grid.add(Elite(number, number * 7 % 11, {"width": number % 5 - 1, "depth": number}))
        rng = np.random.default_rng(3)
        draws.append([grid.sample(rng).id for _ in range(100)])
    assert draws[0] == draws[1]


def test_empty_grid_has_no_best_and_no_sample() -> None:
    grid = Grid()
    assert grid.best() is None
    assert (len(grid), grid.coverage, grid.qd_score) == (0, 0.0, 0.0)
    with pytest.raises(ValueError, match="empty"):
        grid.sample(np.random.default_rng(0))


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_scores_that_do_not_rank_are_refused(score: float) -> None:
    with pytest.raises(ValueError, match="candidate 7"):
        Elite(7, score, {})


@pytest.mark.parametrize("measures", [{"width": math.nan, "depth": 1}, {"depth": 1}])
def test_elite_that_lies_in_no_cell_is_refused_and_leaves_the_grid_as_it_was(measures: dict[str, float]) -> None:
    grid = Grid((WIDTH, DEPTH))
    with pytest.raises(ValueError, match="width"):
        grid.add(Elite(1, 1.0, measures))
    assert len(grid) == 0


@pytest.mark.parametrize(
    ("name", "value", "label"),
    [
        ("state_slots", 0, "0"),
        ("state_slots", 2, "2"),
        ("state_slots", 17, "3+"),
        ("instructions", 0, "up to 4"),
        ("instructions", 4, "up to 4"),
        ("instructions", 5, "5-8"),
        ("instructions", 8, "5-8"),
        ("instructions", 9, "9-12"),
        ("instructions", 16, "13-16"),
        ("instructions", 24, "17-24"),
        ("instructions", 25, "25+"),
        ("instructions", 10**9, "25+"),
        ("gradient_homogeneity", -1.0, "negative"),
        ("gradient_homogeneity", -1e-9, "0"),
        ("gradient_homogeneity", 0.5, "1/2"),
        ("gradient_homogeneity", 1.0, "1"),
        ("gradient_homogeneity", 2.0, "above 1"),
        ("gradient_homogeneity", math.inf, "above 1"),
        ("matrix_products", 0, "0"),
        ("matrix_products", 1, "1"),
        ("matrix_products", 5, "2+"),
    ],
)
def test_default_bins_hold_what_their_labels_say(name: str, value: float, label: str) -> None:
    axis = AXES[name]
    assert axis.labels[axis.bin(value)] == label


def test_default_grid_has_a_cell_for_every_combination_of_labels() -> None:
    grid = Grid()
    for number, index in enumerate(np.ndindex(*(len(axis.labels) for axis in DEFAULT_AXES))):
        inside = {axis.name: (-9.0, *axis.edges)[position] for axis, position in zip(DEFAULT_AXES, index, strict=True)}
        assert grid.cell(inside) == index
        grid.add(Elite(number, 1.0, inside))
    assert grid.coverage == 1.0


def test_malformed_axes_are_refused() -> None:
    with pytest.raises(ValueError, match="ascend"):
        Axis("width", (1.0, 1.0), "width", ("a", "b", "c"))
    with pytest.raises(ValueError, match="ascend"):
        Axis("width", (0.0, math.nan), "width", ("a", "b", "c"))
    with pytest.raises(ValueError, match="2 bins but 3 labels"):
        Axis("width", (1.0,), "width", ("a", "b", "c"))
    with pytest.raises(ValueError, match="share a name"):
        Grid((WIDTH, WIDTH))


Judged = tuple[float, int, int] | None
"""A score with a place and a rung, or a failure."""


def judgements(candidates: int) -> st.SearchStrategy[list[tuple[int, Judged]]]:
    place = st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 3), st.integers(0, 1))
    return st.lists(st.tuples(st.integers(1, candidates), st.none() | place), max_size=40)


def verdicts_of(drawn: list[tuple[int, Judged]]) -> list[Verdict]:
    """Verdicts with revisions that count up."""
    seen: Counter[int] = Counter()
    made = []
    for number, judged in drawn:
        if judged is None:
            made.append(Verdict(number, Outcome.DIVERGED, None, {}, seen[number]))
        else:
            measures = {"width": judged[1], "depth": 0, "rung": judged[2]}
            made.append(Verdict(number, Outcome.SCORED, judged[0], measures, seen[number]))
        seen[number] += 1
    return made


@given(judgements(1 + RUNNERS_UP))
def test_every_cell_belongs_to_the_best_by_the_last_verdicts(drawn: list[tuple[int, Judged]]) -> None:
    grid = Grid((WIDTH, DEPTH))
    last: dict[int, Elite | None] = {}
    for verdict in verdicts_of(drawn):
        shelve(grid, verdict)
        last[verdict.candidate] = elite_of(verdict)
    best: dict[tuple[int, ...], tuple[int, float]] = {}
    for elite in filter(None, last.values()):
        cell = grid.cell(elite.measures)
        best[cell] = max(best.get(cell, (0, 0.0)), elite.rank)
    assert {grid.cell(elite.measures): elite.rank for elite in grid.elites()} == best
    assert all(last[elite.id] == elite for elite in grid.elites())
    leader = grid.best()
    assert (leader.rank if leader else None) == max(best.values(), default=None)
    assert grid.qd_score == math.fsum(score for _, score in best.values())
    assert len(grid) == len(best)


@given(judgements(9))
def test_replayed_verdicts_give_the_same_grid_and_the_same_samples(
    drawn: list[tuple[int, Judged]],
) -> None:
    one, other = Grid((WIDTH, DEPTH)), Grid((WIDTH, DEPTH))
    statuses = [[shelve(grid, verdict) for verdict in verdicts_of(drawn)] for grid in (one, other)]
    assert statuses[0] == statuses[1]
    assert one.elites() == other.elites()
    assert one.best() == other.best()
    if len(one):
        assert one.sample(np.random.default_rng(1)) == other.sample(np.random.default_rng(1))


def test_the_best_runner_up_takes_over_when_the_elite_turns_out_worse() -> None:
    grid = Grid((WIDTH,))
    for number, score in enumerate([0.9, 0.5, 0.7], 1):
        grid.add(Elite(number, score, {"width": 0}))
    assert grid.revise(Elite(1, 0.6, {"width": 0})) is AddStatus.NOT_ADDED
    assert [elite.id for elite in grid.elites()] == [3]
    assert grid.best() == grid.elites()[0]
    assert grid.revise(Elite(1, 0.8, {"width": 0})) is AddStatus.IMPROVED
    assert grid.revise(Elite(1, 0.75, {"width": 0})) is AddStatus.NOT_ADDED  # it holds the cell already
    assert [elite.id for elite in grid.elites()] == [1]


def test_a_revised_candidate_may_move_to_another_cell() -> None:
    grid = Grid((WIDTH,))
    grid.add(Elite(1, 0.9, {"width": 0}))
    grid.add(Elite(2, 0.3, {"width": 2}))
    assert grid.revise(Elite(1, 0.9, {"width": 2})) is AddStatus.IMPROVED
    assert [elite.id for elite in grid.elites()] == [1]
    assert grid.revise(Elite(1, 0.9, {"width": -1})) is AddStatus.NEW
    assert {elite.id for elite in grid.elites()} == {1, 2}


def test_who_fails_later_is_withdrawn_and_unknown_failures_change_nothing() -> None:
    grid = Grid((WIDTH,))
    for number, width in enumerate([-1, 0, 2], 1):
        grid.add(Elite(number, float(number), {"width": width}))
    assert shelve(grid, Verdict(3, Outcome.DIVERGED, None, {}, 1)) is None
    assert shelve(grid, Verdict(8, Outcome.DIVERGED, None, {})) is None
    assert [elite.id for elite in grid.elites()] == [1, 2]
    assert grid.best() == Elite(2, 2.0, {"width": 0})
    assert 3 not in grid
    assert 2 in grid


def test_whoever_climbed_higher_comes_first_whatever_the_score() -> None:
    grid = Grid((WIDTH,))
    grid.add(Elite(1, 0.9, {"width": 0}))
    assert grid.add(Elite(2, 0.2, {"width": 0}, rung=1)) is AddStatus.IMPROVED
    assert grid.add(Elite(3, 5.0, {"width": 0})) is AddStatus.NOT_ADDED
    assert grid.best() == Elite(2, 0.2, {"width": 0}, rung=1)
