"""What each emitter makes of its parents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archive.grid import DEFAULT_AXES, Elite
from discovery.config import EmittersConfig, StrategyConfig
from discovery.emitters import Emitter, Parents, build
from discovery.emitters.constants import Constants
from discovery.emitters.crossover import Crossover
from discovery.emitters.random import Random
from discovery.emitters.symbolic import Symbolic
from discovery.strategies import MapElites
from programs.check import check
from programs.edit import DEFAULT_WEIGHTS
from programs.ir import Const, Program
from programs.operators import EditError
from programs.parse import parse
from programs.show import show
from programs.zoo import load

ZOO = {1: load("adamw"), 2: load("lion"), 3: load("sgd"), 4: load("rmsprop")}


def parents_of(*numbers: int) -> Parents:
    strategy = MapElites(DEFAULT_AXES, 1)
    for number in numbers:
        strategy.start(Elite(number, 1.0, {axis.name: 100.0 * (number % 2) for axis in DEFAULT_AXES}))
        strategy.start(Elite(number, 1.0, {axis.name: 0.0 for axis in DEFAULT_AXES} | {"state_slots": float(number)}))
    return Parents(strategy, 9, ZOO.__getitem__)


EMITTERS: list[Emitter] = [Symbolic(2, DEFAULT_WEIGHTS), Crossover(), Constants(2), Random(12)]
by_name = pytest.mark.parametrize("emitter", EMITTERS, ids=lambda emitter: emitter.name)


@by_name
def test_a_proposal_is_legal_and_reads_back(emitter: Emitter) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        proposal = emitter.propose(parents_of(1, 2, 4), rng)
        check(proposal.program)
        assert parse(show(proposal.program)) == proposal.program
        assert proposal.emitter == emitter.name
        assert proposal.note


@by_name
def test_the_same_randomness_gives_the_same_proposal(emitter: Emitter) -> None:
    first, second = (emitter.propose(parents_of(1, 2, 4), np.random.default_rng(3)) for _ in range(2))
    assert first == second


def _bare(program: Program) -> Program:
    """The form without its numbers."""
    body = tuple(
        replace(instr, name="", args=tuple(Const(0.0) if isinstance(arg, Const) else arg for arg in instr.args))
        for instr in program.body
    )
    return replace(program, name="", body=body, hypers=tuple(replace(hyper, default=0.0) for hyper in program.hypers))


def test_constants_leave_the_form_of_their_parent_alone() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        proposal = Constants(3).propose(parents_of(1), rng)
        assert _bare(proposal.program) == _bare(ZOO[1])
        assert proposal.program != replace(ZOO[1], name="candidate")
        assert proposal.parents == (1,)


def test_a_rule_without_constants_cannot_be_tuned() -> None:
    with pytest.raises(EditError, match="no legal edit"):
        Constants(1).propose(parents_of(3), np.random.default_rng(0))


def test_crossover_names_both_parents_and_takes_from_the_second() -> None:
    rng = np.random.default_rng(0)
    proposals = [Crossover().propose(parents_of(1, 2, 4), rng) for _ in range(60)]
    assert all(proposal.note.startswith("splice ") for proposal in proposals)
    assert all(f" of {ZOO[proposal.parents[1]].name}" in proposal.note for proposal in proposals)
    assert sum(proposal.parents[0] != proposal.parents[1] for proposal in proposals) > 50


def test_a_single_rule_is_crossed_with_itself() -> None:
    assert Crossover().propose(parents_of(1), np.random.default_rng(0)).parents == (1, 1)


def test_symbolic_edits_take_nothing_from_others() -> None:
    rng = np.random.default_rng(0)
    notes = [Symbolic(2, DEFAULT_WEIGHTS).propose(parents_of(1, 2), rng).note for _ in range(100)]
    assert not any("splice" in note for note in notes)


def test_symbolic_edits_are_those_that_have_a_weight() -> None:
    weights = dict.fromkeys(DEFAULT_WEIGHTS, 0.0) | {"delete": 1.0}
    config = EmittersConfig.model_validate(
        {"symbolic": {"weights": {k: v for k, v in weights.items() if k != "splice"}}}
    )
    emitter = build(config, StrategyConfig())[0][0]
    rng = np.random.default_rng(0)
    notes = [emitter.propose(parents_of(1, 2), rng).note for _ in range(30)]
    assert all(part.startswith("delete ") for note in notes for part in note.split("; "))


def test_edits_that_came_to_nothing_are_counted_with_their_reasons() -> None:
    rng = np.random.default_rng(0)
    proposals = [Symbolic(2, DEFAULT_WEIGHTS).propose(parents_of(1, 2), rng) for _ in range(50)]
    reasons = {reason for proposal in proposals for reason in proposal.rejected}
    assert reasons
    assert all(reason.split(": ")[0] in DEFAULT_WEIGHTS for reason in reasons)


def test_random_programs_have_no_parents_and_stay_within_their_size() -> None:
    rng = np.random.default_rng(0)
    proposals = [Random(6).propose(parents_of(1), rng) for _ in range(50)]
    assert {proposal.parents for proposal in proposals} == {()}
    assert {len(proposal.program.body) for proposal in proposals} == {2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("map_elites", ["symbolic", "constants", "random"]),
        ("aging", ["symbolic", "constants", "random"]),
        ("random", ["random"]),
        ("constants", ["constants"]),
    ],
)
def test_the_controls_have_one_emitter_and_everybody_else_those_with_a_weight(kind: str, names: list[str]) -> None:
    config = EmittersConfig.model_validate({"crossover": {"weight": 0}})
    built = build(config, StrategyConfig.model_validate({"kind": kind}))
    assert [emitter.name for emitter, _ in built] == names
