"""An evaluator that costs nothing, for tests of everything around it."""

from __future__ import annotations

import hashlib

from archive.records import OpenJob
from discovery.executors import Completed
from evaluators.job import Outcome, Report, Result


def free_report(job: OpenJob) -> Report:
    """A report whose losses follow from the text of the rule alone; one found rule in four fails."""
    results = []
    for source in job.job.programs:
        digest = hashlib.sha256(f"{job.job.task} {source}".encode()).digest()
        if digest[0] < 64 and source.startswith("def candidate"):
            results.append(Result(outcome=Outcome.DIVERGED, detail="by the hash"))
        else:
            losses = tuple(0.5 + digest[1] / 256 + 0.01 * (seed % 7) for seed in job.job.seeds)
            results.append(Result(outcome=Outcome.SCORED, learning_rate=0.01, losses=losses, train_losses=losses))
    return Report(
        task=job.job.task, task_version="1", device="none", initial_loss=2.0, seconds=0.0, results=tuple(results)
    )


class FreeExecutor:
    """Answers at once, several jobs per turn, in an order of its own if asked to."""

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        self.jobs: list[OpenJob] = []
        self.answered = 0

    def submit(self, job: OpenJob) -> None:
        assert len(self.jobs) < self.slots
        self.jobs.append(job)

    def wait(self) -> list[Completed]:
        done = [Completed(job.id, free_report(job)) for job in reversed(self.jobs)]
        self.answered += len(done)
        self.jobs.clear()
        return done

    def close(self) -> None:
        pass


class Silent:
    """A watcher that only counts."""

    def __init__(self) -> None:
        self.starts = 0
        self.tells = 0
        self.troubles: list[str] = []

    def started(self, *_: object) -> None:
        self.starts += 1

    def told(self, *_: object) -> None:
        self.tells += 1

    def troubled(self, message: str) -> None:
        self.troubles.append(message)
