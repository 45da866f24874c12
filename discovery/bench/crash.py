"""What SIGKILL costs: drivers and workers of small real runs, killed at random instants and resumed until done."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from archive.records import Evaluation
from discovery.bench.witness import Witness, work
from discovery.config import Config
from discovery.runs import Run, create
from evaluators.job import Outcome
from evaluators.sandbox import tree

_LOADED_ONCE = ["discovery.bench.witness", "discovery.executors.inprocess", "evaluators.device", "evaluators.evaluate"]
_KILLS_PER_RUN = 8
"""About; the seed changes from run to run."""
_WORKER_LIVES = 3.0
"""Seconds, at most, from the start of a worker's work to its end."""


@dataclass
class CrashReport:
    """What was counted.

    Attributes:
        driver_kills: Drivers killed.
        worker_kills: Workers killed.
        runs: Runs that were killed and resumed until they were done.
        finished: Evaluations in these runs.
        lost: Of them, those that were stored at some time and not, or not the same, at the end.
        repeated: Those that were made again though they had been stored.
        identical: Whether every run with the in-process executor, real training included, ended with the archive and
            the random state of a run that nobody killed.
        blamed: Candidates that were called crashed though it was their worker that was killed.
        differences: What was not identical.
        seconds: It all took.
    """

    driver_kills: int = 0
    worker_kills: int = 0
    runs: int = 0
    finished: int = 0
    lost: int = 0
    repeated: int = 0
    identical: bool = True
    blamed: int = 0
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0


