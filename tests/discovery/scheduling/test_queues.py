"""What waits is written down whole, and repeats keep to their share."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.records import Purpose
from discovery.config import EvaluationConfig
from discovery.scheduling.ladder import ladder
from discovery.scheduling.queues import Batch, Queues, from_version_1

ids = st.lists(st.integers(1, 99), min_size=1, max_size=4).map(tuple)
batches = st.builds(
    Batch, st.sampled_from(Purpose), st.sampled_from(["a", "b"]), st.sampled_from([0.25, 1.0]), ids, ids
)


@given(st.lists(batches, max_size=3), st.lists(ids, min_size=3, max_size=3), st.dictionaries(st.integers(1, 9), ids))
def test_queues_survive_being_written_down(
    ready: list[Batch], climbing: list[tuple[int, ...]], repeating: dict[int, tuple[int, ...]]
) -> None:
    queues = Queues(3, ready, repeating, [(5, 6)], look_at=7)
    queues.climbing = [list(waiting) for waiting in climbing]
    queues.count(Purpose.SEARCH, 11)
    assert Queues.load(json.loads(json.dumps(queues.dump()))) == queues


def test_the_latest_step_that_enough_wait_for_goes_first() -> None:
    queues = Queues(3)
    queues.climbing = [[], [1, 2, 3, 4, 5], [6, 7]]
    assert queues.climbers(4, 4) == (1, [1, 2, 3, 4])
    assert queues.climbers(4, 4) is None
    assert queues.climbers(1, 4) == (2, [6, 7])
    assert queues.climbers(1, 4) == (1, [5])
    assert queues.climbers(1, 4) is None


def test_who_failed_in_the_meantime_is_not_repeated_further() -> None:
    queues = Queues(1)
    queues.ready = [
        Batch(Purpose.REMEASURE, "a", 1.0, (5,), (1, 2)),
        Batch(Purpose.REMEASURE, "b", 1.0, (5,), (1, 2, 3)),
        Batch(Purpose.FRESH, "a", 1.0, (5,), (1, 2)),
    ]
    taken = [queues.pop(lambda number: number in (1, 2)) for _ in range(3)]
    assert [batch and batch.candidates for batch in taken] == [(3,), (1, 2), None]


@pytest.mark.parametrize(("share", "allowed"), [(0.0, 0), (0.2, 25), (0.5, 100)])
def test_repeats_are_allowed_up_to_their_share_of_all_trainings(share: float, allowed: int) -> None:
    queues = Queues(1)
    queues.count(Purpose.SEARCH, 100)
    queues.count(Purpose.FRESH, 1000)
    assert queues.allowance(share) == allowed
    queues.count(Purpose.REMEASURE, 10)
    assert queues.allowance(share) == allowed - 10


def test_a_state_of_before_there_were_rungs_is_understood() -> None:
    climbed = ladder(EvaluationConfig.model_validate({"tasks": ["digits_mlp", "text_ngram"]}), first_seed=3000)
    state = {
        "ready": [["baseline", "text_ngram", [1, 2]], ["fresh", "digits_mlp", [1]]],
        "climbing": {"text_ngram": [5, 6]},
    }
    queues = from_version_1(state, climbed, (9, 10))
    assert queues.ready == [
        Batch(Purpose.BASELINE, "text_ngram", 1.0, (3000, 3001), (1, 2)),
        Batch(Purpose.FRESH, "digits_mlp", 1.0, (9, 10), (1,)),
    ]
    assert queues.climbing == [[], [5, 6]]
    assert climbed.steps[1].seeds == (3000, 3001)
