"""A zygote whose workers run a rule on the native interpreter and say what came of it, in the words of a failure."""

from __future__ import annotations

import socket
import sys

import numpy as np

from evaluators import bytecode
from evaluators.job import Job
from evaluators.native.update import Update
from evaluators.sandbox import wire, zygote
from evaluators.sandbox.wire import Answer, Failure
from programs.layout import Layout
from programs.parse import parse


def step(connection: socket.socket) -> None:
    """One step of the job's first program from 1, with gradient 2 and learning rate 0.25."""
    job = Job.model_validate_json(wire.receive(connection, wire.LARGEST))
    update = Update(bytecode.compile(parse(job.programs[0]), Layout.of([(3,)])))
    w = np.ones(3, np.float32)
    update.step(w, 2 * w, lr=0.25, t=1, steps=1)
    wire.send(
        connection, Answer(failure=Failure(kind="raised", detail=f"weights {w.tolist()}")).model_dump_json().encode()
    )
    connection.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    zygote.main(sys.argv[1:], {**zygote.BODIES, "work": step})
