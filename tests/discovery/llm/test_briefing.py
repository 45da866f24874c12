"""Prompts carry what they are told to carry, and nothing of what is switched off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from archive.calls import Call
from discovery.config.llm import KINDS
from discovery.llm.prompts import choices, fill, operations
from discovery.runs import Run
from llm_runs import Rules, driven, emitters
from llm_server import serving
from programs.ops import OPS

MakeRun = Callable[..., Run]


def prompts(make_run: MakeRun, evaluations: int = 24, **llm: Any) -> list[Call]:
    with serving(Rules()) as server:
        run, _ = driven(make_run, evaluations, emitters=emitters(server.url, alone=False, weight=4.0, **llm))
    return [call for call in run.store.calls() if call.purpose == "propose"]


def test_every_kind_of_prompt_is_used_and_has_no_blank_left(make_run: MakeRun) -> None:
    calls = prompts(make_run, 120, exploration=1.0)
    assert {call.kind for call in calls} == set(KINDS)
    for call in calls:
        system, user = (message["content"] for message in call.prompt)
        assert "$" not in system + user
        assert "\n\n\n" not in user
        assert "def " in user


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_alone_is_used_alone_but_for_what_cannot_be(make_run: MakeRun, kind: str) -> None:
    kinds = {other: float(other == kind) for other in KINDS}
    used = {call.kind for call in prompts(make_run, 12, kinds=kinds)}
    assert used <= {kind, "rewrite"}
    assert kind in used


SWITCHES = {
    "scores": ("Scores by task", False),
    "feedback": ("What its measurements say", False),
    "inspirations": ("Good rules of other kinds", 0),
    "insights": ("What has been tried in this search", 0),
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_each_part_of_a_prompt_can_be_switched_off(make_run: MakeRun, switch: str) -> None:
    words, off = SWITCHES[switch]
    kinds = {"rewrite": 1.0, "aim": 0.0, "simplify": 0.0, "invent": 0.0, "combine": 0.0}
    with_it = prompts(make_run, 40, kinds=kinds)
    assert any(words in call.prompt[1]["content"] for call in with_it)
    without = prompts(make_run, 40, kinds=kinds, **{switch: off})
    assert not any(words in call.prompt[1]["content"] for call in without)


def test_the_table_of_operations_is_told_in_as_many_words_as_wanted() -> None:
    full, names, none = operations("full"), operations("names"), operations("none")
    written = [op.name for op in OPS.values() if not op.infix]
    assert all(f"{name}(" in full and name in names for name in written)
    assert none == ""
    assert len(names) < len(full) / 2


def test_no_prompt_shows_an_example_that_a_small_model_would_give_back() -> None:
    for name in ("answer_rule", "answer_edit", "answer_line"):
        text = fill(name, {"line": "3", "name": "m"})
        assert "tanh" not in text
        assert "0." not in text
    assert len(choices("changes")) >= 10
    assert len(choices("ideas")) >= 10


def test_a_blank_that_nobody_fills_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        fill("rewrite", {"parent": "x"})
