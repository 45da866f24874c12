"""A critic is off unless it is switched on; its predictions are kept beside what was measured, and judged by that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from discovery.cli.models import verdict_on_critic
from discovery.llm.accounting import calibration, ledger
from discovery.llm.exchange import CRITICISE, Fate, predicted
from discovery.runs import Run
from llm_runs import Rules, driven, emitters
from llm_server import serving

MakeRun = Callable[..., Run]


class Critic(Rules):
    """Proposes as others do, and gives every proposal that it is asked about the same percentage."""

    def __init__(self, percent: str) -> None:
        super().__init__()
        self._percent = percent

    def __call__(self, request: dict[str, Any]) -> str:
        return self._percent if "How likely" in request["messages"][-1]["content"] else super().__call__(request)


def test_nobody_criticises_unless_told_to(make_run: MakeRun) -> None:
    with serving(Rules()) as server:
        run, _ = driven(make_run, 8, emitters=emitters(server.url))
    assert {call.purpose for call in run.store.calls()} <= {"propose", "repair"}
    assert calibration(run) is None


def test_a_critic_that_watches_changes_nothing_and_is_judged(make_run: MakeRun) -> None:
    with serving(Critic("30")) as server:
        run, _ = driven(make_run, 20, emitters=emitters(server.url, critic={"mode": "watch"}))
    found = calibration(run)
    assert found is not None
    made = sum(candidate.emitter == "llm" for candidate in run.store.candidates())
    assert found.predictions == made == 20
    assert found.predicted == pytest.approx(0.3)
    share = found.good / found.predictions
    assert found.reference == pytest.approx(share * (1 - share))
    assert found.brier == pytest.approx(share * 0.7**2 + (1 - share) * 0.3**2)
    assert found.skill <= 0, "who always says the same cannot beat the plain share"
    assert "does not beat" in verdict_on_critic(found)
    ((named, was_good, number),) = found.bins
    assert (named, was_good) == pytest.approx((0.3, share))
    assert number == 20


def test_a_veto_drops_all_but_the_spared(make_run: MakeRun) -> None:
    critic = {"mode": "veto", "threshold": 0.5, "spared": 0.3}
    with serving(Critic("10")) as server:
        run, _ = driven(make_run, 20, emitters=emitters(server.url, alone=False, weight=4.0, critic=critic))
    fates = [fate for line in ledger(run) for fate in line.fates.elements()]
    assert fates.count(Fate.VETOED) > fates.count(Fate.VALID) > 0
    vetoed = {call.exchange for call in run.store.calls() if call.outcome == Fate.VETOED}
    assert all(call.candidate is None for call in run.store.calls() if call.exchange in vetoed)


def test_a_critic_that_names_no_number_vetoes_nothing(make_run: MakeRun) -> None:
    critic = {"mode": "veto", "threshold": 0.9, "spared": 0.0}
    with serving(Critic("It depends.")) as server:
        run, _ = driven(make_run, 10, emitters=emitters(server.url, critic=critic))
    assert sum(candidate.emitter == "llm" for candidate in run.store.candidates()) == 10
    assert {call.reason for call in run.store.calls() if call.purpose == CRITICISE} == {"no number"}


def test_a_replay_gives_the_same_verdicts_of_the_critic(make_run: MakeRun) -> None:
    critic = {"mode": "veto", "threshold": 0.5, "spared": 0.5}
    with serving(Critic("10")) as server:
        section = emitters(server.url, alone=False, weight=4.0, critic=critic)
        run, _ = driven(make_run, 15, emitters=section, name="first")
    again, _ = driven(make_run, 15, emitters=section | {"llm": section["llm"] | {"replay": "first"}}, name="again")
    assert again.store.candidates() == run.store.candidates()
    assert calibration(again) == calibration(run)


@pytest.mark.parametrize(
    ("answer", "probability"),
    [
        ("7", 0.07),
        ("I say 85 %.", 0.85),
        ('{"percent": 40}', 0.4),
        ("100", 1.0),
        ("999", None),
        ("no", None),
        ("", None),
    ],
)
def test_a_prediction_is_the_first_percentage_of_an_answer(answer: str, probability: float | None) -> None:
    assert predicted(answer) == probability
