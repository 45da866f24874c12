"""Whole searches with a language model: what it proposes is measured, stored, paid for, and found again by a replay."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from discovery.llm.accounting import ledger
from discovery.llm.exchange import Fate
from discovery.loop import drive, prepare
from discovery.runs import Run, RunError, open_run
from free_executor import FreeExecutor, Silent
from llm_runs import Rules, driven, emitters, one_line, stored
from llm_server import Reply, completion, serving, until

MakeRun = Callable[..., Run]


def replaying(section: dict[str, Any]) -> dict[str, Any]:
    return section | {"llm": section["llm"] | {"replay": "first"}}


def test_every_candidate_of_a_model_has_the_call_that_made_it(make_run: MakeRun) -> None:
    with serving(Rules()) as server:
        run, _ = driven(make_run, 20, emitters=emitters(server.url))
    made = [candidate for candidate in run.store.candidates() if candidate.emitter == "llm"]
    assert len(made) == 20
    for candidate in made:
        calls = run.store.calls(candidate=candidate.id)
        assert calls[-1].outcome in (Fate.VALID, Fate.REPAIRED)
        assert calls[-1].answer.splitlines()[4].strip() in candidate.source
        assert calls[0].prompt[0]["role"] == "system"
        assert calls[0].kind in candidate.note
        assert calls[0].request["parents"] == list(candidate.parents)


def test_answers_are_counted_by_what_became_of_them(make_run: MakeRun) -> None:
    with serving(Rules()) as server:
        run, _ = driven(make_run, 30, emitters=emitters(server.url, kinds={"rewrite": 1, "aim": 0, "fix": 0}))
    lines = ledger(run)
    fates = sum((line.fates for line in lines), Counter[str]())
    assert fates[Fate.VALID] + fates[Fate.REPAIRED] == 30
    assert fates[Fate.REPAIRED] > 0
    assert fates[Fate.DUPLICATE] > 0
    assert sum(line.exchanges for line in lines) == fates.total()
    assert sum(line.calls for line in lines) == len(run.store.calls())
    assert {reason for line in lines for reason in line.reasons} == {"a rule is exactly one function"}
    assert sum(line.tokens for line in lines) == sum(c.prompt_tokens + c.answer_tokens for c in run.store.calls())
    assert sum(line.entered for line in lines) > 0


def test_an_answer_that_is_no_rule_goes_back_once_with_what_the_parser_said(make_run: MakeRun) -> None:
    with serving(lambda _: "```\ndef f(w, g, lr):\n    return frobnicate(g) * lr\n```") as server:
        limits = {"calls": 4}
        run, watcher = driven(make_run, 5, emitters=emitters(server.url, limits=limits, model={"concurrency": 1}))
    assert [call.purpose for call in run.store.calls()] == ["propose", "repair"] * 2
    said = server.requests[1]["messages"]
    assert [message["role"] for message in said] == ["system", "user", "assistant", "user"]
    assert "Unknown operation 'frobnicate'" in said[3]["content"]
    assert "^" in said[3]["content"]
    assert {call.reason for call in run.store.calls()} == {"unknown operation ..."}
    assert any("emitters.llm.limits.calls" in trouble for trouble in watcher.troubles)


@pytest.mark.parametrize("form", ["edit", "line"])
def test_edits_of_a_parent_make_candidates(make_run: MakeRun, form: str) -> None:
    answer = one_line if form == "line" else lambda request: f"set beta1 = 0.{request['seed']}\nline 1: m = g * beta1"
    with serving(answer) as server:
        run, _ = driven(make_run, 6, emitters=emitters(server.url, model={"form": form, "grammar": "gbnf"}))
    made = [candidate for candidate in run.store.candidates() if candidate.emitter == "llm"]
    assert len(made) == 6
    assert all(candidate.parents for candidate in made)
    assert all(request["grammar"].startswith("root ::= ") for request in server.requests)


def test_a_json_schema_is_sent_and_its_answers_are_read(make_run: MakeRun) -> None:
    def answer(request: dict[str, Any]) -> str:
        assert request["response_format"]["json_schema"]["schema"]["required"] == ["edits"]
        edit = {"line": 1, "name": "m", "op": "interp", "a": "g", "b": "m", "c": request["seed"] / 2**31}
        return json.dumps({"edits": [edit]})

    with serving(answer) as server:
        model = {"form": "edit", "grammar": "json_schema"}
        run, _ = driven(make_run, 4, emitters=emitters(server.url, model=model))
    assert sum(candidate.emitter == "llm" for candidate in run.store.candidates()) == 4


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside others"])
def test_a_replay_makes_the_same_archive_without_a_server(make_run: MakeRun, alone: bool) -> None:
    with serving(Rules()) as server:
        section = emitters(server.url, alone=alone, insights=3)
        run, _ = driven(make_run, 25, emitters=section, name="first")
    assert any(candidate.emitter == "llm" for candidate in run.store.candidates())
    again, watcher = driven(make_run, 25, emitters=replaying(section), name="again")
    assert watcher.troubles == []
    assert again.store.candidates() == run.store.candidates()
    assert again.store.verdicts() == run.store.verdicts()
    assert stored(again) == stored(run)


def test_a_replay_of_hasty_searches_hands_answers_out_where_they_came(make_run: MakeRun) -> None:
    slow = iter(range(10**6))

    def answer(request: dict[str, Any]) -> str | Reply:
        return rules(request) if next(slow) % 3 else Reply(completion(rules(request)), drip=0.0005)

    rules = Rules()
    with serving(answer) as server:
        section = emitters(server.url, alone=False, patient=False)
        run, _ = driven(make_run, 40, emitters=section, name="first")
    again, _ = driven(make_run, 40, emitters=replaying(section), name="again")
    assert again.store.candidates() == run.store.candidates()
    assert stored(again) == stored(run)


def test_an_interrupted_search_goes_on_counting_and_its_replay_is_the_same(make_run: MakeRun) -> None:
    with serving(Rules()) as server:
        section = emitters(server.url, alone=False)
        run = make_run(budget={"evaluations": 20}, evaluation={"batch": 1}, emitters=section, name="first")
        for turns in (12, 25, 10**6):
            executor = Stopping(turns)
            try:
                drive(prepare(run), executor, Silent())
            except KeyboardInterrupt:
                run.store.database.close()
                run = open_run("first", run.folder.parent)
    calls = run.store.calls()
    assert len({(call.exchange, call.purpose, call.tick) for call in calls}) == len(calls)
    again, _ = driven(make_run, 20, emitters=replaying(section), name="again")
    assert again.store.candidates() == run.store.candidates()


class Stopping(FreeExecutor):
    """Is interrupted after so many answers."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self._left = answers

    def wait(self) -> list[Any]:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return super().wait()


