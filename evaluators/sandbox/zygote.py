"""The child: a process that has torch and the data warm, confines itself, and forks a process for every piece of work.

It does little else, so that it stays what it was when it started: it has one thread, it computes no gradient (autograd
starts threads, which a fork would not have), it never touches CUDA (a context does not survive a fork; each of its
children makes its own), and it reads nothing that a candidate could have written. It ends when its parent does: by a
signal of the kernel, and at the end of its socket.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping

from evaluators import tasks
from evaluators.cuda import images
from evaluators.device import prepare
from evaluators.job import Job
from evaluators.native import build
from evaluators.sandbox import wire
from evaluators.sandbox.enter import enter, isolate
from evaluators.sandbox.judge import judge
from evaluators.sandbox.kernel import prctl
from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.limits import Limits
from evaluators.sandbox.wire import Answer, Case, ClosedError, Failure, Order, Reply, Role
from evaluators.sandbox.work import attempt

PR_SET_CHILD_SUBREAPER = 36
PAUSE = 0.001
"""Seconds between two looks at a child that is about to end."""

Body = Callable[[socket.socket], None]
"""What a child does with the socket that it was given."""


def work(connection: socket.socket) -> None:
    """Measure one job."""
    answer(connection, Job.model_validate_json(wire.receive(connection, wire.LARGEST)))


def answer(connection: socket.socket, job: Job) -> None:
    """Say what came of a job, and show the weights."""
    done = attempt(job)
    if isinstance(done, Failure):
        wire.send(connection, Answer(failure=done).model_dump_json().encode())
    else:
        wire.send(connection, Answer(report=done.report).model_dump_json().encode())
        wire.send(connection, wire.pack(done.weights))
    connection.shutdown(socket.SHUT_WR)


def decide(connection: socket.socket) -> None:
    """Judge one case after the other until the parent hangs up."""
    while True:
        try:
            case = Case.model_validate_json(wire.receive(connection, wire.LARGEST))
        except ClosedError:
            return
        weights = case.weights(wire.receive(connection, wire.LARGEST))
        try:
            said = Answer(judgement=judge(case, weights))
        except ValueError as error:
            said = Answer(failure=Failure(kind="refused", detail=str(error)))
        wire.send(connection, said.model_dump_json().encode())


BODIES: Mapping[str, Body] = {"work": work, "judge": decide}


def serve(control: socket.socket, level: Level, bodies: Mapping[str, Body]) -> None:
    """Carry out one order after the other until the parent hangs up.

    Args:
        control: Where orders come from; one to fork brings a socket for the child.
        level: At which a child is isolated.
        bodies: What children do, by role.
    """
    children: dict[Role, int] = {}
    try:
        while True:
            header, passed, _, _ = socket.recv_fds(control, wire.HEADER.size, 1)
            if not header:
                break
            order = Order.model_validate_json(wire.receive(control, wire.ORDER_CAP, begun=header))
            if order.do == "fork":
                _ = tasks.get(order.task).version  # Loads the data, which the children share from then on.
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, passed[0]) as connection:
                    children[order.role] = _fork(bodies[order.role], connection, control, level)
                reply = Reply()
            else:
                reply = Reply(status=_reap(children.pop(order.role), order.patience))
            wire.send(control, reply.model_dump_json().encode())
    except ClosedError:
        pass
    for child in children.values():
        os.kill(child, signal.SIGKILL)


def _fork(body: Body, connection: socket.socket, control: socket.socket, level: Level) -> int:
    gc.freeze()  # What is here now stays for ever; looking at it would only copy it into every child.
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        control.close()
        os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
        isolate(level)
        gc.enable()
        body(connection)
        status = 0
    finally:
        os._exit(status)


def _reap(child: int, patience: float) -> int:
    """End a child that does not end by itself in time; its status, negative for a signal."""
    deadline = time.monotonic() + patience
    ended, status = os.waitpid(child, os.WNOHANG)
    while not ended and time.monotonic() < deadline:
        time.sleep(PAUSE)
        ended, status = os.waitpid(child, os.WNOHANG)
    if not ended:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def main(arguments: list[str], bodies: Mapping[str, Body] = BODIES) -> None:
    """Get ready, confine this process, and serve the socket that is its standard input.

    Args:
        arguments: Level, limits, and `gpu` or `cpu`.
        bodies: What children do, by role.
    """
    level, limits, gpu = Level(int(arguments[0])), Limits.decode(arguments[1]), arguments[2] == "gpu"
    control = socket.socket(fileno=os.dup(0))
    os.dup2(sys.stdout.fileno(), 0)
    prepare()
    for name in tasks.names():
        tasks.get(name)
    build.unavailable()  # Loads the library, which the children share; a child may not be able to read it.
    images.preload()
    gc.disable()
    try:
        enter(level, limits, gpu=gpu)
    except SandboxError as error:
        sys.exit(str(error))
    if sys.platform == "linux":
        # Whatever a child leaves behind becomes a child of this process, where the parent can find it.
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    wire.send(control, Reply().model_dump_json().encode())
    serve(control, level, bodies)


if __name__ == "__main__":
    main(sys.argv[1:])
