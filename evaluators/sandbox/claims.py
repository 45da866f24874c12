"""What a worker claims, and how much of it is believed.

Every number is checked for being possible. The losses, the only ones that anything is ranked by, are replaced by those
of the judge. Learning curves, scouting losses and times are the worker's word.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from evaluators.job import Job, Outcome, Report, Result
from evaluators.sandbox.bisect import Death
from evaluators.sandbox.wire import BreachError, Judgement


@dataclass(frozen=True, slots=True)
class Measured:
    """What a worker says.

    Attributes:
        report: Its report.
        weights: At the end of the runs of the programs that it scored, shape `(scored, seeds, layout.size)`.
    """

    report: Report
    weights: NDArray[np.float32]


LARGEST = 4e38
"""Above the largest number in single precision."""
TOLERANCE = 1e-3
"""How far a claimed loss may be from the judge's, as a share of the initial loss. Rounding is a thousand times less."""

_MEMORY = re.compile(r"MemoryError|OutOfMemoryError|can't allocate memory|not enough memory|out of memory")


def memory_is_short(text: str) -> bool:
    """Whether what was raised says that memory could not be had."""
    return _MEMORY.search(text) is not None


def check(job: Job, report: Report, facts: Judgement, elapsed: float) -> None:
    """Look for anything that no honest worker could say.

    Args:
        job: What was asked.
        report: What came back.
        facts: Of the task, from a judge.
        elapsed: Seconds since the job began.

    Raises:
        BreachError: There is such a thing.
    """
    rates, seeds = job.race.learning_rates, len(job.seeds)
    steps = max(1, round(job.budget * facts.steps))
    most_steps = steps * (len(rates) + job.race.finalists * seeds)
    _expect((report.task, report.task_version) == (job.task, facts.task_version), "a report of another task")
    _expect(len(report.results) == len(job.programs), f"{len(report.results)} results of {len(job.programs)} programs")
    for result in report.results:
        scored = result.outcome is Outcome.SCORED
        expected = seeds if scored else 0
        _expect(len(result.losses) == len(result.train_losses) == expected, "losses that are not one per seed")
        _expect(not scored or result.learning_rate in rates, "a learning rate that is not in the grid")
        _expect(tuple(rate for rate, _ in result.scouted) in ((), rates), "scouting of another grid")
        _expect(0 <= result.run_steps <= most_steps, "an impossible number of steps")
        _expect(0 <= result.seconds <= elapsed, "an impossible time")
        _expect(min(result.flops, result.state_bytes) >= 0, "an impossible cost")
        _expect(result.outcome is not Outcome.OUTPACED or job.hurdle is not None, "a hurdle where there is none")
        marks = [0, *(step for step, _ in result.curve)]
        _expect(all(a < b for a, b in itertools.pairwise(marks)) and marks[-1] <= steps, "an impossible curve")
        numbers = [*result.losses, *result.train_losses, *(value for _, value in result.curve)]
        numbers += [loss for _, loss in result.scouted if loss is not None]
        _expect(all(abs(number) <= LARGEST for number in numbers), "a number beyond single precision")


def doubt(job: Job, report: Report) -> Death | None:
    """Why a report has to be measured again in smaller parts, if it has to.

    Whoever runs out of memory need not be the one who used it up, and after one fault of a CUDA context every call
    fails, whoever makes it.
    """
    for result in report.results:
        if result.outcome is Outcome.CRASH and memory_is_short(result.detail):
            return Death(Outcome.MEMORY, result.detail, result.seconds)
        if result.outcome is Outcome.CRASH and report.device.startswith("cuda") and len(job.programs) > 1:
            return Death(Outcome.CRASH, result.detail, result.seconds)
    return None


def scored(report: Report) -> list[int]:
    """The programs that have losses, by index."""
    return [index for index, result in enumerate(report.results) if result.outcome is Outcome.SCORED]


def settle(report: Report, judgement: Judgement) -> tuple[Result, ...]:
    """The results with the losses that the judge computed.

    Raises:
        BreachError: A claim is further from them than rounding can explain, so nothing of the report is worth having.
    """
    results = list(report.results)
    for index, losses in zip(scored(report), judgement.losses, strict=True):
        results[index] = _overrule(results[index], losses, fmean(judgement.initial))
    return tuple(results)


def _overrule(result: Result, losses: Sequence[float | None], initial: float) -> Result:
    judged = tuple(loss for loss in losses if loss is not None)
    _expect(len(judged) == len(losses), "weights without a finite loss")
    for claim, loss in zip(result.losses, judged, strict=True):
        _expect(
            abs(claim - loss) <= TOLERANCE * max(initial, loss), f"a loss of {claim:.4g}; the weights give {loss:.4g}"
        )
    if fmean(judged) < initial:
        return result.model_copy(update={"losses": judged})
    return Result(
        outcome=Outcome.DIVERGED,
        detail=f"ended at {fmean(judged):.4g}, not below the initial loss {initial:.4g}",
        scouted=result.scouted,
        run_steps=result.run_steps,
        seconds=result.seconds,
        flops=result.flops,
        state_bytes=result.state_bytes,
    )


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BreachError(f"claimed {otherwise}")
