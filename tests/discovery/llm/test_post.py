"""Exchanges in flight: nobody waits for them, they arrive as they come, and a mistake of ours is not swallowed."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from discovery.config import LlmConfig
from discovery.llm.exchange import Criticism, Exchange, Fate, Request
from discovery.llm.post import Post
from discovery.llm.prompts import message
from llm_server import Reply, serving, until
from programs import zoo
from programs.ir import Program

RULE = "def f(w, g, lr):\n    return tanh(g) * lr\n"


def post(url: str, **model: Any) -> Post:
    models = [{"model": "m", "base_url": url, "retries": 0} | model]
    return Post(LlmConfig.model_validate({"weight": 1.0, "models": models}))


def request(number: int, critic: Criticism | None = None) -> Request:
    return Request(
        number=number,
        model="m",
        kind="rewrite",
        form="rule",
        messages=[message("user", f"number {number}")],
        extra={},
        as_json=False,
        base=zoo.load("sgd"),
        parents=(1,),
        note="",
        seed=number,
        critic=critic,
    )


def collected(box: Post, count: int) -> list[Exchange]:
    found: list[Exchange] = []

    def enough() -> bool:
        box.wait(0.1)
        found.extend(box.collect())
        return len(found) >= count

    until(enough)
    return found


def test_answers_come_in_the_order_in_which_they_arrive() -> None:
    first_may_go = threading.Event()

    def answer(asked: dict[str, Any]) -> str:
        if asked["messages"][0]["content"] == "number 1":
            first_may_go.wait()
        return RULE

    with serving(answer) as server:
        box = post(server.url)
        for number in (1, 2):
            box.send(request(number))
        (second,) = collected(box, 1)
        first_may_go.set()
        (first,) = collected(box, 1)
        box.close()
    assert (second.request.number, first.request.number) == (2, 1)
    assert first.program == second.program
    assert first.said[0].fate is Fate.VALID


def test_sending_and_collecting_never_wait_for_a_server() -> None:
    with serving(lambda _: Reply({}, hang=True)) as server:
        box = post(server.url, concurrency=2)
        assert box.has_room("m")
        for number in (1, 2):
            box.send(request(number))
        assert not box.has_room("m")
        assert box.collect() == []
        box.close()


def test_room_is_made_when_an_answer_is_collected() -> None:
    with serving(lambda _: RULE) as server:
        box = post(server.url, concurrency=1)
        box.send(request(1))
        collected(box, 1)
        assert box.has_room("m")
        box.close()


def test_waiting_ends_with_time_too() -> None:
    box = post("http://127.0.0.1:1/v1")
    before = time.monotonic()
    box.wait(0.01)
    assert time.monotonic() - before >= 0.01
    box.close()


def test_a_mistake_in_the_thread_is_raised_where_somebody_hears_it() -> None:
    def wrong(_: Program) -> Any:
        raise ZeroDivisionError

    with serving(lambda _: RULE) as server:
        box = post(server.url)
        box.send(request(1, Criticism("m", wrong, {}, 0.0)))
        with pytest.raises(ZeroDivisionError):
            collected(box, 1)
        box.close()


def test_a_post_that_sent_nothing_has_no_thread_and_closes_at_once() -> None:
    def names() -> list[str]:
        return [thread.name for thread in threading.enumerate()]

    before = names()
    box = post("http://127.0.0.1:1/v1")
    assert names() == before
    box.close()
