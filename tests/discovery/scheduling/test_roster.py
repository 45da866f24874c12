"""Candidates have numbers, and are the same whether remembered or read from the store."""

from __future__ import annotations

from archive.records import Candidate
from discovery.scheduling.roster import Roster
from programs import zoo
from programs.parse import parse


def test_candidates_are_numbered_on_from_those_in_the_store() -> None:
    stored: dict[int, Candidate] = {}
    roster = Roster(stored.__getitem__)
    roster.meet(Candidate(7, "rule", "def rule(w, g, lr):\n    return g * lr\n", "symbolic", "", (), "s", "b"))
    added = roster.add(zoo.load("lion"), "symbolic", "insert sign", (7,), "t", "c")
    assert (added.id, roster.last) == (8, 8)
    assert roster.unsaved() == (added,)
    assert roster.unsaved() == ()


def test_a_judged_candidate_is_found_in_the_store_and_is_the_same_program() -> None:
    stored: dict[int, Candidate] = {}
    roster, resumed = Roster(stored.__getitem__), Roster(stored.__getitem__)
    added = roster.add(zoo.load("adamw"), "start", "", (), "s", "b")
    before = roster.program(added.id), roster.text(added.id)
    stored[added.id] = added
    roster.judged(added.id)
    assert roster[added.id] == added
    assert (resumed.program(added.id), resumed.text(added.id)) == before
    assert parse(roster.text(added.id)) is not None