def bench(kills: int, folder: Path, progress: Callable[[str], None], seed: int = 0) -> CrashReport:
    """Kill so many drivers, and so many workers.

    Half of the drivers train models; the others are given an evaluator that costs nothing, and so are killed in the
    middle of asking, telling and storing.
    """
    report, moments, begin = CrashReport(), random.Random(seed), time.perf_counter()
    kill_drivers(kills - kills // 2, folder / "real", report, moments, progress, free=False)
    kill_drivers(kills // 2, folder / "free", report, moments, progress, free=True)
    kill_workers(kills, folder / "workers", report, moments, progress)
    report.seconds = time.perf_counter() - begin
    return report


def kill_drivers(
    kills: int,
    folder: Path,
    report: CrashReport,
    moments: random.Random,
    progress: Callable[[str], None],
    *,
    free: bool,
) -> None:
    """Kill drivers of runs with the in-process executor, and compare each run with one that is left alone."""
    target, seed = report.driver_kills + kills, 0
    evaluations = min(300, 50 * kills) if free else min(16, 4 * kills)
    while report.driver_kills < target:
        progress(f"drivers: {report.driver_kills} killed")
        whole = create(_config(seed, "whole", evaluations=evaluations), folder)
        begin = time.perf_counter()
        with _driver(whole, free=free) as driver:
            driver.join()
        patience = 2 * (time.perf_counter() - begin) / _KILLS_PER_RUN
        broken = create(_config(seed, "broken", evaluations=evaluations), folder)
        witness = Witness(broken, _journal(broken))
        while not _finished(
            broken, witness, moments.uniform(0, patience) if report.driver_kills < target else None, free
        ):
            report.driver_kills += 1
        _close(report, witness, broken)
        compare(report, whole, broken)
        seed += 1


def kill_workers(
    kills: int, folder: Path, report: CrashReport, moments: random.Random, progress: Callable[[str], None]
) -> None:
    """Kill workers of runs on Ray, while the driver lives."""
    target, seed = report.worker_kills + kills, 0
    while report.worker_kills < target:
        run = create(
            _config(
                seed,
                "workers",
                evaluations=min(120, 12 * (target - report.worker_kills)),
                executor={"kind": "ray", "workers": 2},
            ),
            folder,
        )
        witness = Witness(run, _journal(run))
        with _driver(run, free=False) as driver:
            while driver.is_alive() and report.worker_kills < target:
                driver.join(moments.uniform(0, _WORKER_LIVES))
                report.worker_kills += _kill_one_worker(driver, moments)
                progress(f"workers: {report.worker_kills} killed")
            driver.join()
        witness.look()
        _close(report, witness, run)
        report.blamed += sum(each.result.outcome is Outcome.CRASH for each in run.store.evaluations())
        seed += 1


def _finished(run: Run, witness: Witness, patience: float | None, free: bool) -> bool:
    """Drive a run for so many seconds, or for as long as it takes; whether it came to its end by itself."""
    with _driver(run, free=free) as driver:
        driver.join(patience)
        driver.kill()
        driver.join()
    witness.look()
    if driver.exitcode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"The driver of {run.folder} failed: exit code {driver.exitcode}.")
    return driver.exitcode == 0


@contextmanager
def _driver(run: Run, *, free: bool) -> Iterator[ForkServerProcess]:
    """A driver in a process of its own, forked from one that has loaded everything."""
    context = get_context("forkserver")
    context.set_forkserver_preload(_LOADED_ONCE)
    driver = context.Process(target=work, args=(run.name, run.folder.parent, _journal(run), free))
    driver.start()
    try:
        yield driver
    finally:
        driver.kill()
        driver.join()


def _kill_one_worker(driver: ForkServerProcess, moments: random.Random) -> bool:
    """SIGKILL to a worker of Ray below the driver; False if there is none just now."""
    assert driver.pid is not None
    workers = [pid for pid in tree.descendants(driver.pid) if tree.command(pid).startswith("ray::Worker")]
    if not workers:
        return False
    try:
        os.kill(moments.choice(workers), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _journal(run: Run) -> Path:
    return run.folder / "journal"


def _close(report: CrashReport, witness: Witness, run: Run) -> None:
    """Add up what a run that is done has to say."""
    report.runs += 1
    report.finished += len(run.store.evaluations())
    report.lost += witness.lost + sum(len(job.candidates) for job in run.store.open_jobs())
    report.repeated += witness.repeated + witness.duplicates()


def compare(report: CrashReport, whole: Run, broken: Run) -> None:
    """Note down where two runs that are done differ."""
    first, second = _facts(whole), _facts(broken)
    for kind, facts in first.items():
        if facts != second[kind]:
            report.identical = False
            report.differences.append(f"{broken.folder}: {kind}")


def _facts(run: Run) -> dict[str, Any]:
    """Everything that may not depend on kills, which is everything but the time it took."""
    store = run.store
    return {
        "candidates": store.candidates(),
        "verdicts": store.verdicts(),
        "evaluations": [_timeless(evaluation) for evaluation in store.evaluations()],
        "state": _without_clock(store.state()),
    }


def _timeless(evaluation: Evaluation) -> tuple[object, ...]:
    fields = {name: getattr(evaluation, name) for name in evaluation.__slots__}
    fields["result"] = evaluation.result.model_copy(update={"seconds": 0.0})
    return tuple(fields.values())


def _without_clock(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _without_clock(value) for key, value in state.items() if not key.endswith(("seconds", "elapsed"))}
    if isinstance(state, list):
        return [_without_clock(value) for value in state]
    return state


def _config(seed: int, name: str, *, evaluations: int, executor: dict[str, Any] | None = None) -> Config:
    """Small runs of real training, with everything that keeps a state: a bandit, rungs, populations, noise."""
    return Config.model_validate(
        {
            "name": f"{name}-{seed}",
            "seed": seed,
            "start": ["adamw", "sgd"],
            "budget": {"evaluations": evaluations},
            "evaluation": {
                "learning_rates": [1e-3, 1e-2],
                "finalists": 1,
                "seeds": 1,
                "fresh_seeds": 2,
                "batch": 2,
                "sandbox": 0,
                "device": "cpu",
                "tasks": ["digits_mlp"],
                "rungs": [{"steps": 0.1}, {"steps": 0.5, "keep": 0.5}],
            },
            "strategy": {"kind": ("map_elites", "aging")[seed % 2]},
            "executor": executor or {"kind": "inprocess"},
            "report": {"elites": 1, "baselines": []},
        }
    )
