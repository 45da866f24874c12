"""Proposals as a stream: novel ones only, the same from the same seed, and the same after a resumption."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from archive.grid import AddStatus
from archive.records import Candidate
from breeding import Breeding
from discovery.emitters import Parents, Proposal
from discovery.emitters.bandit import Bandit
from discovery.proposer import Proposer
from discovery.scoring import CAP
from discovery.strategies import Aging
from programs.canon import structure
from programs.fingerprint import fingerprint
from programs.ir import Program
from programs.parse import parse
from programs.show import show

ISLANDS = {"count": 3, "migrate_every": 4}
STRATEGIES: dict[str, dict[str, Any]] = {
    "map_elites": {},
    "aging": {"kind": "aging", "population": 10, "restart_after": 25, "restart_from": "best"},
    "random": {"kind": "random"},
    "constants": {"kind": "constants"},
    "islands of map_elites": {"islands": ISLANDS},
    "islands of aging": {"kind": "aging", "population": 5, "restart_after": 9, "islands": ISLANDS},
    "islands of constants": {"kind": "constants", "islands": ISLANDS},
}
EVERYBODY = {name: {"weight": 1.0} for name in ("symbolic", "crossover", "constants", "random")}


@pytest.fixture(params=STRATEGIES)
def strategy(request: pytest.FixtureRequest) -> dict[str, Any]:
    return STRATEGIES[request.param]


def test_what_is_proposed_is_unlike_everything_before(strategy: dict[str, Any]) -> None:
    search = Breeding(strategy, EVERYBODY, late=3)
    search.run(30)
    programs = [parse(candidate.source) for candidate in search.candidates]
    assert len({structure(program) for program in programs}) == len(programs)
    assert len({candidate.behaviour for candidate in search.candidates}) == len(programs)
    assert all(fingerprint(program).trains for program in programs)


def test_parents_are_scored_candidates_that_came_before(strategy: dict[str, Any]) -> None:
    search = Breeding(strategy, EVERYBODY, late=3)
    search.run(30)
    failed = {number for number, score, revised in search.verdicts if score is None and not revised}
    for candidate in search.candidates:
        assert all(parent < candidate.id and parent not in failed for parent in candidate.parents)


def test_a_resumed_search_goes_on_as_if_nothing_had_happened(strategy: dict[str, Any]) -> None:
    whole = Breeding(strategy, EVERYBODY, starts=("adamw", "lion"), late=3)
    whole.run(20)
    for _ in range(3):
        broken = whole.resumed()
        assert broken.facts == whole.facts
        for search in (whole, broken):
            search.run(10)
        assert broken.facts == whole.facts


def test_the_state_does_not_grow_with_the_run(strategy: dict[str, Any]) -> None:
    search = Breeding(strategy, EVERYBODY)
    sizes = []
    for _ in range(2):
        search.run(200)
        sizes.append(len(json.dumps(search.proposer.state())))
    # Reasons to reject an edit are counted, and some are met late; a list of candidates would take five bytes for each.
    assert sizes[1] < sizes[0] + 2 * 200


def test_a_start_rule_is_never_proposed(strategy: dict[str, Any]) -> None:
    search = Breeding(strategy, EVERYBODY, starts=("sgd", "momentum", "adamw", "lion"))
    search.run(20)
    found = {structure(parse(candidate.source)) for candidate in search.candidates[4:]}
    assert not found & {candidate.structure for candidate in search.candidates[:4]}


def test_every_proposal_has_one_fate_and_every_candidate_one_verdict() -> None:
    search = Breeding({}, EVERYBODY)
    search.run(200)
    records = search.proposer.statistics
    assert set(records) == {"symbolic", "crossover", "constants", "random"}
    assert search.proposer.counts == sum((record.fates for record in records.values()), type(search.proposer.counts)())
    for name, record in records.items():
        own = [candidate for candidate in search.candidates if candidate.emitter == name]
        assert record.novel == len(own) == record.scored + record.failed
        assert record.seconds == 2 * record.scored + record.failed
    assert sum(record.reused for record in records.values()) > 0


def test_gains_add_up_to_what_the_children_brought_into_the_archive() -> None:
    search = Breeding({}, EVERYBODY)
    search.run(0)
    before = search.grid.qd_score - len(search.grid) / CAP
    search.run(60)
    assert {number for number, _, revised in search.verdicts if revised} - {1}
    taken = sum(record.gain for record in search.proposer.statistics.values())
    assert taken == pytest.approx(search.grid.qd_score - len(search.grid) / CAP - before)
    assert taken > 0


def test_what_a_candidate_gains_or_loses_when_measured_again_is_credited_to_who_made_it() -> None:
    search = Breeding({}, {"random": {"weight": 0}, "crossover": {"weight": 0}, "constants": {"weight": 0}})
    search.run(20)
    child = next(elite for elite in search.grid.elites() if elite.id > 1)
    before = search.proposer.statistics["symbolic"].gain
    search.tell((child.id, child.score + 7, True))
    assert search.proposer.statistics["symbolic"].gain == pytest.approx(before + 7)
    search.tell((1, 90.0, True))
    assert search.proposer.statistics["symbolic"].gain == pytest.approx(before + 7)


@dataclass
class Always:
    """Proposes one program."""

    program: Program
    name: str = "always"

    def propose(self, parents: Parents, rng: np.random.Generator) -> Proposal:
        return Proposal(self.program, self.name, (parents.parent(rng),), "again")


@pytest.mark.parametrize(
    ("source", "fate"),
    [
        ("def again(w, g, lr):\n    return lr * g\n", "same structure"),
        ("def again(w, g, lr):\n    return lr * (g + g)\n", "same behaviour"),
    ],
)
def test_a_known_rule_joins_an_aging_population_with_the_score_it_has(source: str, fate: str) -> None:
    search = Breeding({}, EVERYBODY, starts=("lion", "sgd"))
    search.run(0)
    proposer = Proposer([Always(parse(source))], Bandit({"always": 1.0}, 1.0), Aging(4, 1), search.grid)
    for candidate in search.candidates:
        proposer.enter(candidate)
    for elite in sorted(search.grid.elites(), key=lambda elite: elite.id):
        proposer.told(elite.id, elite, AddStatus.NEW, cost=1.0, seconds=1.0)
    assert proposer.state()["strategy"]["members"] == [1, 2, 1, 2]
    assert proposer.novel(search.program, search.rng, patience=3) is None
    assert proposer.state()["strategy"]["members"] == [2, 2, 2, 2]
    assert proposer.counts == {fate: 3}


def test_candidates_of_another_driver_are_known_and_breed() -> None:
    search, other = (Breeding({}, EVERYBODY) for _ in range(2))
    other.rng = np.random.default_rng(1)
    other.run(20)
    search.run(1)
    ours = len(search.candidates)
    for candidate in other.candidates[1:]:
        if candidate.structure not in {mine.structure for mine in search.candidates}:
            number = len(search.candidates) + 1
            search.candidates.append(
                Candidate(
                    number,
                    candidate.name,
                    candidate.source,
                    candidate.emitter,
                    "",
                    (),
                    candidate.structure,
                    candidate.behaviour,
                )
            )
            search.proposer.enter(search.candidates[-1])
            search.tell((number, 2.0, False))
    news = range(ours + 1, len(search.candidates) + 1)
    search.run(30)
    assert {parent for candidate in search.candidates for parent in candidate.parents} & set(news)
    assert len({candidate.behaviour for candidate in search.candidates}) == len(search.candidates)


def test_nothing_new_anywhere_is_said_and_not_waited_for() -> None:
    """Hill climbing on a rule without constants has nothing to change."""
    search = Breeding({"kind": "constants"}, EVERYBODY, starts=("sgd",))
    search.run(0)
    assert search.proposer.novel(search.program, search.rng, patience=20) is None
    assert search.proposer.counts == {"no legal edit": 20}


def test_the_source_of_a_candidate_is_enough_to_breed_from_it() -> None:
    search = Breeding({}, EVERYBODY)
    search.run(10)
    for candidate in search.candidates:
        assert show(parse(candidate.source)) == candidate.source
