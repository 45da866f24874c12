"""Running a search without training anything, to see what it would ask for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archive.records import OpenJob
from discovery.bench.free import FreeExecutor
from discovery.config import BudgetConfig, Config, EmittersConfig, LlmConfig
from discovery.executors import Completed
from discovery.loop import drive, prepare
from discovery.plan import Initial
from discovery.rules import resolve
from discovery.runs import Run, create
from evaluators.job import Job, Outcome, Report, Result
from programs import zoo
from programs.show import show

_LEARNED = Result(outcome=Outcome.SCORED, learning_rate=1e-2, losses=(0.5,), train_losses=(0.5,))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of a search that trained nothing.

    Attributes:
        jobs: Everything that it asked for, in order.
        outpaced: By job, how many of its programs ended with scouting.
        initial: The rules that are there before the search.
        candidates: How many it proposed.
        seconds: What the driver took for all of it.
        empty_bytes: Size of its archive before the first turn.
        disk_bytes: Size in the end.
    """

    jobs: Sequence[OpenJob]
    outpaced: Counter[int]
    initial: Sequence[Initial]
    candidates: int
    seconds: float
    empty_bytes: int
    disk_bytes: int


class Replaying(FreeExecutor):
    """Answers at once with results that others had, by task and one after the other.

    Args:
        samples: By task. Start rules and baselines get the first that is scored: a search cannot start from a failure.
        slots: Jobs at a time.
    """

    def __init__(self, samples: Mapping[str, Sequence[Result]], slots: int) -> None:
        super().__init__(slots)
        self._samples = samples
        self._given = 0

    def wait(self) -> list[Completed]:
        """Answer everything."""
        done = [Completed(job.id, self._report(job.job)) for job in self.jobs]
        self.jobs.clear()
        return done

    def _report(self, job: Job) -> Report:
        samples = self._samples[job.task]
        learned = next((sample for sample in samples if sample.outcome is Outcome.SCORED), _LEARNED)
        results = []
        for source in job.programs:
            self._given += 1
            sample = samples[self._given % len(samples)] if source.startswith("def candidate") else learned
            results.append(_over(job.hurdle, _fitted(sample, len(job.seeds))))
        return Report(
            task=job.task, task_version="", device="none", initial_loss=1.0, seconds=0.0, results=tuple(results)
        )


def on_its_own(config: Config, runs: Path, folder: Path) -> Config:
    """The configuration with its archive in a file, and with its rules in files of `folder` unless the zoo has them.

    Nobody is asked in a rehearsal: other emitters stand in for language models.

    Raises:
        RuleError: A rule cannot be found or read.
    """
    written: dict[str, str] = {}
    for name in (*config.start, *config.report.baselines):
        if name not in zoo.names():
            path = folder / f"{len(written)}.rule"
            path.write_text(show(resolve(name, runs).program), encoding="utf-8")
            written[name] = str(path)
    start = tuple(written.get(name, name) for name in config.start)
    baselines = tuple(written.get(name, name) for name in config.report.baselines)
    return config.model_copy(
        update={
            "start": start,
            "report": config.report.model_copy(update={"baselines": baselines}),
            "archive": config.archive.model_copy(update={"url": None}),
            "emitters": _asking_nobody(config.emitters),
        }
    )


def _asking_nobody(emitters: EmittersConfig) -> EmittersConfig:
    """The emitters without language models; symbolic edits are on if those were alone."""
    others = (emitters.symbolic, emitters.crossover, emitters.constants, emitters.random)
    changes: dict[str, object] = {"llm": LlmConfig()}
    if not any(other.weight for other in others):
        changes["symbolic"] = emitters.symbolic.model_copy(update={"weight": 1.0})
    return emitters.model_copy(update=changes)


def rehearse(config: Config, folder: Path, candidates: int, executor: FreeExecutor) -> Rehearsal:
    """Run the search in `folder` until it has proposed so many candidates."""
    run = create(config.model_copy(update={"budget": BudgetConfig(evaluations=candidates)}), folder)
    empty = _size(run)
    recorder = _Recorder()
    search = prepare(run)
    began = time.monotonic()
    drive(search, executor, recorder)
    seconds = time.monotonic() - began
    return Rehearsal(
        jobs=recorder.jobs,
        outpaced=recorder.outpaced,
        initial=search.scheduler.plan.initial,
        candidates=search.scheduler.proposed,
        seconds=seconds,
        empty_bytes=empty,
        disk_bytes=_size(run),
    )


def _size(run: Run) -> int:
    run.store.database.close()  # SQLite then clears its journal away
    return sum(path.stat().st_size for path in run.folder.glob("run.db*"))


class _Recorder:
    """A watcher that keeps the jobs it saw, and counts who did not get over a hurdle."""

    def __init__(self) -> None:
        self.jobs: list[OpenJob] = []
        self.outpaced: Counter[int] = Counter()

    def started(self, _search: object, job: OpenJob) -> None:
        self.jobs.append(job)

    def told(self, _search: object, completed: Completed, _told: object) -> None:
        results = completed.report.results
        self.outpaced[completed.job] = sum(result.outcome is Outcome.OUTPACED for result in results)

    def troubled(self, _message: str) -> None:
        pass


def _over(hurdle: float | None, result: Result) -> Result:
    """What becomes of a program with this result where there is a hurdle."""
    best = result.best_scout
    if hurdle is None or best is None or best <= hurdle or result.outcome is not Outcome.SCORED:
        return result
    return Result(outcome=Outcome.OUTPACED, scouted=result.scouted)


def _fitted(result: Result, seeds: int) -> Result:
    """A result with as many losses as a job has seeds."""
    losses, train_losses = ((values * seeds)[:seeds] for values in (result.losses, result.train_losses))
    return result.model_copy(update={"losses": losses, "train_losses": train_losses})
