"""What every store promises, whatever database is behind it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.errors import AlreadyExistsError, ConflictError, NotFoundError
from archive.records import Candidate, Counts, Evaluation, OpenJob, Purpose, Verdict
from archive.store import RunStore, Store
from postgres import PostgresServer
from stored import Hands, New


def content(run: RunStore) -> tuple[Any, ...]:
    return run.candidates(), run.open_jobs(), run.evaluations(), run.verdicts(), run.state(), run.counts()


@pytest.fixture
def asked(run: RunStore, new: New, hands: Hands) -> RunStore:
    """A run with candidates 1 to 3, of which job 1 asks about 2 and 1, and job 2 about 3."""
    hands.ask(
        [new.candidate(1), new.candidate(2, 1), new.candidate(3, 2, 1)], [new.job(1, 2, 1), new.job(2, 3)], {"asked": 2}
    )
    return run


@pytest.mark.usefixtures("asked")
def test_everything_reads_back_as_it_was_written_in_another_session(
    store: Store, store_url: str, new: New, hands: Hands
) -> None:
    found = [new.evaluation(1, 2), new.evaluation(1, 1, loss=None)]
    judged = [new.verdict(2, 0.1 + 0.2), new.verdict(1, None)]
    hands.tell(1, found, judged, [new.job(3, 2, purpose=Purpose.FRESH)], {"told": 1})
    store.close()
    with Store.open(store_url) as again:
        run = again.run("first")
        assert run.info == new.run_info("first")
        assert run.candidates() == [new.candidate(1), new.candidate(2, 1), new.candidate(3, 2, 1)]
        assert run.candidate(3) == new.candidate(3, 2, 1)
        assert run.open_jobs() == [new.job(2, 3), new.job(3, 2, purpose=Purpose.FRESH)]
        assert run.evaluations() == found
        assert run.verdicts() == judged
        assert run.state() == {"told": 1}
        assert run.counts() == Counts(candidates=3, jobs=3, open_jobs=2, evaluations=2, verdicts=2)


def test_state_of_a_random_generator_survives(run: RunStore, new: New, hands: Hands) -> None:
    rng = np.random.default_rng(0)
    rng.random(5)
    hands.ask([new.candidate(1)], [], {"rng": rng.bit_generator.state, "x": 0.1})
    again = np.random.default_rng()
    again.bit_generator.state = run.state()["rng"]
    assert again.random(5).tolist() == rng.random(5).tolist()
    assert run.state()["x"] == 0.1


def test_new_run_is_empty(run: RunStore) -> None:
    assert content(run) == ([], [], [], [], {}, Counts(0, 0, 0, 0, 0))


def test_telling_a_closed_job_again_changes_nothing(asked: RunStore, new: New, hands: Hands) -> None:
    assert hands.tell(2, [new.evaluation(2, 3)], [new.verdict(3)], [], {"told": 1})
    before = content(asked)
    assert not hands.tell(2, [new.evaluation(2, 3, loss=9.0)], [new.verdict(3, 5.0)], [new.job(9, 1)], {"told": 2})
    assert content(asked) == before


def test_verdicts_and_evaluations_keep_the_order_told(asked: RunStore, new: New, hands: Hands) -> None:
    hands.tell(2, [new.evaluation(2, 3)], [new.verdict(3)], [], {})
    hands.tell(1, [new.evaluation(1, 2), new.evaluation(1, 1)], [new.verdict(2), new.verdict(1)], [], {})
    assert [verdict.candidate for verdict in asked.verdicts()] == [3, 2, 1]
    assert [found.candidate for found in asked.evaluations()] == [3, 2, 1]


def test_evaluations_are_found_by_candidate_and_purpose(asked: RunStore, new: New, hands: Hands) -> None:
    fresh = new.evaluation(3, 2, purpose=Purpose.FRESH, loss=0.7)
    hands.tell(1, [new.evaluation(1, 2), new.evaluation(1, 1)], [], [new.job(3, 2, purpose=Purpose.FRESH)], {})
    hands.tell(3, [fresh], [], [], {})
    assert asked.evaluations(candidate=2) == [new.evaluation(1, 2), fresh]
    assert asked.evaluations(purpose=Purpose.FRESH) == [fresh]
    assert asked.evaluations(candidate=1, purpose=Purpose.FRESH) == []


def test_runs_of_one_database_do_not_see_each_other(asked: RunStore, store: Store, new: New) -> None:
    before = content(asked)
    other = store.add_run(new.run_info("second"))
    hands = Hands(other)
    hands.ask([new.candidate(1, emitter="random")], [new.job(1, 1)], {"n": 1})
    hands.tell(1, [new.evaluation(1, 1)], [new.verdict(1, 7.0)], [], {"n": 2})
    assert content(asked) == before
    assert other.candidates() == [new.candidate(1, emitter="random")]
    assert other.counts() == Counts(candidates=1, jobs=1, open_jobs=0, evaluations=1, verdicts=1)
    assert [info.name for info in store.runs()] == ["first", "second"]


def test_unknown_run_is_answered_with_the_names_there_are(store: Store, new: New) -> None:
    with pytest.raises(NotFoundError, match="none yet"):
        store.run("first")
    store.add_run(new.run_info("first"))
    store.add_run(new.run_info("second"))
    with pytest.raises(NotFoundError, match=r"'third'.*first, second"):
        store.run("third")


def test_name_of_a_run_is_taken_once(run: RunStore, store: Store, new: New) -> None:
    with pytest.raises(AlreadyExistsError, match="first"):
        store.add_run(new.run_info("first"))
    assert store.runs() == [run.info]


def test_unknown_numbers_are_refused(asked: RunStore, new: New, hands: Hands) -> None:
    with pytest.raises(NotFoundError, match="no candidate 4"):
        asked.candidate(4)
    before = content(asked)
    with pytest.raises(NotFoundError, match="no job 7"):
        hands.tell(7, [], [new.verdict(3)], [], {})
    assert content(asked) == before


def test_evaluation_of_another_job_is_refused(asked: RunStore, new: New, hands: Hands) -> None:
    before = content(asked)
    with pytest.raises(ValueError, match="job 1 cannot close job 2"):
        hands.tell(2, [new.evaluation(1, 2)], [], [], {})
    assert content(asked) == before


@pytest.mark.parametrize(
    "contradiction",
    [
        lambda hands, new: hands.ask([new.candidate(4), new.candidate(1)], [], {}),
        lambda hands, new: hands.ask([new.candidate(5, 4)], [], {}),
        lambda hands, new: hands.ask([new.candidate(4)], [new.job(1, 4)], {}),
        lambda hands, new: hands.ask([new.candidate(4)], [new.job(3, 5)], {}),
        lambda hands, new: hands.ask([new.candidate(4)], [new.job(3, 4, 4)], {}),
        lambda hands, new: hands.tell(2, [new.evaluation(2, 1)], [], [], {}),
        lambda hands, new: hands.tell(2, [new.evaluation(2, 3), new.evaluation(2, 3)], [], [], {}),
        lambda hands, new: hands.tell(2, [new.evaluation(2, 3)], [new.verdict(3), new.verdict(3)], [], {}),
        lambda hands, new: hands.tell(2, [new.evaluation(2, 3)], [new.verdict(4)], [], {}),
        lambda hands, new: hands.tell(2, [new.evaluation(2, 3)], [new.verdict(3)], [new.job(1, 3)], {}),
    ],
    ids=[
        "candidate number taken",
        "unknown parent",
        "job number taken",
        "job about an unknown candidate",
        "job about one candidate twice",
        "evaluation of a candidate not asked about",
        "two evaluations by one job",
        "two verdicts",
        "verdict on an unknown candidate",
        "number of a following job taken",
    ],
)
def test_contradicting_facts_are_refused_together_with_all_that_came_with_them(
    asked: RunStore, new: New, contradiction: Any, hands: Hands
) -> None:
    before = content(asked)
    with pytest.raises(ConflictError, match="Is another process driving the same run"):
        contradiction(hands, new)
    assert content(asked) == before


@pytest.mark.parametrize(("state", "error"), [({"x": {1, 2}}, TypeError), ({"x": math.nan}, ValueError)])
def test_state_that_is_no_json_is_refused_with_all_that_came_with_it(
    asked: RunStore, new: New, state: dict[str, Any], error: type[Exception], hands: Hands
) -> None:
    before = content(asked)
    with pytest.raises(error):
        hands.tell(2, [new.evaluation(2, 3)], [new.verdict(3)], [], state)
    assert content(asked) == before


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('shared') / 'run.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.new_database()
    with Store.create(url) as store:
        yield store


run_numbers = count()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=12))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_course_of_asking_and_telling_is_kept_as_lists_would_keep_it(
    shared_store: Store, new: New, course: list[tuple[int, int]]
) -> None:
    run = shared_store.add_run(new.run_info(f"run {next(run_numbers)}"))
    hands = Hands(run)
    candidates, opened = list[Candidate](), list[OpenJob]()
    found, judged = list[Evaluation](), list[Verdict]()
    jobs = count(1)
    for size, pick in course:
        fresh = [
            new.candidate(len(candidates) + 1 + offset, *range(1, min(len(candidates), pick) + 1))
            for offset in range(size)
        ]
        asked = [new.job(next(jobs), *(candidate.id for candidate in fresh))]
        candidates += fresh
        opened += asked
        hands.ask(fresh, asked, {"asked": len(candidates)})
        job = opened.pop(pick % len(opened))
        told = [new.evaluation(job.id, candidate, purpose=job.purpose) for candidate in job.candidates]
        verdicts = [new.verdict(number, pick or None) for number in job.candidates if job.purpose is Purpose.SEARCH]
        follow = [new.job(next(jobs), *job.candidates[:1], purpose=Purpose.FRESH)] * (pick % 2)
        found += told
        judged += verdicts
        opened += follow
        assert hands.tell(job.id, told, verdicts, follow, {"told": job.id})
        assert run.state() == {"told": job.id}
    assert run.candidates() == candidates
    assert run.open_jobs() == sorted(opened, key=lambda job: job.id)
    assert run.evaluations() == found
    assert run.verdicts() == judged


def test_archive_never_imports_torch() -> None:
    code = "import sys, json, archive.store, archive.views; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = json.loads(ran.stdout)
    assert "archive.store" in modules
    assert "torch" not in modules


def test_run_info_is_kept_to_the_instant(store: Store, new: New) -> None:
    info = replace(new.run_info("first"), created_at=new.run_info("first").created_at.replace(microsecond=123456))
    store.add_run(info)
    assert store.run("first").info == info
