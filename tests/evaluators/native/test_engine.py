"""Whole runs in C++ against the same runs in torch, and what must hold for the lanes of a call."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from evaluators import tasks
from evaluators.device import tiny_is_zero
from evaluators.lanes import Fate, Lane, Trace, Training
from evaluators.native import build
from evaluators.native.engine import train
from evaluators.tasks.task import Task
from evaluators.train import train as train_in_torch
from programs import zoo
from programs.parse import parse

pytestmark = pytest.mark.skipif(bool(build.unavailable()), reason=build.unavailable())

CPU = torch.device("cpu")
DIGITS = tasks.get("digits_mlp")
STEPS = 60
ALIKE = 15
"""Steps over which rounding has not grown yet."""


def run(
    texts: Sequence[str], lanes: Sequence[Lane], *, task: Task = DIGITS, hopeless: float = 1.2
) -> tuple[Trace, ...]:
    return train(task, [parse(text) for text in texts], lanes, steps=STEPS, hopeless=hopeless).traces


def equal(trace: Trace, other: Trace) -> bool:
    """Bit for bit."""
    same = np.array_equal(trace.losses, other.losses, equal_nan=True)
    return same and trace.fate is other.fate and np.array_equal(trace.validation, other.validation, equal_nan=True)


@pytest.mark.parametrize("name", ["adamw", "lion", "muon", "sgd"])
@pytest.mark.parametrize("task", ["digits_mlp", "text_ngram"])
def test_a_run_is_that_of_the_torch_engine(name: str, task: str) -> None:
    lanes = [Lane(0, rate, seed) for rate in (1e-3, 1e-2) for seed in (0, 1, 2)]
    given = tasks.get(task), [zoo.load(name)], lanes
    fast = train(*given, steps=STEPS, hopeless=1.2, keep_weights=True)
    with tiny_is_zero():
        slow = train_in_torch(*given, steps=STEPS, hopeless=1.2, device=CPU, keep_weights=True)
    for trace, other in zip(fast.traces, slow.traces, strict=True):
        assert trace.fate is other.fate is Fate.FINISHED
        np.testing.assert_allclose(trace.losses[:ALIKE], other.losses[:ALIKE], rtol=1e-3)
        assert trace.losses.shape == other.losses.shape
        assert trace.weights is not None
        assert trace.weights.shape == (tasks.get(task).layout.size,)
    assert mean(fast) == pytest.approx(mean(slow), rel=0.02)


def mean(training: Training) -> float:
    return float(np.mean([trace.validation for trace in training.traces]))


def test_the_same_call_gives_the_same_bits_and_a_lane_knows_no_other(rules: dict[str, str]) -> None:
    texts = [rules["adamw"], rules["nan"], rules["momentum"]]
    lanes = [Lane(0, 1e-2, 0), Lane(0, 1e-3, 1), Lane(1, 1e-2, 0), Lane(2, 1e-2, 0), Lane(2, 1e-2, 5)]
    together = run(texts, lanes)
    assert all(equal(*pair) for pair in zip(together, run(texts, lanes), strict=True))
    for lane, trace in zip(lanes, together, strict=True):
        (alone,) = run(texts, [lane])
        assert equal(trace, alone)


def test_what_a_task_trained_before_is_forgotten(rules: dict[str, str]) -> None:
    """States, and the memory of the model, belong to a run."""
    once, again = run([rules["adamw"]], [Lane(0, 1e-2, 0), Lane(0, 1e-2, 0)])
    assert equal(once, again)


@pytest.mark.parametrize("name", ["exploding", "ascending", "nan", "growing", "adamw"])
def test_runs_die_when_and_how_they_die_in_torch(name: str, rules: dict[str, str]) -> None:
    programs, lanes = [parse(rules[name])], [Lane(0, 0.1, 0)]
    (trace,) = train(DIGITS, programs, lanes, steps=STEPS, hopeless=1.2).traces
    (other,) = train_in_torch(DIGITS, programs, lanes, steps=STEPS, hopeless=1.2, device=CPU).traces
    assert (trace.fate, trace.last_step, len(trace.losses)) == (other.fate, other.last_step, len(other.losses))
    assert np.isnan(trace.validation) == np.isnan(other.validation)


def test_a_spike_is_no_death() -> None:
    spiky = "def f(w, g, lr, t):\n    return g * lr + where(greater(1, abs(t - 14)), w * 3, w * 0) * 0\n"
    assert run([spiky], [Lane(0, 1e-2, 0)])[0].fate is Fate.FINISHED


def test_after_the_deadline_no_step_begins(rules: dict[str, str]) -> None:
    lanes = [Lane(0, 1e-2, 0), Lane(0, 1e-2, 1)]
    traces = train(
        DIGITS, [parse(rules["sgd"])], lanes, steps=STEPS, hopeless=1.2, deadline=time.monotonic() - 1
    ).traces
    assert [(trace.fate, len(trace.losses)) for trace in traces] == [(Fate.TIMEOUT, 0)] * 2


def test_a_deadline_within_a_run_ends_it(rules: dict[str, str]) -> None:
    task, steps = tasks.get("text_ngram"), 10**5  # many times more than there is time for
    task.data  # noqa: B018 - loaded before the time runs
    deadline = time.monotonic() + 1.5
    (trace,) = train(
        task, [parse(rules["sgd"])], [Lane(0, 1e-2, 0)], steps=steps, hopeless=9.0, deadline=deadline
    ).traces
    assert trace.fate is Fate.TIMEOUT
    assert 0 < len(trace.losses) < steps
    assert np.isfinite(trace.losses).all()


def test_weights_are_kept_of_finished_lanes_alone_and_have_the_loss_that_is_claimed(rules: dict[str, str]) -> None:
    programs = [parse(rules["adamw"]), parse(rules["nan"])]
    good, bad = train(
        DIGITS, programs, [Lane(0, 1e-2, 0), Lane(1, 1e-2, 0)], steps=STEPS, hopeless=1.2, keep_weights=True
    ).traces
    assert bad.weights is None
    assert good.weights is not None
    assert DIGITS.validate(torch.tensor(good.weights[None])).item() == pytest.approx(good.validation, rel=1e-5)
    assert run([rules["adamw"]], [Lane(0, 1e-2, 0)])[0].weights is None


def test_time_is_counted_for_each_program(rules: dict[str, str]) -> None:
    programs = [parse(rules["sgd"]), parse(rules["adamw"])]
    lanes = [Lane(1, 1e-2, 0)]
    assert list(train(DIGITS, programs, lanes, steps=STEPS, hopeless=1.2).seconds) == [1]


def test_no_lanes_are_no_work() -> None:
    assert train(DIGITS, [], [], steps=STEPS, hopeless=1.2).traces == ()
