"""Drivers of one run: sessions and leases by the database's clock, news of each other, inherited work, late tells."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import select, update

from archive.database import epoch
from archive.errors import ConflictError, LostLeaseError
from archive.records import Purpose
from archive.schema import drivers, late_tells
from archive.store import RunStore, Store
from evaluators.job import Outcome, Report, Result
from stored import Hands, New

REPORT = Report(
    task="digits_mlp",
    task_version="1:abc",
    device="cpu",
    initial_loss=2.0,
    seconds=1.0,
    results=(Result(outcome=Outcome.DIVERGED, detail="late"),),
)
LEASE = 60.0


def content(run: RunStore) -> tuple[Any, ...]:
    return run.candidates(), run.open_jobs(), run.evaluations(), run.verdicts(), run.counts()


def late(run: RunStore) -> list[tuple[Any, ...]]:
    with run.database.read() as connection:
        rows = connection.execute(select(late_tells).order_by(late_tells.c.id))
        return [(row.job, row.driver, row.attempt, row.report) for row in rows]


def shift_heartbeat(run: RunStore, name: str, seconds: float) -> None:
    """What a driver's row looks like after it was silent, or after the database's clock was set."""
    with run.database.write() as connection:
        connection.execute(update(drivers).where(drivers.c.name == name).values(heartbeat_at=epoch() + seconds))


def test_a_driver_learns_what_others_stored_and_never_what_it_stored_itself(run: RunStore, new: New) -> None:
    first, second = Hands(run, "first"), Hands(run, "second")
    first.ask([new.candidate(1), new.candidate(2, 1)], [new.job(1, 1, 2)], {"n": 1})
    with second.driver.turn() as turn:
        assert list(turn.news.candidates) == [new.candidate(1), new.candidate(2, 1)]
        assert (turn.news.evaluations, turn.news.verdicts, turn.news.next_job) == ([], [], 2)
        turn.ask([new.candidate(3)], [new.job(2, 3)])
    first.tell(1, [new.evaluation(1, 1), new.evaluation(1, 2)], [new.verdict(1), new.verdict(2)], [], {"n": 2})
    second.tell(2, [new.evaluation(2, 3)], [new.verdict(3)], [], {"n": 3})
    with first.driver.turn() as turn:
        assert list(turn.news.candidates) == []
        assert list(turn.news.evaluations) == [new.evaluation(2, 3)]
        assert list(turn.news.verdicts) == [new.verdict(3)]
    with first.driver.turn() as turn:
        assert not turn.news
    assert (run.state("first"), run.state("second")) == ({"n": 2}, {"n": 3})


def test_news_of_a_turn_that_failed_come_again(run: RunStore, new: New) -> None:
    first, second = Hands(run, "first"), Hands(run, "second")
    first.ask([new.candidate(1)], [], {})
    for _ in range(2):
        with pytest.raises(ConflictError):
            second.ask([new.candidate(1)], [], {})
    with second.driver.turn() as turn:
        assert list(turn.news.candidates) == [new.candidate(1)]


def test_standing_is_everything_that_a_driver_needs_to_go_on(run: RunStore, new: New) -> None:
    first = Hands(run, "first")
    first.ask([new.candidate(1), new.candidate(2)], [new.job(1, 1), new.job(2, 2)], {"n": 1})
    first.tell(1, [new.evaluation(1, 1)], [new.verdict(1)], [], {"n": 2})
    standing = run.enter("first").standing()
    assert standing.state == {"n": 2}
    assert [(job.id, job.attempt) for job in standing.jobs] == [(2, 2)]
    assert list(standing.facts.candidates) == run.candidates()
    assert list(standing.facts.evaluations) == run.evaluations()
    assert list(standing.facts.verdicts) == run.verdicts()
    assert standing.facts.next_job == 3
    other = run.enter("second").standing()
    assert (other.state, list(other.jobs)) == ({}, [])
    assert list(other.facts.candidates) == run.candidates()


def test_who_enters_under_a_name_ends_the_older_session_and_takes_its_jobs_back(run: RunStore, new: New) -> None:
    older = Hands(run)
    older.ask([new.candidate(1)], [new.job(1, 1)], {"n": 1})
    newer = Hands(run)
    before = content(run)
    for attempt in (1, 2):
        with pytest.raises(LostLeaseError, match="Another process drives this run as 'main'") as lost:
            older.tell(1, [new.evaluation(1, 1)], [new.verdict(1)], [], {"n": 9}, attempt=attempt)
        assert lost.value.taken
    with pytest.raises(LostLeaseError):
        older.driver.standing()
    older.driver.leave()  # which is no longer its own to give up
    with Hands(run, "other").driver.turn() as turn:
        assert turn.take_over(LEASE) == []
    assert content(run) == before
    assert newer.tell(1, [new.evaluation(1, 1)], [new.verdict(1)], [], {"n": 2}, attempt=2)


@pytest.mark.parametrize("silence", [-LEASE - 5, LEASE + 5], ids=["silent", "clock set back"])
def test_work_of_a_driver_without_heartbeat_passes_on_and_its_tell_comes_too_late(
    run: RunStore, new: New, silence: float
) -> None:
    gone, heir = Hands(run, "gone"), Hands(run, "heir")
    gone.ask([new.candidate(1), new.candidate(2)], [new.job(1, 1), new.job(2, 2)], {"waiting": [3]})
    gone.tell(1, [new.evaluation(1, 1)], [new.verdict(1)], [], {"waiting": [3]})
    shift_heartbeat(run, "gone", silence)
    with heir.driver.turn() as turn:
        (estate,) = turn.take_over(LEASE)
        turn.state = {"heir": 1}
    assert (estate.driver, estate.state) == ("gone", {"waiting": [3]})
    assert [(job.id, job.attempt) for job in estate.jobs] == [(2, 2)]
    with pytest.raises(LostLeaseError, match="no sign of life") as lost:
        gone.tell(2, [new.evaluation(2, 2)], [new.verdict(2)], [], {})
    assert not lost.value.taken

    back = Hands(run, "gone")
    assert back.driver.standing().state == {}
    before = content(run)
    with back.driver.turn() as turn:
        assert turn.tell_late(2, 1, REPORT)
        assert not turn.tell_late(1, 1, REPORT)  # that one it told itself, in time
    assert content(run) == before
    assert late(run) == [(2, "gone", 1, REPORT.model_dump(mode="json"))]
    assert heir.tell(2, [new.evaluation(2, 2)], [new.verdict(2)], [], {}, attempt=2)


def test_a_job_cannot_be_told_by_another_driver_or_an_earlier_attempt(run: RunStore, new: New) -> None:
    first, second = Hands(run, "first"), Hands(run, "second")
    first.ask([new.candidate(1)], [new.job(1, 1)], {})
    before = content(run)
    assert not second.tell(1, [new.evaluation(1, 1)], [new.verdict(1)], [], {})
    assert not first.tell(1, [new.evaluation(1, 1)], [new.verdict(1)], [], {}, attempt=0)
    assert content(run) == before
    assert first.tell(1, [new.evaluation(1, 1)], [new.verdict(1)], [], {})


def test_heartbeats_and_turns_keep_a_lease(run: RunStore) -> None:
    first, second = Hands(run, "first"), Hands(run, "second")
    for renew in (first.driver.beat, lambda: first.ask([], [], {})):
        shift_heartbeat(run, "first", -LEASE - 5)
        renew()
        with second.driver.turn() as turn:
            assert turn.take_over(LEASE) == []


def test_who_leaves_can_be_inherited_from_at_once(run: RunStore, new: New) -> None:
    first, second = Hands(run, "first"), Hands(run, "second")
    first.ask([new.candidate(1)], [new.job(1, 1)], {})
    with second.driver.turn() as turn:
        assert turn.busy() == ["first"]
    first.driver.leave()
    with second.driver.turn() as turn:
        assert [job.id for job in turn.take_over(LEASE)[0].jobs] == [1]
        assert turn.busy() == []


def test_the_main_driver_is_never_declared_gone(run: RunStore, new: New) -> None:
    main, other = Hands(run), Hands(run, "other")
    main.ask([new.candidate(1)], [new.job(1, 1)], {"n": 1})
    main.driver.leave()
    with other.driver.turn() as turn:
        assert turn.take_over(LEASE) == []
    assert main.tell(1, [new.evaluation(1, 1)], [new.verdict(1)], [], {"n": 2})


def test_runs_do_not_share_drivers(run: RunStore, store: Store, new: New) -> None:
    other = store.add_run(new.run_info("second"))
    mine, theirs = Hands(run, "mine"), Hands(other, "theirs")
    mine.ask([new.candidate(1)], [new.job(1, 1)], {"n": 1})
    theirs.ask([new.candidate(1)], [new.job(1, 1)], {"n": 2})
    theirs.driver.leave()
    with mine.driver.turn() as turn:
        assert not turn.news
        assert turn.busy() == []
        assert turn.take_over(LEASE) == []
    assert (run.state("mine"), run.state("theirs"), other.state("theirs")) == ({"n": 1}, {}, {"n": 2})


def test_turns_of_several_drivers_follow_one_another(run: RunStore, new: New) -> None:
    """Each counts on from what it learned: without the lock of the run, numbers would be taken twice."""

    def work(name: str) -> None:
        hands = Hands(run, name)
        known = len(hands.driver.standing().facts.candidates)
        for _ in range(20):
            with hands.driver.turn() as turn:
                known += len(turn.news.candidates) + 1
                turn.ask([new.candidate(known, emitter=name)], [])

    threads = [threading.Thread(target=work, args=(name,)) for name in ("first", "second", "third")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [candidate.id for candidate in run.candidates()] == list(range(1, 61))
    assert {candidate.emitter for candidate in run.candidates()} == {"first", "second", "third"}


def test_revised_verdicts_stand_beside_the_first(run: RunStore, new: New) -> None:
    hands = Hands(run)
    hands.ask([new.candidate(1), new.candidate(2)], [new.job(1, 1, 2), new.job(2, 1, purpose=Purpose.REMEASURE)], {})
    hands.tell(1, [], [new.verdict(1, 3.0), new.verdict(2, 2.0)], [], {})
    hands.tell(2, [], [new.verdict(1, 1.0, revision=1)], [], {})
    assert [(v.candidate, v.score, v.revision) for v in run.verdicts()] == [(1, 3.0, 0), (2, 2.0, 0), (1, 1.0, 1)]
