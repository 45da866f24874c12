"""The grid beside pyribs' GridArchive: the same adds give the same elites, statuses, coverage and QD score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ribs.archives import GridArchive

from archive.grid import Axis, Elite, Grid

# pyribs cuts a range into equal bins, so only such axes can be compared; its range ends where our outer bins begin.
WIDTH = Axis("width", (1.0, 2.0, 3.0), "width", ("0-1", "1-2", "2-3", "3-4"))
DEPTH = Axis("depth", (10.0,), "depth", ("0-10", "10-20"))
RANGES = [(0.0, 4.0), (0.0, 20.0)]

# Eighths: pyribs moves its edges by a millionth against rounding, so values close below an edge differ by intent.
added = st.lists(
    st.tuples(
        st.integers(-16, 48).map(lambda eighths: eighths / 8),
        st.integers(-40, 200).map(lambda eighths: eighths / 8),
        st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1e6),
    ),
    min_size=1,
    max_size=60,
)


@given(added)
def test_same_adds_same_elites(adds: list[tuple[float, float, float]]) -> None:
    grid = Grid((WIDTH, DEPTH))
    other = GridArchive(solution_dim=1, dims=[4, 2], ranges=RANGES, qd_score_offset=0.0, dtype=np.float64)
    for number, (width, depth, score) in enumerate(adds, 1):
        status = grid.add(Elite(number, score, {"width": width, "depth": depth}))
        told = other.add_single(solution=[number], objective=score, measures=[width, depth])
        assert status == told["status"]
    theirs = {tuple(cell): int(solution[0]) for cell, solution in _cells(other)}
    assert {grid.cell(elite.measures): elite.id for elite in grid.elites()} == theirs
    best = grid.best()
    assert best is not None
    assert best.id == int(other.best_elite["solution"][0])
    assert grid.coverage == other.stats.coverage
    assert grid.qd_score == pytest.approx(other.stats.qd_score)


def _cells(archive: GridArchive) -> list[tuple[list[int], list[float]]]:
    data = archive.data(["index", "solution"])
    return list(zip(archive.int_to_grid_index(data["index"]).tolist(), data["solution"].tolist(), strict=True))
