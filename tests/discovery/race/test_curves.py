"""What a run had found after so many evaluations, told by its store."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from archive.grid import AXES
from archive.views import replay, summary
from discovery.race.curves import course
from discovery.runs import Run


@pytest.fixture(scope="module", params=["map_elites", "random"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_course_has_a_point_for_every_evaluation_and_ends_at_the_archive(
    finished_run: Callable[..., Run], kind: str
) -> None:
    run = finished_run(strategy={"kind": kind})
    found = course(run)
    grid = replay(run.store, [AXES[name] for name in run.config.archive.axes])
    best = grid.best()
    assert best is not None
    assert len(found.best) == len(found.coverage) == len(found.qd) == 1 + 40
    assert (found.best[-1], found.coverage[-1]) == (best.score, grid.coverage)
    assert found.qd[-1] == pytest.approx(grid.qd_score)
    assert 0.5 < found.best[0] <= 1.0, "it starts with AdamW as it comes, and scores are relative to its best setting"


def test_emitters_share_what_was_gained(finished_run: Callable[..., Run]) -> None:
    run = finished_run(evaluations=80)
    found, facts = course(run), summary(run.store)
    gains = found.emitters.values()
    assert {name: gain.evaluated for name, gain in found.emitters.items()} == {
        name: number for name, number in facts.emitters.items() if name not in ("start", "baseline")
    }
    assert sum(gain.qd for gain in gains) == pytest.approx(found.qd[-1] - found.qd[0])
    assert sum(gain.best for gain in gains) == pytest.approx(found.best[-1] - found.best[0])
    assert sum(gain.cells for gain in gains) == round((found.coverage[-1] - found.coverage[0]) * 360)
    assert all(gain.scored <= gain.evaluated for gain in gains)


def test_the_final_score_is_on_fresh_seeds_and_of_the_rule_that_the_search_puts_first(
    finished_run: Callable[..., Run],
) -> None:
    run = finished_run()
    final = course(run).final
    assert final is not None
    assert final > 0
