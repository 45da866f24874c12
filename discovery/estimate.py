"""What a run will cost, before it runs.

The search is rehearsed without training, which tells what jobs it would ask for; one of them for each task is measured
by the workers that the configuration names; and the search is rehearsed once more with what they answered, so that
about as many candidates fail, and climb, as in earnest.

    seconds of a job = overhead + steps / speed,    steps = programs x learning rates x scouting
                                                            + programs over the hurdle x finalists x seeds
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from pathlib import Path

from archive.records import OpenJob, Purpose
from discovery.bench.free import FreeExecutor
from discovery.config import Config
from discovery.executors import Executor
from discovery.llm.forecast import Forecast, forecast
from discovery.plan import initial_rules
from discovery.rehearsal import Rehearsal, Replaying, on_its_own, rehearse
from evaluators import tasks
from evaluators.job import Job, Result

_FIRST = 64
"""Candidates of the first rehearsal: enough for full jobs on every rung that is not reached by very few."""
_SECOND = 256
_SHORT = 0.05
"""Share of a job's steps that is measured first; the second measurement is as long as `_SECONDS` allow."""
_SECONDS = 4.0
_JOBS = 4
"""Different jobs that are measured, at least: how many rules fail early has a say in the speed."""
_SEARCHING = (Purpose.SEARCH, Purpose.REMEASURE)


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one worker is on one task while all of them work.

    Attributes:
        overhead: Seconds that every job takes, however short.
        steps_per_s: Training steps of one model per second.
        results: What came of the rules that were trained: samples for the second rehearsal.
    """

    overhead: float
    steps_per_s: float
    results: tuple[Result, ...] = field(repr=False)

    def seconds(self, job: Job, outpaced: int = 0) -> float:
        """What a job will take in which so many programs do not get over the hurdle."""
        return self.overhead + steps_of(job, outpaced) / self.steps_per_s


@dataclass(frozen=True, slots=True)
class Limit:
    """What one limit of the budget comes to.

    Attributes:
        name: The key of the configuration.
        value: Its value there.
        evaluations: Candidates measured.
        device_seconds: Time of workers, the start and the last measurement included.
        seconds: Wall-clock time, likewise.
        disk_bytes: Size of the archive.
    """

    name: str
    value: float
    evaluations: int
    device_seconds: float
    seconds: float
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a configuration will cost here.

    Attributes:
        workers: Jobs at a time.
        speeds: By task.
        evaluations_per_s: Candidates per second, all workers together.
        proposals_per_s: How many candidates per second the driver itself can propose and store.
        worker_memory_bytes: The most that the processes of all workers held at once, shared memory counted for each;
            None where that cannot be seen.
        baselines: Start rules and baselines that are measured before the search.
        settings: How many of them are further settings of a baseline.
        baseline_seconds: Time of workers for all of them, before the search.
        limits: Of the budget; the run ends with the first of them.
        calls: What language models will be asked; None where none are.
    """

    workers: int
    speeds: dict[str, Speed]
    evaluations_per_s: float
    proposals_per_s: float
    worker_memory_bytes: int | None
    baselines: int
    settings: int
    baseline_seconds: float
    limits: tuple[Limit, ...]
    calls: Forecast | None = None


def estimate(
    config: Config, runs: Path, build: Callable[[], Executor], tell: Callable[[str], None] = lambda _: None
) -> Estimate:
    """Measure for some seconds what the run of a configuration will cost.

    Args:
        config: What would be run.
        runs: Where other runs lie, whose rules it may start from.
        build: Makes the executor of the configuration.
        tell: Is told what is being done.

    Raises:
        RuleError: A start rule or baseline cannot be found or read.
        ExecutorError, SandboxError: The workers cannot be had.
    """
    with tempfile.TemporaryDirectory() as folder:
        tell("rehearsing the search")
        alone = on_its_own(config, runs, Path(folder))
        asked = rehearse(alone, Path(folder) / "first", _FIRST, FreeExecutor())
        executor = build()
        try:
            speeds = {task: _measure(executor, asked.jobs, task, tell) for task in config.evaluation.tasks}
            workers, memory = max(1, executor.slots), _memory_of_children()
        finally:
            executor.close()
        tell("rehearsing the search with what was measured")
        samples = {task: speed.results for task, speed in speeds.items()}
        rehearsed = rehearse(alone, Path(folder) / "second", _SECOND, Replaying(samples, workers))
    found = combine(config, workers, speeds, memory, rehearsed)
    start = next(initial.program for initial in initial_rules(config, runs) if initial.start)
    evaluations = min((limit.evaluations for limit in found.limits), default=0)
    return replace(found, calls=forecast(config, start, evaluations))


