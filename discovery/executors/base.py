"""What the loop asks of a pool of workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from archive.records import OpenJob
from evaluators.job import Outcome, Report, Result


class ExecutorError(RuntimeError):
    """The workers cannot be had, are gone for good, or refuse the job; never what a candidate did."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A job that is through.

    Attributes:
        job: Its id.
        report: What was measured.
        trouble: What went wrong with the workers on the way, for the person watching; empty if nothing did.
        attempts: How many workers it was given to, because those before the last were lost.
    """

    job: int
    report: Report
    trouble: str = ""
    attempts: int = 1


class Executor(Protocol):
    """A pool of hands. It keeps nothing that is not also in the store."""

    @property
    def slots(self) -> int:
        """How many jobs may be in flight at once; changes in `wait` where workers come and go, and may even be 0."""
        ...

    def submit(self, job: OpenJob) -> None:
        """Start a job; more than `slots` at once wait for their turn.

        Raises:
            ExecutorError: The workers are gone.
        """
        ...

    def wait(self) -> list[Completed]:
        """Block until at least one job is through, and return all that are; none if there are more slots instead.

        Raises:
            ExecutorError: The workers are gone, or cannot do any job of this configuration.
            SandboxError: A worker cannot have the isolation asked for.
        """
        ...

    def close(self) -> None:
        """Give the workers back. What is in flight is dropped: its job stays open in the store."""
        ...


def crashed(job: OpenJob, detail: str) -> Report:
    """The report of a job that took its workers down with it, time after time."""
    results = [Result(outcome=Outcome.CRASH, detail=detail) for _ in job.candidates]
    return Report(
        task=job.job.task,
        task_version="",
        device=job.job.device,
        initial_loss=None,
        seconds=0.0,
        results=tuple(results),
    )
