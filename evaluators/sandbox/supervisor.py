"""The parent's side: jobs in, reports out, at any level, whatever a candidate does to the process that runs it."""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import fmean
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from evaluators import tasks
from evaluators.job import Job, Outcome, Report, Result
from evaluators.sandbox import claims
from evaluators.sandbox.bisect import Death, bisect
from evaluators.sandbox.claims import Measured
from evaluators.sandbox.launch import Launch, launch
from evaluators.sandbox.levels import Level
from evaluators.sandbox.limits import Limits
from evaluators.sandbox.wire import BreachError, Case, Failure, Judgement
from evaluators.sandbox.workers import Workers

ZYGOTE = "evaluators.sandbox.zygote"


class _Hands(Protocol):
    """Who does the work: children, or this process."""

    def measure(self, job: Job, facts: Judgement) -> Measured | Death: ...

    def judge(self, case: Case, weights: NDArray[np.float32]) -> Judgement: ...

    def close(self) -> None: ...


class Sandbox:
    """Measures jobs at a level of isolation, one at a time.

    At level 0 everything happens in this process, which must have called `evaluators.device.prepare`. Above, this
    process needs no torch: it starts one that forks a worker for every job, and starts it again whenever it dies.

    Args:
        level: How far what is measured is kept apart.
        limits: What each process of the sandbox may use, and how much memory all of them together.
        gpu: Let it reach the GPUs; memory is then not limited.

    Raises:
        SandboxError: The sandbox cannot be started.
    """

    grace = 5.0
    """Seconds beyond a job's time limit after which its worker is not late but stuck."""

    def __init__(self, level: Level, limits: Limits | None = None, *, gpu: bool = False) -> None:
        self.level = level
        self._limits = limits or Limits()
        self._gpu = gpu
        if gpu:
            self._limits = replace(self._limits, memory_bytes=None)
        self._facts: dict[Case, Judgement] = {}
        self._hands: _Hands = (
            _ThisProcess()
            if level == Level.IN_PROCESS
            else Workers(self._launch, self._limits.memory_bytes, self.grace)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill whatever was started."""
        self._hands.close()

    def evaluate(self, job: Job) -> Report:
        """Measure a job. Nothing that a program does ends this process or gets a number past the judge.

        On a CPU, and but for the times, the report is the same at every level. Whatever is raised, an interruption
        too, everything that was started is killed, and the next job starts it afresh.

        Raises:
            ValueError: There is no such task or device.
            SandboxError: The sandbox itself has failed.
        """
        started = time.monotonic()
        try:
            facts = self._known(job)
            results = bisect(job, self._attempt)
        except BaseException:
            self.close()  # what is under way would answer the next question instead of this one
            raise
        return Report(
            task=job.task,
            task_version=facts.task_version,
            device=facts.device,
            initial_loss=fmean(facts.initial),
            seconds=time.monotonic() - started,
            results=results,
            sandbox=int(self.level),
        )

    def _launch(self) -> Launch:
        """How to start a zygote."""
        arguments = (str(int(self.level)), self._limits.encode(), "gpu" if self._gpu else "cpu")
        return launch(self.level, ZYGOTE, self._limits, arguments=arguments, gpu=self._gpu)

    def _known(self, job: Job) -> Judgement:
        """What a judge says of a task and its seeds before anything has run."""
        if job.task not in tasks.names():
            tasks.get(job.task)
        case = Case(task=job.task, seeds=job.seeds, device=job.device)
        if case not in self._facts:
            self._facts[case] = self._hands.judge(case, np.empty(0, np.float32))
        return self._facts[case]

    def _attempt(self, job: Job) -> tuple[Result, ...] | Death:
        """The judged results of a job, or how its worker died; a worker that lies is as good as dead."""
        started = time.monotonic()
        facts = self._known(job)
        measured = self._hands.measure(job, facts)
        if isinstance(measured, Death):
            return measured
        report = measured.report
        try:
            claims.check(job, report, facts, time.monotonic() - started)
            doubt = claims.doubt(job, report)
            if doubt is not None:
                return doubt
            count = len(claims.scored(report))
            if not count:
                return report.results
            case = Case(task=job.task, seeds=job.seeds, device=job.device, count=count)
            return claims.settle(report, self._hands.judge(case, measured.weights))
        except BreachError as error:
            return Death(Outcome.CRASH, f"the worker {error}", time.monotonic() - started)


class _ThisProcess:
    """Level 0. What it needs is imported on use, because it includes torch."""

    def measure(self, job: Job, _facts: Judgement) -> Measured | Death:
        from evaluators.sandbox.work import attempt

        started = time.monotonic()
        done = attempt(job)
        return Death.of(done, time.monotonic() - started) if isinstance(done, Failure) else done

    def judge(self, case: Case, weights: NDArray[np.float32]) -> Judgement:
        from evaluators.sandbox.judge import judge

        return judge(case, weights)

    def close(self) -> None:
        """Nothing was started."""
