from __future__ import annotations

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from evaluators.job import Job, Outcome, Race, Report, Result

finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=1e-300, max_value=1e300)
counts = st.integers(min_value=0, max_value=2**53)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)

races = st.builds(
    Race,
    learning_rates=st.sets(positive, min_size=1, max_size=5).map(lambda rates: tuple(sorted(rates))),
    scout_fraction=st.floats(min_value=0, max_value=1, exclude_min=True),
    finalists=st.integers(1, 5),
    hopeless=st.floats(min_value=1, max_value=100, exclude_min=True),
)
jobs = st.builds(
    Job,
    programs=st.lists(text, max_size=3).map(tuple),
    task=text,
    seeds=st.sets(counts, min_size=1, max_size=4).map(tuple),
    race=races,
    budget=positive,
    device=text,
    time_limit=positive,
    memory_limit=st.integers(1, 2**60),
)
scouted = st.lists(st.tuples(positive, st.none() | finite), max_size=4).map(tuple)
failures = st.builds(
    Result,
    outcome=st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.SCORED]),
    detail=text,
    scouted=scouted,
    run_steps=counts,
    seconds=finite,
)
scores = st.builds(
    Result,
    outcome=st.just(Outcome.SCORED),
    learning_rate=positive,
    losses=st.lists(finite, min_size=1, max_size=3).map(tuple),
    train_losses=st.lists(finite, max_size=3).map(tuple),
    curve=st.lists(st.tuples(counts, finite), max_size=3).map(tuple),
    scouted=scouted,
    run_steps=counts,
    seconds=finite,
)
reports = st.builds(
    Report,
    task=text,
    task_version=text,
    device=text,
    initial_loss=finite,
    seconds=finite,
    results=st.lists(failures | scores, max_size=3).map(tuple),
)


@given(jobs)
def test_a_job_survives_json(job: Job) -> None:
    assert Job.model_validate_json(job.model_dump_json()) == job


@given(reports)
def test_a_report_survives_json_bit_for_bit(report: Report) -> None:
    assert Report.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_no_number_that_is_not_finite_gets_into_a_result(bad: float) -> None:
    with pytest.raises(ValidationError):
        Result(outcome=Outcome.SCORED, learning_rate=0.1, losses=(0.5, bad))
    with pytest.raises(ValidationError):
        Result(outcome=Outcome.DIVERGED, scouted=((0.1, bad),))


def test_nothing_can_rank_a_failure_because_it_has_no_losses() -> None:
    with pytest.raises(ValidationError, match="scored"):
        Result(outcome=Outcome.DIVERGED, learning_rate=0.1, losses=(0.5,))
    with pytest.raises(ValidationError, match="scored"):
        Result(outcome=Outcome.SCORED)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seeds": ()},
        {"seeds": (1, 1)},
        {"seeds": (-1,)},
        {"budget": 0.0},
        {"time_limit": math.nan},
        {"race": {"learning_rates": ()}},
        {"race": {"learning_rates": (0.1, 0.01)}},
        {"race": {"learning_rates": (0.1, 0.1)}},
        {"race": {"learning_rates": (0.0, 0.1)}},
        {"race": {"hopeless": 1.0}},
        {"sead": (1,)},
    ],
)
def test_a_job_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Job.model_validate({"programs": (), "task": "digits_mlp", **wrong})


def test_messages_cannot_be_changed_after_the_fact() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Result(outcome=Outcome.TIMEOUT).outcome = Outcome.SCORED


def test_messages_and_task_names_load_without_torch_so_that_drivers_stay_light() -> None:
    code = "import sys, evaluators.job, evaluators.tasks; evaluators.tasks.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
