"""The simplest executor: one job at a time. A fixed seed gives the same archive, bit for bit."""

from __future__ import annotations

from collections import deque

from archive.records import OpenJob
from discovery.executors.base import Completed, ExecutorError
from discovery.executors.isolation import Demand, open_sandbox


class InProcess:
    """Runs jobs from the driver's own process, in the order they were submitted.

    Args:
        sandbox: The isolation that is asked for; above level 0 the training itself happens in a child.
        device: Where to train.

    Raises:
        SandboxError: The isolation asked for cannot be had.
    """

    slots = 1

    def __init__(self, sandbox: Demand, device: str) -> None:
        self._sandbox = open_sandbox(sandbox, device)
        self._waiting: deque[OpenJob] = deque()

    def submit(self, job: OpenJob) -> None:
        """Remember a job for the next `wait`."""
        self._waiting.append(job)

    def wait(self) -> list[Completed]:
        """Run one job to its end."""
        job = self._waiting.popleft()
        try:
            return [Completed(job.id, self._sandbox.evaluate(job.job))]
        except ValueError as error:
            raise ExecutorError(str(error)) from error

    def close(self) -> None:
        """Stop the child, if there is one."""
        self._sandbox.close()
