"""The loop: ask, evaluate, tell, until the budget is spent. The store is the truth, the executor a pool of hands.

Every ask and every tell is one transaction together with the driver's random state, so that a driver killed at any
instant loses only what was in flight, and asks for exactly that again when it is resumed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from archive.grid import AXES, Grid
from archive.records import OpenJob
from discovery import emitters
from discovery.config import BudgetConfig
from discovery.executors import Completed, Executor
from discovery.plan import initial_rules, initial_rules_of, plan
from discovery.proposer import Proposer
from discovery.runs import Run, check_unchanged
from discovery.scheduler import Phase, Scheduler, Told


class Watcher(Protocol):
    """Somebody who looks on: a progress bar, a log, a test."""

    def started(self, search: Search, job: OpenJob, /) -> None:
        """A job was started."""
        ...

    def told(self, search: Search, completed: Completed, told: Told, /) -> None:
        """A job is through and stored."""
        ...


@dataclass
class Search:
    """A run in motion.

    Attributes:
        run: Where everything is kept.
        scheduler: What to do next.
        elapsed: Seconds spent searching, interruptions left out.
    """

    run: Run
    scheduler: Scheduler
    elapsed: float = 0.0

    @property
    def budget(self) -> BudgetConfig:
        """How much may be spent."""
        return self.run.config.budget

    @property
    def wants_more(self) -> bool:
        """Whether the budget allows new candidates."""
        evaluations, minutes = self.budget.evaluations, self.budget.minutes
        enough = evaluations is not None and self.scheduler.proposed >= evaluations
        late = minutes is not None and self.elapsed >= 60 * minutes
        return not enough and not late


def prepare(run: Run) -> Search:
    """A search at its start, or where the run's store says it was left.

    Raises:
        RuleError: A start rule or baseline cannot be found or read.
        RunError: The configuration was changed since the start.
    """
    check_unchanged(run)
    config, store = run.config, run.store
    state, candidates = store.state(), store.candidates()
    initial = initial_rules_of(candidates) if state else initial_rules(config, run.folder.parent)
    grid = Grid([AXES[name] for name in config.archive.axes])
    scheduler = Scheduler(plan(config, initial), grid, Proposer(emitters.build(config.emitters)))
    if not state:
        return Search(run, scheduler)
    scheduler.restore(state["scheduler"], candidates, store.evaluations(), store.verdicts(), store.open_jobs())
    return Search(run, scheduler, state["elapsed"])


def drive(search: Search, executor: Executor, watcher: Watcher, clock: Callable[[], float] = time.monotonic) -> None:
    """Run until the search is done.

    Raises:
        StoreError: The store could not be written; nothing that was told is lost.
        SearchError: There is nothing to search from.
        KeyboardInterrupt: Passed on; what was in flight stays open in the store.
    """
    scheduler, store = search.scheduler, search.run.store
    started = clock() - search.elapsed
    left_open = list(scheduler.open.values())
    in_flight = 0
    while scheduler.phase is not Phase.DONE:
        search.elapsed = clock() - started
        while in_flight < executor.slots and (job := left_open.pop(0) if left_open else _ask(search)):
            executor.submit(job)
            in_flight += 1
            watcher.started(search, job)
        for completed in executor.wait():
            told = scheduler.tell(completed.job, completed.report)
            in_flight -= 1
            search.elapsed = clock() - started
            store.tell(completed.job, told.evaluations, told.verdicts, [], _state(search))
            watcher.told(search, completed, told)


def _ask(search: Search) -> OpenJob | None:
    """The scheduler's next job, stored before anybody works on it."""
    asked = search.scheduler.ask(propose=search.wants_more)
    if asked is None:
        return None
    search.run.store.ask(asked.candidates, [asked.job], _state(search))
    return asked.job


def _state(search: Search) -> dict[str, object]:
    return {"scheduler": search.scheduler.state(), "elapsed": search.elapsed}
