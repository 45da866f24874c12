"""The loop: ask, evaluate, tell, until the budget is spent. The store is the truth, the executor a pool of hands.

Every turn is one transaction: what other drivers stored is learned, what is finished is told, new jobs are asked, and
the driver's state of that moment is kept beside them. A driver killed at any instant loses only what was in flight, and
asks for exactly that again when it is resumed. When the database is gone, what is finished waits for it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from archive.errors import LostLeaseError, StoreError
from archive.records import OpenJob
from archive.turn import Turn
from discovery.executors import Completed, Executor
from discovery.outage import Held, heartbeats, recover
from discovery.scheduling.scheduler import Phase, Told
from discovery.search import Search, prepare

__all__ = ["Search", "Watcher", "drive", "prepare"]

_LOOK_EVERY = 1.0  # seconds, while only other drivers have work


class Watcher(Protocol):
    """Somebody who looks on: a progress bar, a log, a test."""

    def started(self, search: Search, job: OpenJob, /) -> None:
        """A job was started."""
        ...

    def told(self, search: Search, completed: Completed, told: Told, /) -> None:
        """A job is through and stored."""
        ...

    def troubled(self, message: str, /) -> None:
        """Something went wrong that the search gets over, or waits for."""
        ...


def drive(search: Search, executor: Executor, watcher: Watcher, clock: Callable[[], float] = time.monotonic) -> None:
    """Run until the search is done; a driver that only helps stops when it finds nothing more to do.

    Raises:
        StoreError: The store could not be written for longer than `store.outage_minutes`; nothing finished is lost.
        LostLeaseError: Another process drives the run under this name.
        SearchError: There is nothing to search from.
        KeyboardInterrupt: Passed on; what was in flight stays open in the store.
    """
    held = Held(search)
    hands = _Hands(search, held.load())
    started = clock() - search.elapsed
    try:
        with heartbeats(search):
            while not hands.idle:
                search.elapsed = clock() - started
                try:
                    told, asked = hands.turn(executor.slots)
                except (StoreError, LostLeaseError) as error:
                    recover(search, error, watcher.troubled)
                    hands.resume()
                    continue
                held.clear()
                for completed, meaning in told:
                    watcher.told(search, completed, meaning)
                for job in asked:
                    executor.submit(job)
                    watcher.started(search, job)
                for line in search.scheduler.proposer.news():
                    watcher.troubled(line)
                if hands.attempts or not executor.slots:
                    hands.finished += executor.wait()
                elif not hands.idle:
                    proposer = search.scheduler.proposer
                    (proposer.wait if proposer.waiting else time.sleep)(_LOOK_EVERY)
    except (StoreError, KeyboardInterrupt) as error:
        held.save(hands.finished, hands.attempts, error)
        raise
    finally:
        search.close()


class _Hands:
    """What a driver has taken on and not stored yet.

    Args:
        search: What it works for.
        held: Finished reports from before, each with the attempt of its job.

    Attributes:
        attempts: Those of the jobs that the executor has, or that are finished, by the jobs' ids.
        finished: What came back from the executor.
        idle: Whether there is nothing left for this driver.
    """

    def __init__(self, search: Search, held: Iterable[tuple[Completed, int]]) -> None:
        self.attempts: dict[int, int] = {}
        self.finished: list[Completed] = []
        self.idle = False
        self._search = search
        self._looked = -math.inf
        for completed, attempt in held:
            self.finished.append(completed)
            self.attempts[completed.job] = attempt
        self.resume()

    def resume(self) -> None:
        """Go on with the scheduler that was just loaded: its open jobs that nobody works on are given out again."""
        self._left_open = deque(job for job in self._search.scheduler.open.values() if job.id not in self.attempts)

    def turn(self, slots: int) -> tuple[list[tuple[Completed, Told]], list[OpenJob]]:
        """Tell what is finished and ask for as much as there are free slots, in one transaction.

        Raises:
            StoreError, LostLeaseError: Nothing was stored, and the scheduler is ahead of the store: load it again.
        """
        search = self._search
        with search.driver.turn() as turn:
            self._learn(turn)
            told = [(completed, meaning) for completed in self.finished if (meaning := self._tell(turn, completed))]
            asked = self._ask(turn, slots - len(self.attempts) + len(self.finished))
            if not search.wants_more:
                search.scheduler.proposer.retire()
            turn.note(search.scheduler.proposer.calls())
            turn.state = search.state()
        for completed in self.finished:
            del self.attempts[completed.job]
        self.finished = []
        self.attempts |= {job.id: job.attempt for job in asked}
        phase = search.scheduler.phase
        helped = not search.leads and phase is not Phase.BASELINES and slots > 0 and not self.attempts
        self.idle = phase is Phase.DONE or helped
        return told, asked

    def _learn(self, turn: Turn) -> None:
        """Take in what other drivers did, and the work of those that are gone."""
        search, news = self._search, turn.news
        if news:
            search.scheduler.learn(news.candidates, news.evaluations, news.verdicts)
        search.scheduler.next_job = max(search.scheduler.next_job, news.next_job)
        lease = search.run.config.store.lease_seconds
        if search.shared and time.monotonic() - self._looked > lease / 2:
            self._looked = time.monotonic()
            for estate in turn.take_over(lease):
                search.scheduler.inherit(estate.state.get("scheduler", {}), estate.jobs)
                self._left_open += [job for job in estate.jobs if job.id not in self.attempts]

    def _tell(self, turn: Turn, completed: Completed) -> Told | None:
        """What a report means; None if the job is no longer this driver's."""
        job = self._search.scheduler.open.get(completed.job)
        if job is None:
            turn.tell_late(completed.job, self.attempts[completed.job], completed.report)
            return None
        told = self._search.scheduler.tell(job.id, completed.report)
        turn.tell(job.id, job.attempt, told.evaluations, told.verdicts)
        return told

    def _ask(self, turn: Turn, free: int) -> list[OpenJob]:
        search = self._search
        finish = search.leads and not (search.shared and turn.busy())
        asked: list[OpenJob] = []
        while len(asked) < free:
            if self._left_open:
                asked.append(self._left_open.popleft())
            elif more := search.scheduler.ask(propose=search.wants_more, finish=finish):
                turn.ask(more.candidates, [more.job])
                asked.append(more.job)
            else:
                break
        return asked
