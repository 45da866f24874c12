"""Frames between parent and child: four bytes that say how many follow, then those.

A frame is JSON, read by a pydantic model that refuses what it does not know and every number that is not finite, or
bytes whose number the reader knows beforehand. Nothing is unpickled, and the reader says how much it will take.
"""

from __future__ import annotations

import math
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from evaluators.job import Report, Seed

HEADER = struct.Struct(">I")
WEIGHTS = np.dtype("<f4")
CHUNK = 2**20
INTERVAL = 0.1
"""Seconds between two calls of whoever watches while a frame is awaited."""
LARGEST = 2**32 - 1
"""What a header can say: for readers who trust the other side."""
ORDER_CAP = 2**16
ANSWER_CAP = 2**17
"""Bytes of an answer, for each program and once more."""


Role = Literal["work", "judge"]
Kind = Literal["refused", "memory", "late", "raised"]


class BreachError(Exception):
    """The other side did not keep to the protocol."""


class ClosedError(BreachError):
    """The other side hung up in the middle, or before it said anything."""


class LateError(Exception):
    """The deadline passed."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Order(_Message):
    """What a zygote is to do: fork a child that takes its work from the socket sent along, or end that child.

    Attributes:
        do: What.
        role: What the child is for; there is one for each role at a time.
        task: What must be loaded before the fork, so that every child shares it.
        patience: Seconds that the child has to end by itself.
    """

    do: Literal["fork", "reap"]
    role: Role = "work"
    task: str = ""
    patience: float = 0.0


class Reply(_Message):
    """A zygote's answer to every order, and, unasked, to being started.

    Attributes:
        status: How the child ended: its exit status, or a signal as a negative number.
    """

    status: int = Field(default=0, ge=-64, le=255)


class Case(_Message):
    """What a judge is to look at; the weights follow as float32 of shape `(count, seeds, layout.size)`."""

    task: str
    seeds: tuple[Seed, ...]
    device: str
    count: int = 0

    def weights(self, frame: bytes) -> NDArray[np.float32]:
        """The weights that follow."""
        return np.frombuffer(frame, WEIGHTS).reshape(self.count, len(self.seeds), -1 if self.count else 0)


class Judgement(_Message):
    """What a judge found.

    Attributes:
        task_version: Of the task.
        device: Where it computed.
        steps: Of a full run of the task.
        size: Weights of the task's model.
        initial: Validation loss before training, per seed.
        losses: Validation loss of the weights, `(count, seeds)`; None where it is not finite.
    """

    task_version: str
    device: str
    steps: int
    size: int
    initial: tuple[float, ...]
    losses: tuple[tuple[float | None, ...], ...]


class Failure(_Message):
    """Why there is no better answer: the caller's mistake, memory, time, or anything else that was raised."""

    kind: Kind
    detail: str = Field(max_length=2000)


class Answer(_Message):
    """What a child says: a worker its report (the weights of the scored programs follow), a judge its judgement."""

    report: Report | None = None
    judgement: Judgement | None = None
    failure: Failure | None = None


def pack(weights: NDArray[Any]) -> bytes:
    """Weights as a frame."""
    return weights.astype(WEIGHTS).tobytes()


def send(connection: socket.socket, payload: bytes, *, deadline: float = math.inf) -> None:
    """Send one frame.

    Raises:
        LateError: The other side did not take it by the deadline, a reading of `time.monotonic`.
        ClosedError: The other side hung up.
    """
    connection.settimeout(None if math.isinf(deadline) else max(1e-3, deadline - time.monotonic()))
    try:
        connection.sendall(HEADER.pack(len(payload)) + payload)
    except TimeoutError:
        raise LateError from None
    except OSError as error:
        raise ClosedError(f"hung up: {error.strerror}") from None


def receive(
    connection: socket.socket,
    cap: int,
    *,
    deadline: float = math.inf,
    watch: Callable[[], None] | None = None,
    begun: bytes = b"",
) -> bytes:
    """Receive one frame of at most `cap` bytes.

    Args:
        connection: Where from.
        cap: A longer frame is refused before any of it is read.
        deadline: Reading of `time.monotonic` by which it must be complete, however steadily it trickles.
        watch: Called now and then; what it raises ends the wait.
        begun: Bytes of the frame that were read before.

    Raises:
        BreachError: The frame is too long.
        ClosedError: The other side hung up.
        LateError: The deadline passed.
    """
    header = begun + _exactly(connection, HEADER.size - len(begun), deadline, watch)
    (length,) = HEADER.unpack(header)
    if length > cap:
        raise BreachError(f"sent a frame of {length} bytes where {cap} are the most")
    return _exactly(connection, length, deadline, watch)


def receive_end(connection: socket.socket, *, deadline: float) -> None:
    """Wait until the other side has hung up.

    Raises:
        BreachError: It said something more, or did not hang up by the deadline.
    """
    try:
        if _some(connection, 1, deadline, None):
            raise BreachError("said more after its answer")
    except LateError:
        raise BreachError("did not hang up after its answer") from None


def _exactly(connection: socket.socket, count: int, deadline: float, watch: Callable[[], None] | None) -> bytes:
    data = bytearray()
    while len(data) < count:
        chunk = _some(connection, min(CHUNK, count - len(data)), deadline, watch)
        if not chunk:
            raise ClosedError(f"hung up after {len(data)} of {count} bytes" if data else "hung up without an answer")
        data += chunk
    return bytes(data)


def _some(connection: socket.socket, most: int, deadline: float, watch: Callable[[], None] | None) -> bytes:
    """At least one byte, or none at the end of the stream."""
    connection.settimeout(None if watch is None and math.isinf(deadline) else INTERVAL)
    while True:
        if time.monotonic() > deadline:
            raise LateError
        try:
            return connection.recv(most)
        except TimeoutError:
            if watch is not None:
                watch()
        except OSError as error:
            raise ClosedError(f"hung up: {error.strerror}") from None