def combine(
    config: Config, workers: int, speeds: dict[str, Speed], memory: int | None, rehearsed: Rehearsal
) -> Estimate:
    """Scale what was measured and rehearsed up to the budget."""

    def cost(jobs: Iterable[OpenJob]) -> float:
        return sum(speeds[job.job.task].seconds(job.job, rehearsed.outpaced[job.id]) for job in jobs)

    start = cost(job for job in rehearsed.jobs if job.purpose is Purpose.BASELINE)
    end = cost(job for job in rehearsed.jobs if job.purpose is Purpose.FRESH)
    each = cost(job for job in rehearsed.jobs if job.purpose in _SEARCHING) / rehearsed.candidates
    # The driver thinks while workers train, unless it is itself the worker.
    driving = rehearsed.seconds / rehearsed.candidates
    pace = each + driving if config.executor.kind == "inprocess" else max(each / workers, driving)

    grown = (rehearsed.disk_bytes - rehearsed.empty_bytes) / rehearsed.candidates

    def limit(name: str, value: float, evaluations: float) -> Limit:
        number = max(0, int(evaluations))
        return Limit(
            name=name,
            value=value,
            evaluations=number,
            device_seconds=start + end + number * each,
            seconds=(start + end) / workers + number * pace,
            disk_bytes=rehearsed.empty_bytes + int(number * grown),
        )

    limits = []
    budget = config.budget
    if budget.evaluations is not None:
        limits.append(limit("evaluations", budget.evaluations, budget.evaluations))
    if budget.minutes is not None:
        limits.append(limit("minutes", budget.minutes, (60 * budget.minutes - start / workers) / pace))
    if budget.device_seconds is not None:
        limits.append(limit("device_seconds", budget.device_seconds, (budget.device_seconds - start) / each))
    return Estimate(
        workers=workers,
        speeds=speeds,
        evaluations_per_s=1 / pace,
        proposals_per_s=1 / driving,
        worker_memory_bytes=memory,
        baselines=len(rehearsed.initial),
        settings=sum(each.base is not None for each in rehearsed.initial),
        baseline_seconds=start,
        limits=tuple(limits),
    )


# Measuring


def _typical(jobs: Sequence[OpenJob], task: str, workers: int) -> list[Job]:
    """A few of the largest jobs on a task, as many for each worker; those of the start if the search got no further."""
    here = [job.job for job in jobs if job.job.task == task and job.purpose is not Purpose.FRESH]
    largest = max(len(job.programs) for job in here)
    full = [job for job in here if len(job.programs) == largest][::-1]
    return list(islice(cycle(full), workers * math.ceil(_JOBS / workers)))


def _measure(executor: Executor, jobs: Sequence[OpenJob], task: str, tell: Callable[[str], None]) -> Speed:
    """Train some jobs twice, with few steps and with more, on all workers at once."""
    tell(f"measuring {task}")
    chosen = _typical(jobs, task, max(1, executor.slots))
    _train(executor, chosen, _SHORT / 10)  # starts processes and loads the data
    brief, _ = _train(executor, chosen, _SHORT)
    share = min(1.0, max(2 * _SHORT, _SHORT * _SECONDS / brief))
    longer, results = _train(executor, chosen, share)
    per_worker = sum(map(steps_of, chosen)) / max(1, executor.slots)
    speed = per_worker * (share - _SHORT) / max(longer - brief, 1e-9)
    overhead = max(0.0, longer - share * per_worker / speed) * max(1, executor.slots) / len(chosen)
    return Speed(overhead, speed, tuple(results))


def _train(executor: Executor, jobs: Sequence[Job], share: float) -> tuple[float, list[Result]]:
    """Train the jobs for a share of their steps; returns the seconds that it took, and what came of the programs."""
    began = time.monotonic()
    waiting = [
        OpenJob(
            number,
            Purpose.SEARCH,
            tuple(range(1, len(job.programs) + 1)),
            job.model_copy(update={"budget": share * job.budget}),
        )
        for number, job in enumerate(jobs, 1)
    ]
    results: list[Result] = []
    in_flight = 0
    while waiting or in_flight:
        while waiting and in_flight < executor.slots:
            executor.submit(waiting.pop())
            in_flight += 1
        for completed in executor.wait():
            in_flight -= 1
            results += completed.report.results
    return time.monotonic() - began, results


def steps_of(job: Job, outpaced: int = 0) -> float:
    """Steps of single models that a job is at most, with so many programs that end with scouting.

    Rules that fail take fewer.
    """
    race, programs = job.race, len(job.programs)
    scouting = programs * len(race.learning_rates) * race.scout_fraction
    finals = (programs - outpaced) * race.finalists * len(job.seeds)
    return (scouting + finals) * job.budget * tasks.get(job.task).steps


def _memory_of_children() -> int | None:
    """The largest resident sizes of all processes below this one, added up."""
    parents: dict[int, int] = {}
    peaks: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue  # ended meanwhile
        pid = int(lines["Pid"])
        parents[pid] = int(lines["PPid"])
        peaks[pid] = 1024 * int(lines.get("VmHWM", "0 kB").split()[0])
    below = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return sum(peaks[pid] for pid in below - {os.getpid()}) or None
