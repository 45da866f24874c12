"""A zygote whose workers do what their first hostile program is named after, by the same protocol as the real one.

Programs of the language cannot do any of this, so the worker's body is Python here. A job without a hostile program is
measured honestly.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from evaluators.job import Job
from evaluators.sandbox import wire, work, zygote
from evaluators.sandbox.claims import Measured
from evaluators.sandbox.wire import Answer

MIB = 2**20
FOREVER = 1e6


def hostile(name: str) -> str:
    """The text of a rule that learns, and that makes its worker do something else."""
    return f"def hostile_{name}(w, g, lr):\n    return g * lr\n"


def attack(connection: socket.socket) -> None:
    """The body of a worker."""
    job = Job.model_validate_json(wire.receive(connection, wire.LARGEST))
    found = re.search(r"def hostile_(\w+)\(", "".join(job.programs))
    if found is None:
        zygote.answer(connection, job)
    else:
        ATTACKS[found[1]](connection, job)


def forging(change: Callable[[dict[str, Any]], None]) -> Callable[[socket.socket, Job], None]:
    """Measure honestly, then change the first result."""

    def forge(connection: socket.socket, job: Job) -> None:
        answer, weights = honest(job)
        change(answer["report"]["results"][0])
        wire.send(connection, json.dumps(answer).encode())
        wire.send(connection, weights)

    return forge


def honest(job: Job) -> tuple[dict[str, Any], bytes]:
    done = work.attempt(job)
    assert isinstance(done, Measured)
    return json.loads(Answer(report=done.report).model_dump_json()), wire.pack(done.weights)


def another_task(connection: socket.socket, job: Job) -> None:
    answer, weights = honest(job)
    answer["report"]["task"] = "text_ngram"
    wire.send(connection, json.dumps(answer).encode())
    wire.send(connection, weights)


def other_weights(connection: socket.socket, job: Job) -> None:
    answer, weights = honest(job)
    wire.send(connection, json.dumps(answer).encode())
    wire.send(connection, np.zeros(len(weights) // 4, np.float32).tobytes())


def fewer_weights(connection: socket.socket, job: Job) -> None:
    answer, weights = honest(job)
    wire.send(connection, json.dumps(answer).encode())
    wire.send(connection, weights[:-4])


def huge_frame(connection: socket.socket, _: Job) -> None:
    connection.sendall(wire.HEADER.pack(2**30))
    while True:
        connection.sendall(bytes(MIB))


def trickle(connection: socket.socket, _: Job) -> None:
    connection.sendall(wire.HEADER.pack(1000))
    while True:
        connection.sendall(b" ")
        time.sleep(0.01)


def say_nothing(_: socket.socket, __: Job) -> None:
    time.sleep(FOREVER)


def answer_twice(connection: socket.socket, job: Job) -> None:
    answer, weights = honest(job)
    for _ in range(2):
        wire.send(connection, json.dumps(answer).encode())
        wire.send(connection, weights)


def hang_up_and_run_on(connection: socket.socket, _: Job) -> None:
    connection.close()
    time.sleep(FOREVER)


def segfault(_: socket.socket, __: Job) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(_: socket.socket, __: Job) -> NoReturn:
    os._exit(7)


def chatter(connection: socket.socket, job: Job) -> None:
    for _ in range(20):
        os.write(1, bytes(MIB))
        os.write(2, bytes(MIB))
    zygote.answer(connection, job)


def daemon(connection: socket.socket, job: Job) -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(FOREVER)
        os._exit(0)
    zygote.answer(connection, job)


def kill_the_zygote(connection: socket.socket, job: Job) -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1.0)  # on a busy machine its death takes a moment to arrive
    zygote.answer(connection, job)


def stop_the_zygote(_: socket.socket, __: Job) -> None:
    with contextlib.suppress(PermissionError):
        os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(FOREVER)


def hoard(connection: socket.socket, job: Job) -> None:
    """Allocate without end, as honest code might."""
    hoarded = []

    def measure(_: Job) -> NoReturn:
        while True:
            hoarded.append(np.ones(8 * MIB))

    vars(work)["measure"] = measure
    zygote.answer(connection, job)


def hoard_together(_: socket.socket, __: Job) -> None:
    """Stay below the limit of one process, many times over."""
    children = 6
    while children and os.fork():
        children -= 1
    held = np.ones(32 * MIB)
    time.sleep(FOREVER * held[0])


ATTACKS: dict[str, Callable[[socket.socket, Job], None]] = {
    "losses_of_zero": forging(lambda result: result.update(losses=[0.0, 0.0])),
    "nan": forging(lambda result: result.update(losses=[float("nan")] * 2)),
    "huge_loss": forging(lambda result: result.update(losses=[-1e300] * 2)),
    "huge_count": forging(lambda result: result.update(run_steps=10**400)),
    "another_rate": forging(lambda result: result.update(learning_rate=0.123)),
    "another_field": forging(lambda result: result.update(score=1.0)),
    "score_for_a_failure": forging(lambda result: result.update(outcome="invalid")),
    **{
        body.__name__: body
        for body in (
            another_task,
            other_weights,
            fewer_weights,
            huge_frame,
            trickle,
            say_nothing,
            answer_twice,
            hang_up_and_run_on,
            segfault,
            leave,
            chatter,
            daemon,
            kill_the_zygote,
            stop_the_zygote,
            hoard,
            hoard_together,
        )
    },
}

if __name__ == "__main__":
    zygote.main(sys.argv[1:], {**zygote.BODIES, "work": attack})
