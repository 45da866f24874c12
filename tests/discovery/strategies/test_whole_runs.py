"""Every strategy in whole runs: through scheduler and store, with re-measurements, killed and resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from discovery.loop import drive, prepare
from discovery.runs import Run, open_run
from discovery.scheduling.scheduler import Phase
from free_executor import DriverGoneError, DyingExecutor, FreeExecutor, Silent

ISLANDS = {"count": 2, "migrate_every": 3}
STRATEGIES: list[dict[str, Any]] = [
    {"kind": "map_elites", "islands": ISLANDS},
    {"kind": "aging", "population": 6, "restart_after": 15, "restart_from": "best"},
    {"kind": "aging", "population": 6, "islands": ISLANDS},
    {"kind": "random"},
    {"kind": "constants"},
]


def outcome(run: Run) -> Any:
    """What a run has come to, statistics and bandit included."""
    search = prepare(run)
    assert search.scheduler.phase is Phase.DONE
    store = run.store
    return store.candidates(), store.verdicts(), search.scheduler.grid.elites(), search.scheduler.proposer.state()


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: " ".join(map(str, strategy.values())))
def test_a_killed_run_ends_like_one_that_was_left_alone(make_run: Callable[..., Run], strategy: dict[str, Any]) -> None:
    whole, broken = make_run("whole", strategy=strategy), make_run("broken", strategy=strategy)
    drive(prepare(whole), FreeExecutor(), Silent())
    with pytest.raises(DriverGoneError):
        drive(prepare(broken), DyingExecutor(7), Silent())
    again = open_run("test", broken.folder.parent)
    drive(prepare(again), FreeExecutor(), Silent())
    assert outcome(again) == outcome(whole)
