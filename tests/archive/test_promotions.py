"""The funnel's part of a run: answers that are kept, results that are found again, and a seal that opens once."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.errors import ConflictError
from archive.promotions import Promotions, StageResult
from archive.store import RunStore, Store
from evaluators.job import Job, Outcome, Report, Result
from stored import Hands, New


@pytest.fixture
def run(tmp_path: Path) -> RunStore:
    new = New()
    run = Store.create(tmp_path / "run.db").add_run(new.run_info("test"))
    Hands(run).ask([new.candidate(1), new.candidate(2)], [], {})
    return run


def _report(loss: float) -> Report:
    result = Result(outcome=Outcome.SCORED, learning_rate=0.1, losses=(loss,))
    return Report(task="t", task_version="1", device="cpu", initial_loss=1.0, seconds=0.1, results=(result,))


def test_the_first_answer_to_a_question_stays_so_that_a_promotion_repeats_itself(run: RunStore) -> None:
    promotions, job = Promotions(run), Job(programs=("x",), task="t", seeds=(0,))
    assert promotions.find("a") is None
    promotions.keep("fresh", "a", job, _report(1 / 3))
    promotions.keep("fresh", "a", job, _report(0.5))
    assert Promotions(run).find("a") == _report(1 / 3)


def test_what_a_stage_found_is_found_again_under_its_key_and_written_once(run: RunStore) -> None:
    promotions = Promotions(run)
    found = StageResult("fresh", 2, "key", True, {"score": 1.25, "words": ["é"]})
    promotions.finish(found)
    promotions.finish(StageResult("transfer", None, "key", True, {}))
    assert promotions.stage("fresh", "key") == found
    assert promotions.stage("fresh", "other") is None
    assert [each.candidate for each in promotions.stages()] == [2, None]
    with pytest.raises(ConflictError):
        promotions.finish(found)


def test_a_candidate_is_seen_once_and_every_further_attempt_is_refused_and_recorded(run: RunStore) -> None:
    promotions = Promotions(run)
    assert promotions.look(1, "first").granted
    assert promotions.look(1, "first").granted, "a look that was interrupted goes on"
    assert not promotions.look(1, "second").granted
    assert not promotions.look(1, "third").granted
    assert promotions.look(2, "second").granted
    assert [(look.candidate, look.number, look.key) for look in promotions.looks()] == [
        (1, 1, "first"),
        (1, 2, "second"),
        (1, 3, "third"),
        (2, 1, "second"),
    ]


def test_the_funnel_writes_only_about_candidates_that_there_are(run: RunStore) -> None:
    with pytest.raises(ConflictError):
        Promotions(run).look(3, "first")
    with pytest.raises(ConflictError):
        Promotions(run).finish(StageResult("fresh", 3, "key", True, {}))


def test_runs_of_one_database_share_nothing(run: RunStore, tmp_path: Path) -> None:
    other = Store.open(tmp_path / "run.db").add_run(New().run_info("another"))
    Promotions(run).keep("fresh", "a", Job(programs=("x",), task="t", seeds=(0,)), _report(1.0))
    assert Promotions(other).find("a") is None
