from __future__ import annotations

import pytest

from archive import views
from archive.errors import NotFoundError
from archive.grid import AXES, DEFAULT_AXES, Elite, Grid
from archive.records import Counts, Purpose
from archive.store import RunStore, Store
from evaluators.job import Outcome
from stored import Hands, New


@pytest.fixture
def lived(run: RunStore, new: New, hands: Hands) -> RunStore:
    """Four candidates, of which the third diverged and the fourth awaits its job; the second was measured again."""
    seeds = [new.candidate(1, emitter="seeds")]
    hands.ask([*seeds, new.candidate(2, 1), new.candidate(3, 1, 2)], [new.job(1, 1, 2, 3)], {})
    found = [new.evaluation(1, 1), new.evaluation(1, 2, loss=0.25), new.evaluation(1, 3, loss=None)]
    judged = [new.verdict(1, 2.0), new.verdict(2, 3.0), new.verdict(3, None)]
    hands.tell(1, found, judged, [new.job(2, 2, purpose=Purpose.FRESH)], {})
    hands.tell(2, [new.evaluation(2, 2, purpose=Purpose.FRESH, loss=0.75)], [], [], {})
    hands.ask([new.candidate(4, 2, 3)], [new.job(3, 4)], {})
    return run


def test_lineage_follows_main_parents_back_to_the_seed(lived: RunStore) -> None:
    assert [candidate.id for candidate in views.lineage(lived, 4)] == [4, 2, 1]
    assert [candidate.parents for candidate in views.lineage(lived, 4)] == [(2, 3), (1,), ()]
    assert [candidate.id for candidate in views.lineage(lived, 1)] == [1]


def test_lineage_stays_in_its_run(lived: RunStore, store: Store, new: New) -> None:
    other = store.add_run(new.run_info("second"))
    Hands(other).ask([new.candidate(number, *range(1, number)[:1]) for number in (1, 2, 3, 4)], [], {})
    assert [candidate.id for candidate in views.lineage(other, 4)] == [4, 1]
    assert [candidate.id for candidate in views.lineage(lived, 4)] == [4, 2, 1]


def test_long_lineage_is_followed_to_its_end(run: RunStore, new: New, hands: Hands) -> None:
    hands.ask([new.candidate(number, *([number - 1] if number > 1 else [])) for number in range(1, 2001)], [], {})
    assert [candidate.id for candidate in views.lineage(run, 2000)] == list(range(2000, 0, -1))


def test_lineage_of_an_unknown_candidate_is_an_error(lived: RunStore) -> None:
    with pytest.raises(NotFoundError, match="no candidate 9"):
        views.lineage(lived, 9)


def test_replayed_grid_equals_the_one_that_was_filled_during_the_run(run: RunStore, new: New, hands: Hands) -> None:
    verdicts = [new.verdict(number, None if number % 5 == 0 else number * 7 % 13 / 3) for number in range(1, 40)]
    grid = Grid(DEFAULT_AXES)
    for number, verdict in enumerate(verdicts, 1):
        hands.ask([new.candidate(number)], [new.job(number, number)], {})
        hands.tell(number, [], [verdict], [], {})
        if verdict.score is not None:
            grid.add(Elite(verdict.candidate, verdict.score, verdict.measures))
    replayed = views.replay(run, DEFAULT_AXES)
    assert replayed.elites() == grid.elites()
    assert replayed.best() == grid.best()
    assert len(views.replay(run, (AXES["matrix_products"],))) == 1


def test_summary_counts_every_kind(lived: RunStore, new: New) -> None:
    summary = views.summary(lived)
    assert summary.info == lived.info
    assert summary.counts == Counts(candidates=4, jobs=3, open_jobs=1, evaluations=4, verdicts=3)
    assert summary.outcomes == {Outcome.SCORED: 2, Outcome.DIVERGED: 1}
    assert list(summary.emitters.items()) == [("symbolic", 3), ("seeds", 1)]
    assert summary.purposes == {Purpose.SEARCH: 3, Purpose.FRESH: 1}
    assert summary.best == new.verdict(2, 3.0)
    assert summary.seconds == pytest.approx(0.5 + 0.5 + 0.25 + 0.5)


def test_summary_of_a_new_run_is_all_zeros(run: RunStore) -> None:
    summary = views.summary(run)
    assert (summary.best, summary.seconds) == (None, 0.0)
    assert (summary.outcomes, summary.emitters, summary.purposes) == ({}, {}, {})


def test_summary_prefers_the_earlier_of_two_equals(run: RunStore, new: New, hands: Hands) -> None:
    hands.ask([new.candidate(1), new.candidate(2)], [new.job(1, 1, 2)], {})
    hands.tell(1, [], [new.verdict(2, 1.5), new.verdict(1, 1.5)], [], {})
    best = views.summary(run).best
    assert best is not None
    assert best.candidate == 2


@pytest.mark.usefixtures("lived")
def test_summary_ignores_other_runs(store: Store, new: New) -> None:
    assert views.summary(store.add_run(new.run_info("second"))).counts.candidates == 0


def test_summary_ranks_by_the_last_revision_and_counts_candidates_once(run: RunStore, new: New, hands: Hands) -> None:
    hands.ask([new.candidate(1), new.candidate(2)], [new.job(1, 1, 2), new.job(2, 1), new.job(3, 2)], {})
    hands.tell(1, [], [new.verdict(1, 3.0), new.verdict(2, 2.0)], [], {})
    hands.tell(2, [], [new.verdict(1, 1.0, revision=1)], [], {})
    assert views.summary(run).best == new.verdict(2, 2.0)
    assert views.summary(run).outcomes == {Outcome.SCORED: 2}
    hands.tell(3, [], [new.verdict(2, None, revision=1)], [], {})
    assert views.summary(run).best == new.verdict(1, 1.0, revision=1)
    best = views.replay(run).best()
    assert best is not None
    assert (best.id, best.score) == (1, 1.0)
