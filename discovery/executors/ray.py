"""Ray as a pool of warm workers: text in and text out, nothing kept in Ray.

Workers come and go with the nodes of a cluster; `slots` follows. What is lost is never a result, at most the time spent
on one: a job whose worker or node is gone starts again elsewhere. A node that leaves says nothing about the programs;
but a job whose worker died `ATTEMPTS` times while its node stayed takes the blame, and its programs are reported as
crashed.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import ray

from archive.records import OpenJob
from discovery.executors.base import Completed, ExecutorError, crashed
from discovery.executors.cluster import Cluster, capacity, lines
from discovery.executors.isolation import Demand
from discovery.executors.worker import Worker, software
from evaluators.job import Report

_LOG = logging.getLogger(__name__)
ATTEMPTS = 5
"""Deaths of its workers after which a job is given up."""
_FALSE_STARTS = 10
"""Workers that die one after the other before any is ready."""
_LOOK_EVERY = 2.0  # seconds
_SAY_NOTHING_FOR = 20.0
"""Seconds without a worker after which one wants to know, or to go on."""


@dataclass(eq=False)
class _Hand:
    """A worker, and the node it is on once it is ready."""

    actor: Any
    node: str = ""


@dataclass
class _Errand:
    """A job under way.

    Attributes:
        attempt: How often it was started.
        deaths: How often its worker died though the node stayed.
        errors: How often the sandbox itself failed.
        trouble: What happened so far.
    """

    job: OpenJob
    attempt: int = 0
    deaths: int = 0
    errors: int = 0
    trouble: list[str] = field(default_factory=list)


class Ray:
    """Workers on this machine, or on a cluster that already runs.

    Args:
        workers: How many to ask for; None means one per CPU of the machine or cluster, while nodes join and leave.
        address: Of a running cluster; None starts Ray here, for this run alone.
        gpus_per_worker: What each worker holds of a GPU.
        sandbox: The isolation that is asked for, to be had wherever a worker runs.
        device: Where to train.

    Raises:
        ExecutorError: Ray cannot be started, or not be reached, or has no GPU for a worker.
    """

    def __init__(
        self, workers: int | None, address: str | None, gpus_per_worker: float, sandbox: Demand, device: str
    ) -> None:
        self._cluster = Cluster(address, workers)
        self._workers = workers
        self._gpus_per_worker = gpus_per_worker
        self._actor = ray.remote(num_cpus=1, num_gpus=gpus_per_worker, max_restarts=0, max_task_retries=0)(Worker)
        self._settings = sandbox, device
        self._software = software()
        self._starting: dict[Any, _Hand] = {}
        self._idle: list[_Hand] = []
        self._running: dict[Any, tuple[_Errand, _Hand]] = {}
        self._unfit: list[_Hand] = []  # they keep their place, or Ray would put the next one there
        self._waiting: deque[_Errand] = deque()
        self._false_starts = 0
        self._looked = self._staffed = time.monotonic()
        try:
            self._muster(here=address is None)
        except BaseException:
            self.close()
            raise

    @property
    def slots(self) -> int:
        """How many workers are ready. On a cluster it changes, and may be 0 for a while."""
        return len(self._idle) + len(self._running)

    def submit(self, job: OpenJob) -> None:
        """Hand a job to an idle worker, or to the first that is."""
        self._waiting.append(_Errand(job))
        self._assign()

    def wait(self) -> list[Completed]:
        """Block until jobs are through, which may be several, or more workers are ready than before."""
        done: list[Completed] = []
        before = self.slots
        while (
            not done and self.slots <= before and (self._running or self._waiting or self._starting or not self._idle)
        ):
            self._look()
            came = self._news()
            done = self._collect_all(came & self._running.keys())
            for reference in came & self._starting.keys():
                self._welcome(reference)
            self._assign()
        return done

    def close(self) -> None:
        """Stop the workers, and Ray itself if it was started here."""
        self._cluster.close()

    def _news(self) -> set[Any]:
        """What Ray has an answer to, after waiting a little for the first."""
        watched = [*self._running, *self._starting]
        if not watched:
            time.sleep(_LOOK_EVERY)
            return set()
        first, _ = ray.wait(watched, num_returns=1, timeout=_LOOK_EVERY)
        all_, _ = ray.wait(watched, num_returns=len(watched), timeout=0)
        return {*first, *all_}

    # Workers

    def _muster(self, *, here: bool) -> None:
        """Hire, and give those a while who have a place, so that `slots` says from the start what there is."""
        places = capacity(self._cluster.nodes().values(), self._gpus_per_worker)
        if here and not places:
            raise ExecutorError(
                f"executor.gpus_per_worker is {self._gpus_per_worker:g}, but Ray finds no such GPU here."
            )
        self._staff()
        expected, deadline = min(places, len(self._starting)), time.monotonic() + _SAY_NOTHING_FOR
        while self.slots < expected and time.monotonic() < deadline:
            for reference in self._news() & self._starting.keys():
                self._welcome(reference)

    def _look(self) -> None:
        """See now and then whether Ray lives and which nodes it has."""
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        self._cluster.check_alive()
        self._staff()
        if self.slots:
            self._staffed = now
        elif now - self._staffed > _SAY_NOTHING_FOR:
            self._staffed = float("inf")
            _LOG.warning("No worker is ready: waiting for the cluster to have a free CPU%s.", self._gpu_clause())

    def _staff(self) -> None:
        """Forget idle workers of nodes that left, and ask for as many as are wanted now."""
        nodes = self._cluster.nodes()
        self._idle = [hand for hand in self._idle if hand.node in nodes]
        self._unfit = [hand for hand in self._unfit if hand.node in nodes or not hand.node]
        wanted = self._workers or max(1, capacity(nodes.values(), self._gpus_per_worker))
        for _ in range(wanted - self.slots - len(self._starting) - len(self._unfit)):
            hand = _Hand(self._actor.remote(*self._settings))
            self._starting[hand.actor.prepare.remote(self._software)] = hand

    def _welcome(self, reference: Any) -> None:
        """Take in a worker that is ready, or not fit to be one."""
        hand = self._starting.pop(reference)
        try:
            hand.node = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            why = lines(error.cause)[0]
        except ray.exceptions.RayError as error:
            self._cluster.check_alive()
            why = lines(error)[-1]
            self._false_starts += 1
            if not getattr(error, "actor_init_failed", False) and (self.slots or self._false_starts < _FALSE_STARTS):
                self._staff()
                return
        else:
            self._false_starts = 0
            self._idle.append(hand)
            self._staffed = min(self._staffed, time.monotonic())
            return
        self._unfit.append(hand)
        if not self.slots and not self._starting:
            raise ExecutorError(f"No worker can start: {why}")
        _LOG.warning("A worker cannot be used: %s", why)

    def _replace(self, hand: _Hand) -> None:
        ray.kill(hand.actor)
        self._staff()

    # Jobs

    def _assign(self) -> None:
        while self._waiting and self._idle:
            errand, hand = self._waiting.popleft(), self._idle.pop()
            errand.attempt += 1
            self._running[hand.actor.evaluate.remote(errand.job.job.model_dump_json())] = errand, hand

    def _collect_all(self, references: Iterable[Any]) -> list[Completed]:
        """What came of these jobs; an error waits for the next call if there are results to be told before."""
        done, failure = [], None
        for reference in references:
            try:
                completed = self._collect(reference)
            except ExecutorError as error:
                failure = error
            else:
                done += [completed] if completed else []
        if failure and not done:
            raise failure
        return done

    def _collect(self, reference: Any) -> Completed | None:
        """What came of a job, or None if it has to be started again."""
        errand, hand = self._running[reference]
        try:
            report = Report.model_validate_json(ray.get(reference))
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ValueError):
                raise ExecutorError(str(error.cause)) from error
            errand.errors += 1
            if errand.errors >= ATTEMPTS:
                raise ExecutorError(f"Job {errand.job.id} failed {ATTEMPTS} times: {lines(error.cause)[0]}") from error
            errand.trouble.append(f"a worker failed ({lines(error.cause)[0]})")
        except ray.exceptions.RayError as error:
            self._cluster.check_alive()
            if hand.node not in self._cluster.nodes():
                errand.trouble.append("its node left")
            else:
                errand.deaths += 1
                errand.trouble.append(f"a worker died ({lines(error)[-1]})")
        else:
            del self._running[reference]
            self._idle.append(hand)
            return self._completed(errand, report)
        del self._running[reference]
        self._replace(hand)
        if errand.deaths == ATTEMPTS:
            return self._completed(errand, crashed(errand.job, f"{ATTEMPTS} workers died on this job"))
        self._waiting.appendleft(errand)
        return None

    def _completed(self, errand: _Errand, report: Report) -> Completed:
        trouble = (
            f"job {errand.job.id}, attempt {errand.attempt}: {'; '.join(errand.trouble)}" if errand.trouble else ""
        )
        return Completed(errand.job.id, report, trouble, errand.attempt)

    def _gpu_clause(self) -> str:
        return f" and {self._gpus_per_worker:g} GPU" if self._gpus_per_worker else ""
