"""Ray as a pool of warm workers: one actor per slot, text in and text out, nothing kept in Ray.

A dead worker costs only the job it was on: the job is tried again on a new worker, and after `_ATTEMPTS` deaths its
programs are reported as crashed.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from archive.records import OpenJob
from discovery.executors.base import Completed, crashed
from evaluators.job import Job, Report

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
import ray

_ATTEMPTS = 3
_OBJECT_STORE_BYTES = 80 * 2**20  # Ray's smallest: jobs and reports are a few kilobytes


class _Worker:
    """Lives in a process of its own and keeps torch and the data sets warm."""

    def __init__(self) -> None:
        from evaluators.device import prepare

        prepare()

    def evaluate(self, job: str) -> str:
        from evaluators.evaluate import evaluate

        return evaluate(Job.model_validate_json(job)).model_dump_json()


class Ray:
    """Workers on this machine, or on a cluster that already runs.

    Args:
        workers: How many; None means one per CPU of the machine or cluster.
        address: Of a running cluster; None starts Ray here, for this run alone.
    """

    def __init__(self, workers: int | None, address: str | None) -> None:
        context: dict[str, Any] = (
            {"address": address}
            if address
            else {
                "num_cpus": workers,
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
            }
        )
        ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=True, **context)
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call] # Ray publishes no type for it
        self.slots = workers or max(1, int(resources.get("CPU", 1)))
        self._actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Worker)
        self._idle = [self._actor.remote() for _ in range(self.slots)]
        self._running: dict[Any, tuple[OpenJob, Any, int]] = {}

    def submit(self, job: OpenJob) -> None:
        """Hand a job to an idle worker."""
        self._start(job, self._idle.pop(), attempt=1)

    def wait(self) -> list[Completed]:
        """Block until at least one job is through; several may come back together."""
        done: list[Completed] = []
        while not done:
            ready, _ = ray.wait(list(self._running), num_returns=1)
            more, _ = ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
            for reference in {*ready, *more}:
                completed = self._collect(reference)
                done += [completed] if completed else []
        return done

    def close(self) -> None:
        """Stop the workers, and Ray itself if it was started here."""
        ray.shutdown()

    def _start(self, job: OpenJob, worker: Any, attempt: int) -> None:
        reference = worker.evaluate.remote(job.job.model_dump_json())
        self._running[reference] = job, worker, attempt

    def _collect(self, reference: Any) -> Completed | None:
        """The report of a finished job, or None if its worker died and it was started again."""
        job, worker, attempt = self._running.pop(reference)
        try:
            report = Report.model_validate_json(ray.get(reference))
        except ray.exceptions.RayActorError as error:
            fresh = self._actor.remote()
            if attempt < _ATTEMPTS:
                self._start(job, fresh, attempt + 1)
                return None
            self._idle.append(fresh)
            detail = f"{_ATTEMPTS} workers died on this job"
            return Completed(job.id, crashed(job, detail), f"job {job.id}: {detail} ({_first_line(error)})")
        self._idle.append(worker)
        trouble = f"job {job.id}: a worker died, tried again on a new one" if attempt > 1 else ""
        return Completed(job.id, report, trouble)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
