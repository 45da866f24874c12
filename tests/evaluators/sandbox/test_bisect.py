from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from evaluators.job import Job, Outcome, Result
from evaluators.sandbox.bisect import Death, bisect
from evaluators.sandbox.wire import Failure, Kind

FINE = Result(outcome=Outcome.DIVERGED, detail="measured")


class Attempts:
    """Workers that die of certain programs."""

    def __init__(self, guilty: dict[str, Kind]) -> None:
        self.guilty = guilty
        self.jobs: list[Job] = []

    def __call__(self, job: Job) -> tuple[Result, ...] | Death:
        self.jobs.append(job)
        for program in job.programs:
            if program in self.guilty:
                return Death.of(Failure(kind=self.guilty[program], detail=f"died of {program}"), 1.0)
        return tuple(FINE.model_copy(update={"detail": program}) for program in job.programs)


def job(count: int) -> Job:
    return Job(programs=tuple(f"p{i}" for i in range(count)), task="digits_mlp", time_limit=80.0)


kinds = st.sampled_from(["memory", "late", "raised"])
OUTCOMES = {"memory": Outcome.MEMORY, "late": Outcome.TIMEOUT, "raised": Outcome.CRASH}


@given(st.integers(0, 9), st.dictionaries(st.integers(0, 8).map(lambda i: f"p{i}"), kinds))
def test_exactly_the_guilty_are_marked_and_everybody_else_is_measured(count: int, guilty: dict[str, Kind]) -> None:
    asked = job(count)
    results = bisect(asked, Attempts(guilty))
    assert len(results) == count
    for program, result in zip(asked.programs, results, strict=True):
        if program in guilty:
            expected = OUTCOMES[guilty[program]]
            assert (result.outcome, result.detail) == (expected, f"died of {program}")
        else:
            assert (result.outcome, result.detail) == (Outcome.DIVERGED, program)


@given(st.integers(1, 64), st.integers(0, 63))
def test_one_guilty_program_costs_a_logarithm_of_attempts_and_of_nobodys_time_but_its_own(count: int, who: int) -> None:
    attempts = Attempts({f"p{who % count}": "late"})
    bisect(job(count), attempts)
    assert len(attempts.jobs) <= 1 + 2 * math.ceil(math.log2(count))
    hung = sum(part.time_limit for part in attempts.jobs if f"p{who % count}" in part.programs)
    assert hung < 2.5 * 80.0
    for part in attempts.jobs:
        assert math.isclose(part.time_limit, 80.0 * len(part.programs) / count)


def test_where_nothing_goes_wrong_one_attempt_is_all() -> None:
    attempts = Attempts({})
    bisect(job(8), attempts)
    assert attempts.jobs == [job(8)]
