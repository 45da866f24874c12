"""Who killed the worker: split the batch until the guilty program is alone, and measure the innocent again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evaluators.job import Job, Outcome, Result
from evaluators.sandbox.wire import Failure


@dataclass(frozen=True, slots=True)
class Death:
    """A worker that came to a bad end, and all it was measuring with it.

    Attributes:
        outcome: Of the program that did it, once it is known.
        detail: What happened, for a reader.
        seconds: How long it took.
    """

    outcome: Outcome
    detail: str
    seconds: float

    @staticmethod
    def of(failure: Failure, seconds: float) -> Death:
        """The death of a worker that failed like this."""
        return Death(_OUTCOMES.get(failure.kind, Outcome.CRASH), failure.detail, seconds)


_OUTCOMES = {"memory": Outcome.MEMORY, "late": Outcome.TIMEOUT}


def bisect(job: Job, attempt: Callable[[Job], tuple[Result, ...] | Death]) -> tuple[Result, ...]:
    """The result of every program of a job, in order, whatever any of them does to its worker.

    One guilty program among n costs about 2 log2(n) further attempts. A part of a job has that part of its time, so a
    program that hangs holds up its job by about two time limits.

    Args:
        job: What to measure.
        attempt: Measures a job in a fresh worker; the results, or how the worker died.
    """
    if not job.programs:
        return ()
    answer = attempt(job)
    if not isinstance(answer, Death):
        return answer
    if len(job.programs) == 1:
        return (Result(outcome=answer.outcome, detail=answer.detail, seconds=answer.seconds),)
    middle = len(job.programs) // 2
    parts = (job.programs[:middle], job.programs[middle:])
    return tuple(result for part in parts for result in bisect(_part(job, part), attempt))


def _part(job: Job, programs: tuple[str, ...]) -> Job:
    share = len(programs) / len(job.programs)
    return job.model_copy(update={"programs": programs, "time_limit": job.time_limit * share})
