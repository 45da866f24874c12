"""The record of an emitter."""

from __future__ import annotations

import json
from collections import Counter

from discovery.emitters.statistics import Statistics, summaries


def test_a_record_written_down_is_read_back() -> None:
    record = Statistics(
        Counter({"novel": 3, "same structure": 2}), Counter({"insert: too large": 1}), 2, 1, 1, 0.1, 2.5, 3.25
    )
    assert Statistics.load(json.loads(json.dumps(record.dump()))) == record


def test_a_summary_counts_known_proposals_as_reused_and_leaves_out_edits_that_came_to_nothing() -> None:
    fates = Counter(
        {"novel": 3, "same structure": 2, "same behaviour": 4, "not finite": 5, "no response": 6, "no legal edit": 7}
    )
    found = summaries({"a": Statistics(fates), "b": Statistics(Counter({"novel": 1}))})
    assert {name: found["a"][name] for name in ("proposed", "novel", "reused", "not_finite", "no_response")} == {
        "proposed": 20,
        "novel": 3,
        "reused": 6,
        "not_finite": 5,
        "no_response": 6,
    }
    assert (found["a"]["share"], found["b"]["share"]) == (0.75, 0.25)


def test_before_the_first_candidate_nobody_has_a_share() -> None:
    assert summaries({"a": Statistics()})["a"]["share"] == 0
