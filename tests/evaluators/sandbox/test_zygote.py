"""What a worker may try, were it not running a rule of the language."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evaluators.job import Job, Outcome, Race, Result
from evaluators.sandbox.levels import Level
from hostile_zygote import ATTACKS, hostile
from sandboxes import CHILDREN, GetSandbox, below

RACE = Race(learning_rates=(0.1, 0.3))
ENDS = [Level.LIMITS, Level.NAMESPACES]

SLOW = {"say_nothing", "trickle", "hang_up_and_run_on"}
SPARED = {"chatter"}
"""Attacks that get nowhere and do no harm."""

FORK, MEMORY = {"daemon", "hoard_together", "kill_the_zygote", "stop_the_zygote"}, {"hoard"}
QUICK = sorted(ATTACKS.keys() - SLOW - SPARED - FORK - MEMORY)


def job(*programs: str, time_limit: float = 60.0) -> Job:
    return Job(programs=programs, task="digits_mlp", race=RACE, budget=0.05, device="cpu", time_limit=time_limit)


def attacked(box: GetSandbox, level: Level, name: str, rules: dict[str, str], time_limit: float = 60.0) -> Result:
    """The result of a hostile program between two innocent ones, which are measured as if it were not there."""
    innocent = [box(level).evaluate(job(rules[name])).results[0] for name in ("sgd", "momentum")]
    before, result, after = (
        box(level).evaluate(job(rules["sgd"], hostile(name), rules["momentum"], time_limit=time_limit)).results
    )
    for measured, expected in zip((before, after), innocent, strict=True):
        assert measured.losses == pytest.approx(expected.losses, rel=1e-4)
        assert measured.outcome is Outcome.SCORED
    return result


@pytest.mark.parametrize("level", ENDS)
@pytest.mark.parametrize("name", QUICK)
def test_who_breaks_the_protocol_has_crashed(
    level: Level, name: str, hostile_sandbox: GetSandbox, rules: dict[str, str]
) -> None:
    result = attacked(hostile_sandbox, level, name, rules)
    assert result.outcome is Outcome.CRASH
    assert result.detail.startswith("the worker ")
    assert result.losses == ()


def test_a_forged_score_is_overruled_and_the_judge_says_by_what(
    hostile_sandbox: GetSandbox, rules: dict[str, str]
) -> None:
    result = attacked(hostile_sandbox, Level.LIMITS, "losses_of_zero", rules)
    assert result.detail.startswith("the worker claimed a loss of 0; the weights give 2.")


@pytest.mark.parametrize(("name", "signal"), [("segfault", "SIGSEGV"), ("leave", "status 7")])
def test_how_a_worker_died_is_said(name: str, signal: str, hostile_sandbox: GetSandbox, rules: dict[str, str]) -> None:
    assert signal in attacked(hostile_sandbox, Level.LIMITS, name, rules).detail


@pytest.mark.parametrize("level", ENDS)
def test_a_flood_on_standard_output_goes_nowhere(
    level: Level, hostile_sandbox: GetSandbox, rules: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert attacked(hostile_sandbox, level, "chatter", rules).outcome is Outcome.SCORED
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("level", "name"), [*((level, "say_nothing") for level in ENDS), (Level.LIMITS, "trickle")])
def test_who_does_not_end_is_ended(level: Level, name: str, hostile_sandbox: GetSandbox) -> None:
    (result,) = hostile_sandbox(level).evaluate(job(hostile(name), time_limit=0.5)).results
    assert result.outcome is Outcome.TIMEOUT


def test_one_who_hangs_takes_nobody_else_along(hostile_sandbox: GetSandbox, rules: dict[str, str]) -> None:
    assert attacked(hostile_sandbox, Level.LIMITS, "say_nothing", rules, 2.0).outcome is Outcome.TIMEOUT


@pytest.mark.parametrize("level", ENDS)
def test_hanging_up_does_not_let_a_worker_run_on(level: Level, hostile_sandbox: GetSandbox) -> None:
    hostile_sandbox(level).evaluate(job())
    before = below(os.getpid())
    (result,) = hostile_sandbox(level).evaluate(job(hostile("hang_up_and_run_on"))).results
    assert (result.outcome, "SIGKILL" in result.detail) == (Outcome.CRASH, True)
    assert below(os.getpid()) == before


@pytest.mark.parametrize("level", CHILDREN)
@pytest.mark.parametrize("name", ["daemon", "kill_the_zygote"])
def test_a_worker_leaves_nothing_behind_whatever_it_tries(
    level: Level, name: str, hostile_sandbox: GetSandbox, rules: dict[str, str]
) -> None:
    hostile_sandbox(level).evaluate(job(rules["sgd"]))
    count = len(below(os.getpid()))
    assert attacked(hostile_sandbox, level, name, rules).outcome is Outcome.CRASH
    assert len(below(os.getpid())) == count


@pytest.mark.parametrize("level", ENDS)
def test_memory_without_end_ends(level: Level, hostile_sandbox: GetSandbox) -> None:
    (result,) = hostile_sandbox(level).evaluate(job(hostile("hoard"))).results
    assert result.outcome is Outcome.MEMORY


def test_memory_is_counted_over_all_processes_of_a_worker(hostile_sandbox: GetSandbox) -> None:
    (result,) = hostile_sandbox(Level.LIMITS).evaluate(job(hostile("hoard_together"))).results
    assert result.outcome is Outcome.MEMORY
    assert "the limit is 1400 MiB" in result.detail


@pytest.mark.parametrize("level", CHILDREN)
def test_a_zygote_has_one_thread_because_a_fork_would_lose_the_others(
    level: Level, sandbox: GetSandbox, rules: dict[str, str]
) -> None:
    others = below(os.getpid())
    sandbox(level).evaluate(job(rules["sgd"]))
    started = below(os.getpid()) - others
    assert started
    assert [len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in started] == [1] * len(started)
