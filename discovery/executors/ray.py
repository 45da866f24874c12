"""Ray as a pool of warm workers: one actor per slot, text in and text out, nothing kept in Ray.

A dead worker costs only the job it was on: the job is tried again on a new worker, and after `_ATTEMPTS` deaths its
programs are reported as crashed. When Ray itself dies, its calls wait for ever, so that somebody has to look.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from archive.records import OpenJob
from discovery.executors.base import Completed, ExecutorError, crashed
from discovery.executors.isolation import Demand, open_sandbox
from evaluators.job import Job, Report
from evaluators.sandbox.levels import SandboxError
from evaluators.sandbox.supervisor import Sandbox

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
import ray

_ATTEMPTS = 3
_INHERITED = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV"})
_INHERITED_PREFIXES = ("RAY_", "CUDA_", "NVIDIA_", "LC_")
_OBJECT_STORE_BYTES = 80 * 2**20  # Ray's smallest: jobs and reports are a few kilobytes
_LOOK_EVERY = 2.0  # seconds
_ANSWER_WITHIN = 10.0  # seconds
_OUR_CODE = Path(__file__).parents[2]


class _Worker:
    """Lives in a process of its own and keeps a sandbox warm, opened for the first job."""

    def __init__(self, sandbox: Demand, device: str) -> None:
        self._settings = sandbox, device
        self._sandbox: Sandbox | None = None

    def evaluate(self, job: str) -> str:
        if self._sandbox is None:  # not opened in the constructor, whose errors Ray reports as a death of the worker
            self._sandbox = open_sandbox(*self._settings)
        return self._sandbox.evaluate(Job.model_validate_json(job)).model_dump_json()


class Ray:
    """Workers on this machine, or on a cluster that already runs.

    Args:
        workers: How many, on a cluster at most one per CPU; None means one per CPU of the machine or cluster.
        address: Of a running cluster; None starts Ray here, for this run alone.
        sandbox: The isolation that is asked for, to be had wherever a worker runs.
        device: Where to train.

    Raises:
        ExecutorError: Ray cannot be started, or not be reached.
    """

    def __init__(self, workers: int | None, address: str | None, sandbox: Demand, device: str) -> None:
        context: dict[str, Any] = (
            {"address": address}
            if address
            else {
                "address": "local",  # whatever RAY_ADDRESS says
                "num_cpus": workers,
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
            }
        )
        # Ray puts the current folder first on the workers' import path, and a file there could stand in for ours.
        with _without_secrets(), chdir(_OUR_CODE):
            _start_ray(context)
        self._vital = _vital_addresses()
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call] # Ray publishes no type for it
        cpus = max(1, int(resources.get("CPU", 1)))
        self.slots = min(workers or cpus, cpus)
        self._actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Worker)
        self._settings = sandbox, device
        self._idle = [self._actor.remote(*self._settings) for _ in range(self.slots)]
        self._running: dict[Any, tuple[OpenJob, Any, int]] = {}

    def submit(self, job: OpenJob) -> None:
        """Hand a job to an idle worker."""
        self._start(job, self._idle.pop(), attempt=1)

    def wait(self) -> list[Completed]:
        """Block until at least one job is through; several may come back together."""
        done: list[Completed] = []
        while not done:
            self._check_alive()
            ready, _ = ray.wait(list(self._running), num_returns=1, timeout=_LOOK_EVERY)
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
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, (ValueError, SandboxError)):
                raise ExecutorError(str(error.cause)) from error
            raise
        except ray.exceptions.RayError as error:
            self._check_alive()
            if getattr(error, "actor_init_failed", False):
                raise ExecutorError(f"A worker cannot start: {_lines(error)[-1]}") from error
            fresh = self._actor.remote(*self._settings)
            if attempt < _ATTEMPTS:
                self._start(job, fresh, attempt + 1)
                return None
            self._idle.append(fresh)
            detail = f"{_ATTEMPTS} workers died on this job"
            return Completed(job.id, crashed(job, detail), f"job {job.id}: {detail} ({_lines(error)[0]})")
        self._idle.append(worker)
        trouble = f"job {job.id}: a worker died, tried again on a new one" if attempt > 1 else ""
        return Completed(job.id, report, trouble)

    def _check_alive(self) -> None:
        for address in self._vital:
            try:
                socket.create_connection(address, timeout=_ANSWER_WITHIN).close()
            except OSError as error:
                raise ExecutorError(f"Ray is gone: nobody answers at {address[0]}:{address[1]} any more.") from error


def _start_ray(context: dict[str, Any]) -> None:
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=True, **context)
    except Exception as error:  # Ray raises all kinds, and Exception itself among them
        raise ExecutorError(
            f"Ray cannot be started or reached: {_lines(error)[0]} The search also runs without it: executor.kind: "
            "inprocess."
        ) from error


def _vital_addresses() -> list[tuple[str, int]]:
    """Where the processes listen without which Ray is dead: the head's control store, and the manager of this node."""
    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    nodes = ray.nodes()  # type: ignore[no-untyped-call] # Ray publishes no type for it
    (node,) = (node for node in nodes if node["NodeID"] == context.get_node_id())
    return [(host.strip("[]"), int(port)), (node["NodeManagerAddress"], node["NodeManagerPort"])]


@contextmanager
def _without_secrets() -> Iterator[None]:
    """Hide the environment, but for what Ray needs: its processes inherit it, and keys stay with the driver."""
    everything = dict(os.environ)
    for name in everything:
        if name not in _INHERITED and not name.startswith(_INHERITED_PREFIXES):
            del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(everything)


def _lines(error: Exception) -> list[str]:
    return str(error).strip().splitlines() or [type(error).__name__]
