"""What scores are relative to: how rules scatter about the reference, task by task."""

from __future__ import annotations

import pytest

from archive.records import Candidate, Evaluation, Purpose
from discovery.config import FitnessConfig
from discovery.yardstick import families, yardstick
from evaluators.job import Outcome, Result


def candidate(number: int, emitter: str, *parents: int) -> Candidate:
    return Candidate(number, "rule", "", emitter, "", parents, str(number), str(number))


def baseline(number: int, task: str, loss: float) -> Evaluation:
    result = Result(outcome=Outcome.SCORED, learning_rate=0.1, losses=(loss, loss), train_losses=(loss, loss))
    return Evaluation(1, number, Purpose.BASELINE, task, "1", (0, 1), "cpu", 0, 3.0, result)


def test_families_are_told_from_children_of_the_search() -> None:
    found = families(
        [
            candidate(1, "start"),
            candidate(2, "baseline"),
            candidate(3, "baseline", 1),
            candidate(4, "symbolic", 1),
        ]
    )
    assert found == {1: (1, 3), 2: (2,)}


def test_spreads_are_those_of_the_others_about_the_reference() -> None:
    measured = [baseline(n, "a", loss) for n, loss in ((1, 1.0), (2, 1.1), (3, 1 / 1.1))]
    measured += [baseline(n, "b", 1.0) for n in (1, 2, 3)]
    found = yardstick(FitnessConfig(kind="rank"), {1: (1,), 2: (2,), 3: (3,)}, measured)
    assert found.reference == 1
    assert found.fitness.spreads["a"] == pytest.approx(0.0953, rel=1e-3)
    assert found.fitness.spreads["b"] == 0.01


def test_without_measurements_it_is_the_first_rule() -> None:
    assert yardstick(FitnessConfig(), {}, []).reference == 1