def test_a_search_without_models_is_what_it_was_before_there_were_any(make_run: MakeRun) -> None:
    run, _ = driven(make_run, 30, name="plain")
    off, _ = driven(make_run, 30, emitters={"llm": {"weight": 0, "models": [{"model": "m"}]}}, name="off")
    assert run.store.candidates() == off.store.candidates()
    assert run.store.calls() == []
    assert "llm" not in run.store.state()["scheduler"]["proposer"]


def test_a_search_goes_on_while_a_server_hangs(make_run: MakeRun) -> None:
    with serving(lambda _: Reply({}, hang=True)) as server:
        section = emitters(server.url, alone=False, patient=False, model={"deadline": 60})
        run, _ = driven(make_run, 30, emitters=section)
    emitted = Counter(candidate.emitter for candidate in run.store.candidates())
    assert emitted["llm"] == 0
    assert emitted.total() >= 30
    unused = [call for call in run.store.calls() if call.outcome == Fate.UNUSED]
    assert len(unused) == len(server.requests) == 2


def test_a_search_goes_on_without_a_server_that_is_gone_and_says_so(make_run: MakeRun) -> None:
    with serving(lambda _: Reply({"error": "no such model"}, 404)) as server:
        run, watcher = driven(make_run, 10, emitters=emitters(server.url, alone=False))
    assert any("given up" in trouble and "no such model" in trouble for trouble in watcher.troubles)
    assert len(server.requests) <= 2
    assert {call.outcome for call in run.store.calls()} == {Fate.FAILED}


def test_a_search_of_models_alone_ends_when_their_server_is_gone(make_run: MakeRun) -> None:
    with serving(lambda _: Reply({"error": "broken"}, 500)) as server:
        breaker = {"failures": 2, "pause": 0.01, "give_up": 2}
        run, watcher = driven(make_run, 10, emitters=emitters(server.url, breaker=breaker))
    assert any("left alone" in trouble for trouble in watcher.troubles)
    assert any("given up" in trouble for trouble in watcher.troubles)
    assert all(candidate.emitter != "llm" for candidate in run.store.candidates())


