"""Whatever a server does, a question ends in time with an answer or with a reason, and the key stays where it is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from discovery.config import ModelConfig
from discovery.llm.client import MAX_REPLY, Answer, CallError, Client
from discovery.llm.keys import KeyMissingError, read_key
from discovery.llm.prompts import message
from llm_server import Reply, Server, completion, serving

KEY = "sk-test-4711"


def ask(url: str, **changes: Any) -> Answer:
    async def once() -> Answer:
        client = Client(ModelConfig.model_validate({"model": "m", "base_url": url, "retries": 0} | changes))
        try:
            return await client.ask([message("user", "hello")], seed=7, extra={"grammar": "root ::= x"})
        finally:
            await client.close()

    return asyncio.run(once())


def refused(answer: Callable[[dict[str, Any]], str | Reply], **changes: Any) -> tuple[CallError, Server]:
    with serving(answer) as server, pytest.raises(CallError) as caught:
        ask(server.url, **changes)
    return caught.value, server


def test_an_answer_comes_with_its_tokens_and_the_question_with_all_its_fields() -> None:
    with serving(lambda _: "hi") as server:
        assert ask(server.url, temperature=0.5, max_tokens=33) == Answer("hi", 100, 10, cut=False)
    (request,) = server.requests
    assert (request["model"], request["seed"], request["max_tokens"]) == ("m", 7, 33)
    assert (request["temperature"], request["grammar"]) == (0.5, "root ::= x")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(status: int) -> None:
    replies: Iterator[str | Reply] = iter(
        [Reply({"error": "busy"}, status), Reply({"error": "busy"}, status, {"Retry-After": "0"}), "hi"]
    )
    with serving(lambda _: next(replies)) as server:
        assert ask(server.url, retries=2).text == "hi"
    assert len(server.requests) == 3


@pytest.mark.parametrize(("status", "reason"), [(429, "rate limited"), (500, "server error"), (529, "server error")])
def test_what_does_not_pass_is_given_up_with_its_reason(status: int, reason: str) -> None:
    error, server = refused(lambda _: Reply({"error": "no"}, status), retries=1)
    assert (error.reason, error.final, len(server.requests)) == (reason, False, 2)


@pytest.mark.parametrize(("status", "final"), [(400, False), (401, True), (404, True)])
def test_a_refusal_is_not_tried_again(status: int, final: bool) -> None:
    error, server = refused(lambda _: Reply({"error": {"message": "nope"}}, status), retries=3)
    assert (error.reason, error.final, len(server.requests)) == ("refused", final, 1)
    assert "nope" in error.detail


def test_a_long_wait_that_a_server_asks_for_ends_at_the_deadline() -> None:
    error, _ = refused(lambda _: Reply({}, 429, {"Retry-After": "3600"}), retries=3, deadline=0.3)
    assert error.reason in ("rate limited", "deadline")


@pytest.mark.parametrize("reply", [Reply({}, hang=True), Reply(completion("hi"), drip=0.05)], ids=["hangs", "drips"])
def test_a_slow_server_is_left_at_the_deadline(reply: Reply) -> None:
    error, _ = refused(lambda _: reply, deadline=0.3)
    assert error.reason == "deadline"


GIANT = b'{"choices": [' + b" " * 2**20


@pytest.mark.parametrize("status", [200, 500])
def test_a_giant_reply_is_not_read_to_its_end(status: int) -> None:
    error, _ = refused(lambda _: Reply(GIANT, status, repeat=10))
    assert error.reason == ("reply too large" if status == 200 else "server error")
    assert len(error.detail) < 3_000
    assert len(GIANT) * 10 > 10 * MAX_REPLY


BROKEN = {
    "half of a JSON": Reply(b'{"choices": [{"message": {"content": "de'),
    "half of what was announced": Reply(b'{"choices": [', length=10_000),
    "no JSON": Reply(b"<html>It works!</html>"),
    "nested without end": Reply(b"[" * 500_000),
    "no choices": Reply({"choices": []}),
    "other fields": Reply({"output": [{"text": "hi"}]}),
    "a list": Reply([1, 2]),
    "no text": Reply(completion(None)),
    "an object for a text": Reply(completion({"text": "hi"})),
    "nothing": Reply(b""),
    "bytes that are no text": Reply(b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_reply_is_a_reason_and_not_an_exception_of_a_library(reply: Reply) -> None:
    error, _ = refused(lambda _: reply)
    assert error.reason == "broken reply"


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": -1, "completion_tokens": "9"}, {"prompt_tokens": 1e30}, 7]
)
def test_tokens_are_estimated_where_a_server_does_not_count(usage: Any) -> None:
    with serving(lambda _: Reply(completion("abcdefgh", usage=usage))) as server:
        answer = ask(server.url)
    assert (answer.prompt_tokens, answer.answer_tokens) == (2, 2)


def test_a_server_that_is_not_there_is_no_connection() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
        with pytest.raises(CallError, match="no connection"):
            ask(url)


def test_a_key_is_sent_to_its_server_and_cut_out_of_its_complaints(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    (tmp_path / "key").write_text(f"{KEY}\n")
    for where in ({"api_key_env": "SOME_KEY"}, {"api_key_file": str(tmp_path / "key")}):
        error, server = refused(lambda _: Reply({"error": f"Incorrect API key provided: {KEY}"}, 401), **where)
        assert server.requests[0]["headers"]["authorization"] == f"Bearer {KEY}"
        assert KEY not in str(error)
        assert "[key]" in str(error)


@pytest.mark.parametrize("where", [{"api_key_env": "NOT_SET_ANYWHERE"}, {"api_key_file": "nowhere/key"}])
def test_a_key_that_is_missing_is_said_before_anything_is_asked(where: dict[str, str]) -> None:
    with pytest.raises(KeyMissingError, match=next(iter(where.values()))):
        read_key(ModelConfig.model_validate({"model": "m"} | where))


def test_the_environment_is_not_searched_for_keys_that_nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(lambda _: "hi") as server:
        ask(server.url)
    assert KEY not in str(server.requests)
