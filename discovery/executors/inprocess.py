"""The simplest executor: one job at a time, here. A fixed seed gives the same archive, bit for bit."""

from __future__ import annotations

from collections import deque

from archive.records import OpenJob
from discovery.executors.base import Completed
from evaluators.device import prepare
from evaluators.evaluate import evaluate


class InProcess:
    """Runs jobs in the driver's own process, in the order they were submitted."""

    slots = 1

    def __init__(self) -> None:
        prepare()
        self._waiting: deque[OpenJob] = deque()

    def submit(self, job: OpenJob) -> None:
        """Remember a job for the next `wait`."""
        self._waiting.append(job)

    def wait(self) -> list[Completed]:
        """Run one job to its end."""
        job = self._waiting.popleft()
        return [Completed(job.id, evaluate(job.job))]

    def close(self) -> None:
        """Nothing to give back."""
