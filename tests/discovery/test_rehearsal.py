"""A rehearsal asks for what the search would ask for, trains nothing, and touches nothing of the user's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archive.records import Purpose
from discovery.bench.free import FreeExecutor
from discovery.config import Config
from discovery.rehearsal import Replaying, on_its_own, rehearse
from evaluators.job import Outcome, Result
from programs import zoo
from programs.errors import RuleError
from programs.show import show

SCORED = Result(outcome=Outcome.SCORED, learning_rate=0.01, losses=(0.5, 0.6), train_losses=(0.4, 0.5))
FAILED = Result(outcome=Outcome.DIVERGED, detail="NaN")


def test_it_goes_through_all_phases_whatever_the_budget_was(make_config: Callable[..., Config], tmp_path: Path) -> None:
    config = make_config(budget={"minutes": 0.001})
    found = rehearse(config, tmp_path, 24, FreeExecutor())
    assert found.candidates == 24
    assert {job.purpose for job in found.jobs} >= {Purpose.BASELINE, Purpose.SEARCH, Purpose.FRESH}
    assert {job.job.task for job in found.jobs} == set(config.evaluation.tasks)
    assert found.disk_bytes > 0


def test_as_many_fail_as_did_among_the_samples(make_config: Callable[..., Config], tmp_path: Path) -> None:
    def searched(*samples: Result) -> int:
        config = make_config(name=f"with-{len(samples)}", noise={"share": 0.0})
        replaying = Replaying(dict.fromkeys(config.evaluation.tasks, samples), slots=1)
        jobs = rehearse(config, tmp_path, 40, replaying).jobs
        last = config.evaluation.tasks[-1]
        return sum(len(job.candidates) for job in jobs if job.purpose is Purpose.SEARCH and job.job.task == last)

    assert searched(SCORED) == 40
    assert searched(SCORED, FAILED, FAILED, FAILED) < 20


def test_rules_from_files_are_rehearsed_without_their_folder(
    make_config: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "mine.rule").write_text(show(zoo.load("lion")))
    monkeypatch.chdir(tmp_path)
    config = on_its_own(make_config(start=["adamw", "mine.rule"]), tmp_path, tmp_path / "own")
    assert config.start[0] == "adamw"
    assert Path(config.start[1]).read_text() == show(zoo.load("lion"))


def test_a_rule_that_is_missing_is_said_to_be(make_config: Callable[..., Config], tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="adamv"):
        on_its_own(make_config(start=["adamv"]), tmp_path, tmp_path)


def test_who_is_above_the_hurdle_is_outpaced_and_counted(make_config: Callable[..., Config], tmp_path: Path) -> None:
    samples = [SCORED.model_copy(update={"scouted": ((0.01, 0.5 + 0.1 * number),)}) for number in range(7)]

    def outpaced(hurdle: float | None) -> int:
        config = make_config(name=f"hurdle-{hurdle}", evaluation={"batch": 4, "hurdle": hurdle})
        replaying = Replaying(dict.fromkeys(config.evaluation.tasks, samples), slots=1)
        return rehearse(config, tmp_path, 60, replaying).outpaced.total()

    assert outpaced(0.2) > outpaced(0.7) > outpaced(None) == 0
