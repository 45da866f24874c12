"""What language models were asked is kept beside what came of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archive.calls import Call
from archive.errors import ConflictError
from archive.records import MAIN_DRIVER
from archive.store import RunStore, Store
from stored import Hands, New

CALL = Call(
    exchange=3,
    tick=11,
    purpose="propose",
    model="small",
    kind="rewrite",
    prompt=({"role": "system", "content": "é → 学"}, {"role": "user", "content": "line 1\nline 2"}),
    answer="line 3: u = tanh(m)",
    request={"form": "edit", "parents": [1], "line": 3},
    outcome="valid",
    reason="",
    prompt_tokens=812,
    answer_tokens=9,
    cost=0.1 + 0.2,
    seconds=1.5,
)


def note(run: RunStore, *calls: Call, driver: str = MAIN_DRIVER) -> None:
    with run.enter(driver).turn() as turn:
        turn.note(calls)


def test_calls_read_back_as_they_were_written_in_the_order_settled(store: Store, store_url: str, run: RunStore) -> None:
    calls = [CALL, replace(CALL, purpose="repair"), replace(CALL, exchange=1, answer="", outcome="failed")]
    note(run, *calls[:1])
    note(run, *calls[1:])
    store.close()
    with Store.open(store_url) as again:
        read = again.run("first").calls()
    assert [replace(call, prompt=tuple(call.prompt)) for call in read] == calls


def test_calls_are_found_by_driver_and_by_candidate(run: RunStore, new: New) -> None:
    Hands(run).ask([new.candidate(1)], [], {})
    note(run, CALL, replace(CALL, exchange=4, candidate=1))
    note(run, replace(CALL, exchange=1), driver="helper")
    assert [call.exchange for call in run.calls()] == [3, 4, 1]
    assert [call.exchange for call in run.calls(driver="helper")] == [1]
    assert [call.exchange for call in run.calls(candidate=1)] == [4]


def test_a_call_cannot_have_made_a_candidate_that_is_not_there(run: RunStore) -> None:
    with pytest.raises(ConflictError):
        note(run, replace(CALL, candidate=7))
    assert run.calls() == []
