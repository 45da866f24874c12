"""Whatever a grammar lets through is a legal rule, for every parent of the zoo."""

from __future__ import annotations

import numpy as np
import pytest

from derive import derive
from discovery.llm import grammar
from discovery.llm.edits import apply
from discovery.llm.listing import listing, places
from programs import zoo
from programs.canon import structure
from programs.ir import Program
from programs.ops import OPS, Shape
from programs.parse import parse

DRAWS = 12


@pytest.fixture(params=zoo.names())
def parent(request: pytest.FixtureRequest) -> Program:
    return zoo.load(request.param)


def test_a_listing_is_the_rule_itself(parent: Program) -> None:
    assert structure(parse(listing(parent).text())) == structure(parent)


def test_every_line_that_its_grammar_allows_makes_a_legal_rule(parent: Program) -> None:
    rng = np.random.default_rng(0)
    shown = listing(parent)
    assert places(parent), "there is a line to draw"
    for place in places(parent):
        allowed = grammar.line(place)
        for _ in range(DRAWS):
            parse(apply(derive(allowed, rng), shown).text())


def test_every_rule_that_its_grammar_allows_is_legal_and_keeps_the_head_of_the_parent(parent: Program) -> None:
    rng = np.random.default_rng(1)
    allowed = grammar.rule(parent)
    for _ in range(DRAWS):
        program = parse(derive(allowed, rng))
        assert (program.inputs, program.states) == (parent.inputs, parent.states)


def test_edits_that_their_grammar_allows_are_all_read(parent: Program) -> None:
    rng = np.random.default_rng(2)
    allowed = grammar.edits(parent)
    for _ in range(DRAWS):
        apply(derive(allowed, rng), listing(parent))


def test_the_grammar_follows_the_table_so_that_a_new_operation_is_known_to_it() -> None:
    adamw = zoo.load("adamw")
    for text in (grammar.rule(adamw), grammar.edits(adamw), grammar.line(places(adamw)[0])):
        for op in OPS.values():
            if op.shape is Shape.ELEMENTWISE and op.name != "power":
                assert f'"{op.name}"' in text or f'" {op.infix} "' in text


def test_a_whole_number_is_the_only_answer_where_one_is_asked_for() -> None:
    rng = np.random.default_rng(3)
    assert {int(derive(grammar.whole_number(0, 3), rng)) for _ in range(50)} == {0, 1, 2, 3}
