"""What is done by children of a zygote: a worker for every job, and a judge that stays. No torch here."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from evaluators.job import Job
from evaluators.sandbox import claims, tree, wire
from evaluators.sandbox.bisect import Death
from evaluators.sandbox.claims import Measured
from evaluators.sandbox.launch import Launch
from evaluators.sandbox.levels import SandboxError
from evaluators.sandbox.process import GoneError, Zygote
from evaluators.sandbox.wire import (
    Answer,
    BreachError,
    Case,
    ClosedError,
    Failure,
    Judgement,
    Kind,
    LateError,
    Role,
)

ATTEMPTS = 2
"""How often the sandbox's own part is tried before it is given up."""
JUDGE_SECONDS = 300.0
PATIENCE = 1.0
"""Seconds that a worker which hung up has to end, so that one can say how it did."""


END_SECONDS = 10.0
"""For a worker to hang up after its answer."""


class _OverweightError(Exception):
    """The children hold more memory than they may."""


class Workers:
    """A zygote and what is done with it. It is started at once, and again whenever it dies.

    Args:
        launch: How to start a zygote.
        memory_bytes: What all children together may hold; None for no limit.
        grace: Seconds beyond a job's time limit after which a worker is not late but stuck.

    Raises:
        SandboxError: The zygote cannot be started.
    """

    def __init__(self, launch: Callable[[], Launch], memory_bytes: int | None, grace: float) -> None:
        self._launch = launch
        self._memory_bytes = memory_bytes
        self._grace = grace
        self._zygote = Zygote(launch())
        self._judge: socket.socket | None = None
        self._known_to_judge: set[str] = set()

    def close(self) -> None:
        """Kill the zygote and all that is below it."""
        if self._judge is not None:
            self._judge.close()
            self._judge = None
        self._known_to_judge.clear()
        self._zygote.kill()

    def measure(self, job: Job, facts: Judgement) -> Measured | Death:
        """What a fresh worker says of a job, or how it died. It is not to be believed yet."""
        closed = None
        with self._fork("work", job.task) as connection:
            started = time.monotonic()  # A sandbox that had to be started again is not this job's fault.
            try:
                said: Measured | Failure = self._listen(connection, job, facts, started + job.time_limit + self._grace)
            except LateError:
                said = Failure(kind="late", detail="did not even stop when its time was over")
            except _OverweightError as error:
                said = Failure(kind="memory", detail=str(error))
            except ClosedError as error:
                closed = str(error)
            except BreachError as error:
                said = Failure(kind="raised", detail=f"the worker {error}")
        status, left = self._clear(0.0 if closed is None else PATIENCE)
        if closed is not None:
            kind: Kind = "late" if status == -signal.SIGXCPU else "raised"
            said = Failure(kind=kind, detail=f"the worker {closed} and {_ending(status)}")
        elif left and isinstance(said, Measured):
            said = Failure(kind="raised", detail=f"the worker left processes behind: {left}")
        return Death.of(said, time.monotonic() - started) if isinstance(said, Failure) else said

    def judge(self, case: Case, weights: NDArray[np.float32]) -> Judgement:
        """What the judge says of a case.

        Args:
            weights: Shape `(case.count, seeds, layout.size)`.

        Raises:
            ValueError: There is no such device.
            SandboxError: Judges keep dying.
        """
        problem: Exception | None = None
        for _ in range(ATTEMPTS):
            deadline = time.monotonic() + JUDGE_SECONDS
            try:
                connection = self._summon(case.task)
                wire.send(connection, case.model_dump_json().encode(), deadline=deadline)
                wire.send(connection, wire.pack(weights), deadline=deadline)
                answer = self._answer(connection, case.count, deadline)
            except (BreachError, LateError) as error:
                problem = error
                self.close()
                continue
            if answer.judgement is not None:
                return answer.judgement
            if answer.failure is not None and answer.failure.kind == "refused":
                raise ValueError(answer.failure.detail)
        raise SandboxError(f"The judge does not answer: {problem}")

    def _summon(self, task: str) -> socket.socket:
        """The judge: it never ran a candidate, so that there can be one for many jobs, but it has to know the task."""
        if self._judge is None or task not in self._known_to_judge:
            self._dismiss()
            self._judge = self._fork("judge", task)
            self._known_to_judge.add(task)
        return self._judge

    def _dismiss(self) -> None:
        if self._judge is not None:
            self._judge.close()
            self._judge = None
            with contextlib.suppress(GoneError):
                self._zygote.reap("judge", PATIENCE)

    def _fork(self, role: Role, task: str) -> socket.socket:
        for _ in range(ATTEMPTS):
            try:
                return self._zygote.fork(role, task)
            except GoneError as error:
                problem = error
                self.close()
                self._zygote = Zygote(self._launch())
        raise SandboxError(f"The sandbox cannot start a worker: {problem}")

    def _listen(self, connection: socket.socket, job: Job, facts: Judgement, deadline: float) -> Measured | Failure:
        wire.send(connection, job.model_dump_json().encode(), deadline=deadline)
        answer = self._answer(connection, len(job.programs), deadline)
        if answer.failure is not None:
            return answer.failure
        if answer.report is None:
            raise BreachError("sent an answer that says nothing")
        count = len(claims.scored(answer.report))
        size = count * len(job.seeds) * facts.size * wire.WEIGHTS.itemsize
        frame = wire.receive(connection, size, deadline=deadline, watch=self._watch)
        if len(frame) != size:
            raise BreachError(f"sent {len(frame)} bytes of weights instead of {size}")
        wire.receive_end(connection, deadline=time.monotonic() + END_SECONDS)
        return Measured(answer.report, np.frombuffer(frame, wire.WEIGHTS).reshape(count, len(job.seeds), facts.size))

    def _answer(self, connection: socket.socket, entries: int, deadline: float) -> Answer:
        frame = wire.receive(connection, wire.ANSWER_CAP * (1 + entries), deadline=deadline, watch=self._watch)
        try:
            return Answer.model_validate_json(frame)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise BreachError(f"sent an answer that is none ({place}: {first['msg']})"[:300]) from None

    def _watch(self) -> None:
        """Look at the memory of all that is below the zygote."""
        if self._memory_bytes is None:
            return
        held = sum(map(tree.resident_bytes, self._zygote.others()))
        if held > self._memory_bytes:
            raise _OverweightError(f"held {held / 2**20:.0f} MiB; the limit is {self._memory_bytes / 2**20:.0f} MiB")

    def _clear(self, patience: float) -> tuple[int | None, int]:
        """End the worker; its status, or None if the zygote is dead too, and how many processes it left behind."""
        try:
            status = self._zygote.reap("work", patience)
        except GoneError:
            self.close()
            return None, 0
        left = len(self._zygote.others())
        if left:
            self.close()
        return status, left


def _ending(status: int | None) -> str:
    if status is None:
        return "took the sandbox down with it"
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"exited with status {status}"
