"""The facts of a run: who was proposed, what was asked, what was measured, how it was judged.

    Candidate  --asked in-->  OpenJob  --answered by-->  Evaluation, one per candidate of the job
        '-------------------------------------------->  Verdict, and its revisions after further measurements

Records are written once and never changed. Numbers of candidates and jobs count from 1 within their run and are given
by the driver, so that a resumed run counts on where it stopped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from evaluators.job import Job, Outcome, Result

MAIN_DRIVER = "main"
"""The driver that starts a run and ends it; others may help in between."""


class Purpose(StrEnum):
    """Why something was measured."""

    SEARCH = "search"
    """To steer the search."""
    BASELINE = "baseline"
    """To have a known rule to compare with, given the same learning-rate search."""
    FRESH = "fresh"
    """To measure an elite at the end with seeds that the search never saw."""
    REMEASURE = "remeasure"
    """To learn during the search, from further seeds, whether a candidate is as good as it looked."""
    PROMOTE = "promote"
    """To decide in the funnel what may be called a discovery; kept apart from what the search knows."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What a run was started with.

    Attributes:
        name: Unique in its database.
        config: The whole configuration, as JSON values.
        created_at: When it was started, with a time zone.
        versions: Software versions by name, to read old results with.
    """

    name: str
    config: Mapping[str, Any]
    created_at: datetime
    versions: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.created_at.tzinfo is None:
            raise ValueError("The start of a run needs a time zone.")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program that somebody proposed.

    Attributes:
        id: Its number in the run.
        name: What the rule calls itself.
        source: Its text.
        emitter: Who proposed it.
        note: What the emitter did, for people.
        parents: The candidates it was made from, the main one first; all have smaller numbers. Seeds have none.
        structure: The hash of its canonical form.
        behaviour: The hash of what it does.
    """

    id: int
    name: str
    source: str
    emitter: str
    note: str
    parents: tuple[int, ...]
    structure: str
    behaviour: str

    def __post_init__(self) -> None:
        if self.id < 1:
            raise ValueError(f"Candidates count from 1, not {self.id}.")
        if any(parent >= self.id for parent in self.parents):
            raise ValueError(f"Candidate {self.id} cannot come from {self.parents}: parents have smaller numbers.")


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A measurement that was asked for and has not been told.

    Attributes:
        id: Its number in the run.
        purpose: Why it was asked for.
        candidates: Whose programs the job holds, in the same order; no candidate twice.
        job: What an evaluator is to do.
        attempt: How many drivers have taken it on, this time included. A result of an earlier attempt comes too late.
    """

    id: int
    purpose: Purpose
    candidates: tuple[int, ...]
    job: Job
    attempt: int = 1

    def __post_init__(self) -> None:
        if self.id < 1:
            raise ValueError(f"Jobs count from 1, not {self.id}.")
        if len(self.candidates) != len(self.job.programs):
            raise ValueError(f"Job {self.id}: {len(self.job.programs)} programs of {len(self.candidates)} candidates.")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one job found out about one candidate.

    Attributes:
        job: The job's number.
        candidate: The candidate's number.
        purpose: Why it was measured.
        task: What it was trained on.
        task_version: The version of the task, with the digest of its data.
        seeds: The seeds of the final runs, in the order of `result.losses`.
        device: Where it ran.
        sandbox: The level of isolation that it ran at, from 0 (none) to 3.
        initial_loss: The validation loss before training; None if the workers died before they said.
        result: The outcome and the numbers.
        budget: The share of the task's steps that it was trained for.
    """

    job: int
    candidate: int
    purpose: Purpose
    task: str
    task_version: str
    seeds: tuple[int, ...]
    device: str
    sandbox: int
    initial_loss: float | None
    result: Result
    budget: float = 1.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a candidate was judged once its measurements were in.

    Attributes:
        candidate: The candidate's number.
        outcome: Scored, or the way in which it failed.
        score: Finite, higher is better; None exactly when the outcome is a failure.
        measures: Finite values by name, among them those of the grid's axes.
        revision: 0 for the first judgement, then 1, 2, ... for each that further measurements led to.
    """

    candidate: int
    outcome: Outcome
    score: float | None
    measures: Mapping[str, float]
    revision: int = 0

    def __post_init__(self) -> None:
        if self.revision < 0:
            raise ValueError(f"Candidate {self.candidate}: revisions count from 0, not {self.revision}.")
        if (self.score is None) is (self.outcome is Outcome.SCORED):
            raise ValueError(f"Candidate {self.candidate} is {self.outcome} with the score {self.score}.")
        if not all(map(math.isfinite, [self.score or 0.0, *self.measures.values()])):
            raise ValueError(f"Candidate {self.candidate}: not finite among {self.score}, {dict(self.measures)}.")


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records of each kind a run holds."""

    candidates: int
    jobs: int
    open_jobs: int
    evaluations: int
    verdicts: int
