"""What the scheduler and its callers exchange: where a run stands, what is asked, what was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from archive.grid import AddStatus
from archive.records import Candidate, Evaluation, OpenJob, Verdict


class Phase(StrEnum):
    """Where a run stands."""

    BASELINES = "baselines"
    SEARCH = "search"
    FINAL = "final"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Asked:
    """One job to run, and the candidates that came into being since the last."""

    candidates: tuple[Candidate, ...]
    job: OpenJob


@dataclass(frozen=True, slots=True)
class Told:
    """What one report meant.

    Attributes:
        evaluations: One for each program of the job.
        verdicts: On the candidates that need no further measurement for now, and revised ones after a repeat.
        entered: What the archive made of each candidate that has a score.
    """

    evaluations: tuple[Evaluation, ...]
    verdicts: tuple[Verdict, ...]
    entered: Mapping[int, AddStatus]
