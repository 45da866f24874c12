from __future__ import annotations

import math
from dataclasses import replace

import pytest

from archive.records import Verdict
from evaluators.job import Outcome
from stored import New


@pytest.mark.parametrize("parents", [(3,), (1, 4)])
def test_candidate_cannot_come_before_its_parents(new: New, parents: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="Candidate 3"):
        new.candidate(3, *parents)


def test_numbers_start_at_one(new: New) -> None:
    with pytest.raises(ValueError, match="from 1"):
        new.candidate(0)
    with pytest.raises(ValueError, match="from 1"):
        new.job(0)


def test_job_holds_one_program_per_candidate(new: New) -> None:
    with pytest.raises(ValueError, match="1 programs of 2 candidates"):
        replace(new.job(1, 1), candidates=(1, 2))


def test_run_needs_a_time_zone(new: New) -> None:
    with pytest.raises(ValueError, match="time zone"):
        replace(new.run_info("first"), created_at=new.run_info("first").created_at.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("outcome", "score"),
    [
        (Outcome.SCORED, None),
        (Outcome.SCORED, math.nan),
        (Outcome.SCORED, math.inf),
        (Outcome.DIVERGED, 0.0),
        (Outcome.CRASH, 1.0),
    ],
)
def test_score_comes_with_success_and_only_with_it(outcome: Outcome, score: float | None) -> None:
    with pytest.raises(ValueError, match="Candidate 1"):
        Verdict(1, outcome, score, {})


def test_measures_are_finite(new: New) -> None:
    with pytest.raises(ValueError, match="not finite"):
        replace(new.verdict(1), measures={"state_slots": math.nan})
