"""Where the funnel measures: questions that are answered once, many at a time, and never again.

A stage is written as courses. A course is a generator that yields the jobs it wants to know about, and is sent their
reports in the same order; what it returns is what it found out. It must depend on nothing but those reports: then a
promotion that is started again after a kill takes the same way, and finds on it what was measured before.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Generator, Sequence
from typing import Generic, Protocol, TypeVar

from archive.records import OpenJob, Purpose
from discovery.executors import Executor
from discovery.funnel.ledger import Ledger
from discovery.scoring import SeedLosses
from evaluators.job import Job, Outcome, Report

T = TypeVar("T")
Course = Generator[Sequence[Job], Sequence[Report], T]


class Watcher(Protocol):
    """Somebody who looks on."""

    def progress(self, stage: str, done: int, expected: int, seconds_left: float | None, /) -> None:
        """So many measurements of a stage are there, of so many that are expected by now."""
        ...

    def said(self, message: str, /) -> None:
        """Something was found out, or went wrong on the way."""
        ...


class Lab:
    """Runs courses on an executor, as many jobs at a time as it has slots.

    Attributes:
        measured: Jobs that were trained.
        recalled: Jobs whose answers were there already.
        sandbox: The lowest level of isolation that anything was measured at; None before the first answer.
    """

    def __init__(self, executor: Executor, ledger: Ledger, watcher: Watcher) -> None:
        self.measured = 0
        self.recalled = 0
        self.sandbox: int | None = None
        self.watcher = watcher
        self._executor = executor
        self._ledger = ledger
        self._number = 0

    def run(self, stage: str, courses: Sequence[Course[T]], expected: int = 0) -> list[T]:
        """Go through all courses side by side.

        Args:
            stage: Its name, for the ledger and the watcher.
            courses: In any number; their results come in the same order.
            expected: How many jobs they will ask for, if that is known before; for the time left.

        Raises:
            ExecutorError, SandboxError: The workers are gone, or cannot do a job.
            StoreError: An answer could not be stored.
        """
        return _Walk(self, stage, courses, expected).through()

    def _submit(self, job: Job) -> int:
        self._number += 1
        programs = tuple(range(1, len(job.programs) + 1))
        self._executor.submit(OpenJob(self._number, Purpose.PROMOTE, programs, job))
        return self._number


class _Walk(Generic[T]):
    """All courses of one stage on their way."""

    def __init__(self, lab: Lab, stage: str, courses: Sequence[Course[T]], expected: int) -> None:
        self._lab, self._stage, self._expected = lab, stage, expected
        self._courses = courses
        self._results: dict[int, T] = {}
        self._answers: dict[int, list[Report | None]] = {}
        self._wanted: dict[str, list[tuple[int, int]]] = {}  # who waits for a question, and in which place
        self._queue: deque[tuple[str, Job]] = deque()
        self._running: dict[int, tuple[str, Job]] = {}
        self._done = self._asked = self._measured = 0
        self._started = 0.0  # when the first training was; what is recalled before takes no time to speak of

    def through(self) -> list[T]:
        for index, course in enumerate(self._courses):
            self._advance(index, course, None)
        while self._queue or self._running:
            while self._queue and len(self._running) < max(1, self._executor.slots):
                digest, job = self._queue.popleft()
                self._started = self._started or time.monotonic()
                self._running[self._lab._submit(job)] = digest, job
            for completed in self._executor.wait():
                digest, job = self._running.pop(completed.job)
                if completed.trouble:
                    self._lab.watcher.said(completed.trouble)
                self._lab._ledger.keep(self._stage, digest, job, completed.report)
                self._lab.measured += 1
                self._measured += 1
                self._tell()
                for index, place in self._wanted.pop(digest):
                    self._answer(index, place, completed.report)
        return [self._results[index] for index in range(len(self._courses))]

    @property
    def _executor(self) -> Executor:
        return self._lab._executor

    def _advance(self, index: int, course: Course[T], reports: Sequence[Report] | None) -> None:
        """Let a course go on until it has to wait."""
        while True:
            try:
                jobs = next(course) if reports is None else course.send(reports)
            except StopIteration as end:
                self._results[index] = end.value
                return
            answers: list[Report | None] = [None] * len(jobs)
            self._answers[index] = answers
            self._asked += len(jobs)
            for place, job in enumerate(jobs):
                question = digest(job)
                if question in self._wanted:
                    self._wanted[question].append((index, place))
                elif known := self._lab._ledger.find(question):
                    answers[place] = known
                    self._heard(known)
                    self._lab.recalled += 1
                    self._done += 1
                else:
                    self._wanted[question] = [(index, place)]
                    self._queue.append((question, job))
            found = [answer for answer in answers if answer is not None]
            if len(found) < len(answers):
                return
            reports = found

    def _answer(self, index: int, place: int, report: Report) -> None:
        answers = self._answers[index]
        answers[place] = report
        self._heard(report)
        self._done += 1
        found = [answer for answer in answers if answer is not None]
        if len(found) == len(answers):
            self._advance(index, self._courses[index], found)

    def _heard(self, report: Report) -> None:
        lab = self._lab
        lab.sandbox = report.sandbox if lab.sandbox is None else min(lab.sandbox, report.sandbox)

    def _tell(self) -> None:
        expected = max(self._expected, self._asked)
        left = (time.monotonic() - self._started) / self._measured * (expected - self._done - 1)
        self._lab.watcher.progress(self._stage, self._done + 1, expected, max(0.0, left))


def digest(job: Job) -> str:
    """What tells one question from another."""
    return hashlib.sha256(job.model_dump_json().encode()).hexdigest()[:32]


def losses(job: Job, report: Report, index: int = 0) -> SeedLosses:
    """Losses of one program of a job by task and seed; none if it failed."""
    result = report.results[index]
    if result.outcome is not Outcome.SCORED:
        return {}
    return {job.task: dict(zip(job.seeds, result.losses, strict=True))}


def merged(parts: Sequence[SeedLosses]) -> SeedLosses:
    """Losses on several tasks, as one table."""
    return {task: by_seed for part in parts for task, by_seed in part.items()}
