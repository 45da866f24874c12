"""An evaluator of rules whose worth is known, with noise on top: for tests of what a search makes of noise."""

from __future__ import annotations

import hashlib
import math

import numpy as np

from archive.records import OpenJob
from discovery.executors import Completed
from evaluators.job import Outcome, Report, Result
from free_executor import FreeExecutor

SPREAD = 0.05
NOISE = 0.1


def worth(source: str) -> float:
    """The true logarithm of a rule's score: 0 for known rules, about `SPREAD` to either side of -0.1 for found ones."""
    return SPREAD * _normal(source) - 0.1 if source.startswith("def candidate") else 0.0


def noisy_report(job: OpenJob) -> Report:
    """Losses by the worth of each rule, with noise for every seed and task; one found rule in eight fails."""
    results = []
    for source in job.job.programs:
        if source.startswith("def candidate") and hashlib.sha256(source.encode()).digest()[0] < 32:
            results.append(Result(outcome=Outcome.DIVERGED, detail="by the hash", run_steps=10, seconds=0.5))
        else:
            losses = tuple(_loss(source, job.job.task, seed, job.job.budget) for seed in job.job.seeds)
            results.append(
                Result(outcome=Outcome.SCORED, learning_rate=0.01, losses=losses, run_steps=100, seconds=1.0)
            )
    return Report(
        task=job.job.task, task_version="1", device="none", initial_loss=3.0, seconds=0.0, results=tuple(results)
    )


class NoisyExecutor(FreeExecutor):
    """Answers at once, and keeps every job that it was given."""

    def __init__(self, slots: int = 1) -> None:
        super().__init__(slots)
        self.seen: list[OpenJob] = []

    def wait(self) -> list[Completed]:
        self.seen += self.jobs
        done = [Completed(job.id, noisy_report(job)) for job in reversed(self.jobs)]
        self.answered += len(done)
        self.jobs.clear()
        return done


def _loss(source: str, task: str, seed: int, budget: float) -> float:
    return (2 - budget) * math.exp(
        0.3 * _normal(f"{task} {seed}") - worth(source) - NOISE * _normal(f"{source}{task}{seed}")
    )


def _normal(text: str) -> float:
    return float(np.random.default_rng(list(hashlib.sha256(text.encode()).digest())).normal())
