from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from evaluators.sandbox import wire
from evaluators.sandbox.wire import Answer, BreachError, Case, ClosedError, Judgement, LateError

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def soon() -> float:
    return time.monotonic() + 0.15


@given(st.lists(st.binary(max_size=3000), max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_frames_arrive_whole_and_apart(pair: Pair, frames: list[bytes]) -> None:
    for frame in frames:
        wire.send(pair[0], frame)
    assert [wire.receive(pair[1], 3000) for _ in frames] == frames


def test_a_frame_larger_than_any_buffer_arrives(pair: Pair) -> None:
    frame = bytes(range(256)) * 2**14
    thread = threading.Thread(target=wire.send, args=(pair[0], frame))
    thread.start()
    assert wire.receive(pair[1], len(frame), deadline=time.monotonic() + 60) == frame
    thread.join()


def test_a_frame_over_the_cap_is_refused_by_its_header_alone(pair: Pair) -> None:
    pair[0].sendall(wire.HEADER.pack(11))
    with pytest.raises(BreachError, match="11 bytes where 10 are the most"):
        wire.receive(pair[1], 10)


@pytest.mark.parametrize("begun", [b"", b"\0\0", wire.HEADER.pack(5) + b"1234"])
def test_whoever_hangs_up_before_the_end_is_found_out(pair: Pair, begun: bytes) -> None:
    pair[0].sendall(begun)
    pair[0].close()
    with pytest.raises(ClosedError, match="hung up"):
        wire.receive(pair[1], 10)
    with pytest.raises(ClosedError, match="hung up"):
        wire.send(pair[1], bytes(2**20))


def test_silence_ends_at_the_deadline(pair: Pair) -> None:
    with pytest.raises(LateError):
        wire.receive(pair[1], 10, deadline=soon())


def test_a_trickle_ends_at_the_deadline(pair: Pair) -> None:
    stop = threading.Event()

    def trickle() -> None:
        pair[0].sendall(wire.HEADER.pack(10**6))
        while not stop.wait(0.001):
            pair[0].sendall(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    with pytest.raises(LateError):
        wire.receive(pair[1], 10**6, deadline=soon())
    stop.set()
    thread.join()


def test_a_reader_that_does_not_read_cannot_hold_up_a_writer(pair: Pair) -> None:
    with pytest.raises(LateError):
        wire.send(pair[0], bytes(2**24), deadline=soon())


def test_the_watch_looks_while_a_frame_is_awaited_and_can_end_the_wait(pair: Pair) -> None:
    def watch() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        wire.receive(pair[1], 10, deadline=time.monotonic() + 60, watch=watch)


def test_after_an_answer_there_is_nothing_but_the_end(pair: Pair) -> None:
    with pytest.raises(BreachError, match="did not hang up"):
        wire.receive_end(pair[1], deadline=soon())
    pair[0].sendall(b"x")
    with pytest.raises(BreachError, match="more"):
        wire.receive_end(pair[1], deadline=soon())
    pair[0].close()
    wire.receive_end(pair[1], deadline=soon())


RESULT = '{"outcome": "scored", "learning_rate": 0.1, "losses": [%s]}'
REPORT = (
    '{"report": {"task": "t", "task_version": "v", "device": "cpu", "initial_loss": 2, "seconds": 1, "results": [%s]}}'
)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "null", '"0.5"x', "[0.5]", "1" * 5000])
def test_no_number_that_is_none_gets_through(number: str) -> None:
    assert Answer.model_validate_json(REPORT % (RESULT % "0.5")).report is not None
    with pytest.raises(ValidationError):
        Answer.model_validate_json(REPORT % (RESULT % number))


@pytest.mark.parametrize(
    "frame",
    ["", "null", "[]", '{"raport": null}', '{"report": {}}', REPORT % RESULT[:-1], '{"failure": {"kind": "x"}}'],
)
def test_what_is_no_answer_is_refused(frame: str) -> None:
    with pytest.raises(ValidationError):
        Answer.model_validate_json(frame)


@given(st.integers(0, 3), st.integers(1, 3), st.integers(1, 5))
def test_weights_arrive_bit_for_bit(count: int, seeds: int, size: int) -> None:
    weights = np.random.default_rng(0).standard_normal((count, seeds, size)).astype(np.float32)
    case = Case(task="t", seeds=tuple(range(seeds)), device="cpu", count=count)
    assert np.array_equal(case.weights(wire.pack(weights)).reshape(weights.shape), weights)


@given(st.lists(st.lists(st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False)).map(tuple)).map(tuple))
def test_judged_losses_arrive_bit_for_bit(losses: tuple[tuple[float | None, ...], ...]) -> None:
    said = Judgement(task_version="v", device="cpu", steps=1, size=1, initial=(2.5,), losses=losses)
    assert Judgement.model_validate_json(said.model_dump_json()) == said
