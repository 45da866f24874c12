"""A run in motion: its scheduler, the driver that may write to its store, and how both come out of the store."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from archive.driver import Driver
from archive.grid import AXES, Grid
from archive.records import MAIN_DRIVER
from discovery import proposer
from discovery.config import BudgetConfig
from discovery.emitters import llm
from discovery.plan import initial_rules, initial_rules_of, plan
from discovery.runs import Run, check_unchanged
from discovery.scheduling.scheduler import Scheduler


@dataclass
class Search:
    """A run in motion.

    Attributes:
        run: Where everything is kept.
        driver: The right to write to it.
        scheduler: What to do next; another one after the database was gone.
        elapsed: Seconds spent searching, interruptions left out.
    """

    run: Run
    driver: Driver
    scheduler: Scheduler = field(init=False)
    elapsed: float = 0.0
    _source: proposer.Proposer | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.load()

    @property
    def budget(self) -> BudgetConfig:
        """How much may be spent."""
        return self.run.config.budget

    @property
    def wants_more(self) -> bool:
        """Whether the budget allows new candidates."""
        spent = (
            (self.scheduler.proposed, self.budget.evaluations),
            (self.elapsed / 60, self.budget.minutes),
            (self.scheduler.device_seconds, self.budget.device_seconds),
        )
        return all(limit is None or amount < limit for amount, limit in spent)

    @property
    def leads(self) -> bool:
        """Whether this driver starts the run and ends it; others only help in between."""
        return self.driver.name == MAIN_DRIVER

    @property
    def shared(self) -> bool:
        """Whether other drivers may work on the run at the same time."""
        return self.run.store.database.shared

    def enter(self) -> None:
        """Come back after others took over this driver's work.

        Raises:
            StoreError: The database does not answer.
        """
        self.driver = self.run.store.enter(self.driver.name)
        self.load()

    def load(self) -> None:
        """Make the scheduler that the store knows: a new one, the one of this driver's last turn, or a helper's.

        Raises:
            RuleError: A start rule or baseline cannot be found or read.
            LostLeaseError: Another process has taken over.
            StoreError: The database does not answer.
            KeyMissingError: The key of a language model is not where the configuration says.
        """
        self.close()  # what was asked of language models for the scheduler of before is lost with it
        config, standing = self.run.config, self.driver.standing()
        facts = standing.facts
        initial = (
            initial_rules_of(facts.candidates) if facts.candidates else initial_rules(config, self.run.folder.parent)
        )
        grid = Grid([AXES[name] for name in config.archive.axes])
        source = proposer.build(config, grid, llm.build(self.run, grid, leads=self.leads))
        self._source = source
        scheduler = Scheduler(plan(config, initial), grid, source, self.run.store.candidate)
        if standing.state:
            saved, jobs = standing.state["scheduler"], standing.jobs
            scheduler.restore(saved, facts.candidates, facts.evaluations, facts.verdicts, jobs)
            self.elapsed = max(self.elapsed, standing.state["elapsed"])
        elif not self.leads:
            scheduler.join(zlib.crc32(self.driver.name.encode()))
            scheduler.learn(facts.candidates, facts.evaluations, facts.verdicts)
        scheduler.next_job = max(scheduler.next_job, facts.next_job)
        self.scheduler = scheduler

    def close(self) -> None:
        """Let go of language models."""
        if self._source is not None:
            self._source.close()

    def state(self) -> dict[str, object]:
        """What the store keeps for `load`."""
        return {"scheduler": self.scheduler.state(), "elapsed": self.elapsed}


def prepare(run: Run, driver: str = MAIN_DRIVER) -> Search:
    """A search at its start, or where the run's store says that this driver left it.

    Raises:
        RuleError: A start rule or baseline cannot be found or read.
        RunError: The configuration was changed since the start.
    """
    check_unchanged(run)
    search = Search(run, run.store.enter(driver))
    if search.wants_more:  # the budget was raised
        search.scheduler.reopen()
    return search