def test_limits_are_never_passed_and_stop_the_emitter_alone(make_run: MakeRun) -> None:
    price, rules = {"prompt": 1000.0, "answer": 5000.0}, Rules()
    usage = {"prompt_tokens": 1_500, "completion_tokens": 300}  # at a price of 3
    for limits in ({"calls": 7}, {"tokens": 15_000}, {"money": 30.0}):
        with serving(lambda request: Reply(completion(rules(request), usage=usage))) as server:
            section = emitters(server.url, alone=False, weight=5.0, limits=limits, model={"price": price})
            run, watcher = driven(make_run, 40, emitters=section)
        calls = [call for call in run.store.calls() if call.outcome != Fate.UNUSED]
        assert calls
        assert len(calls) <= limits.get("calls", 10**6)
        assert sum(call.prompt_tokens + call.answer_tokens for call in calls) <= limits.get("tokens", 10**9)
        assert sum(call.cost for call in calls) <= limits.get("money", 1e9)
        assert calls[0].cost == pytest.approx(3.0)
        name = next(iter(limits))
        assert any(f"emitters.llm.limits.{name}" in trouble for trouble in watcher.troubles)
        assert sum(candidate.emitter not in ("start", "baseline") for candidate in run.store.candidates()) == 40


def test_models_and_prompts_share_the_calls_by_their_weights(make_run: MakeRun) -> None:
    with serving(Rules()) as server:
        models = [{"model": name, "base_url": server.url, "weight": weight} for name, weight in (("a", 9), ("b", 1))]
        section = emitters(server.url, models=models, exploration=1.0, kinds={"fix": 0, "aim": 0})
        run, _ = driven(make_run, 60, emitters=section)
    asked = Counter(call.model for call in run.store.calls())
    assert asked["a"] > 3 * asked["b"] > 0
    assert {call.kind for call in run.store.calls()} <= {"rewrite", "combine", "simplify", "invent"}


def test_candidates_pay_for_the_calls_that_led_to_nothing(make_run: MakeRun) -> None:
    with serving(Rules()) as server:
        section = emitters(server.url, tokens_per_training=110.0)
        run, _ = driven(make_run, 12, emitters=section)
    record = run.store.state()["scheduler"]["proposer"]["emitters"]["llm"]
    calls = [call for call in run.store.calls() if call.outcome != Fate.UNUSED]
    owed = run.store.state()["scheduler"]["proposer"]["llm"]["credit"]["owed"]
    trained = sum(e.purpose == "search" for e in run.store.evaluations())
    assert record["cost"] + owed == pytest.approx(len(calls) + trained)


def test_only_the_driver_that_leads_asks(make_run: MakeRun) -> None:
    with serving(Rules()) as server:
        run = make_run(emitters=emitters(server.url, alone=False), evaluation={"batch": 1})
        drive(prepare(run), Stopping(10**6), Silent())
        asked = len(server.requests)
        helper = prepare(open_run(run.name, run.folder.parent), "helper")
        helper.scheduler.reopen()
        for _ in range(20):
            helper.scheduler.ask(propose=True)
        helper.close()
        assert len(server.requests) == asked


def test_the_thread_of_the_models_ends_with_the_search(make_run: MakeRun) -> None:
    with serving(Rules()) as server:
        driven(make_run, 5, emitters=emitters(server.url))
        until(lambda: all(thread.name != "language models" for thread in threading.enumerate()))


def test_the_state_of_the_emitter_does_not_grow(make_run: MakeRun) -> None:
    sizes = []
    with serving(Rules()) as server:
        for evaluations in (15, 45):
            run, _ = driven(make_run, evaluations, emitters=emitters(server.url), name=f"of{evaluations}")
            sizes.append(len(str(run.store.state()["scheduler"]["proposer"]["llm"])))
    assert sizes[1] < sizes[0] + 200


def test_a_search_goes_on_with_its_server_elsewhere_and_more_to_spend(make_run: MakeRun) -> None:
    with serving(Rules()) as server:
        run = make_run(budget={"evaluations": 10}, emitters=emitters(server.url, limits={"calls": 3}))
        drive(prepare(run), FreeExecutor(), Silent())
    run.store.database.close()
    with serving(Rules()) as elsewhere:
        moved = {"emitters.llm.models.0.base_url": elsewhere.url, "emitters.llm.limits.calls": 30}
        changes = [*(f"{key}={value}" for key, value in moved.items()), "budget.evaluations=20"]
        again = open_run(run.name, run.folder.parent, changes)
        drive(prepare(again), FreeExecutor(), Silent())
        assert elsewhere.requests
    assert len([call for call in again.store.calls() if call.outcome != Fate.UNUSED]) > 3


def test_a_search_does_not_go_on_with_other_models(make_run: MakeRun) -> None:
    run = make_run(emitters=emitters("http://127.0.0.1:1/v1"))
    run.store.database.close()
    with pytest.raises(RunError, match="emitters"):
        prepare(open_run(run.name, run.folder.parent, ["emitters.llm.models.0.model=other"]))
