from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs import zoo
from programs.check import check
from programs.edit import DEFAULT_WEIGHTS, MAX_INSTRUCTIONS, MAX_STATES, mutate
from programs.fingerprint import fingerprint
from programs.generate import random_program
from programs.ir import Program
from programs.operators import OPERATORS, EditError
from programs.parse import parse
from programs.rewrite import prune
from programs.show import show

SEEDS = st.integers(0, 2**32 - 1)
ZOO = [zoo.load(name) for name in zoo.names()]
ADAMW = zoo.load("adamw")


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(program=st.one_of(st.from_type(Program), st.sampled_from(ZOO)), seed=SEEDS, edits=st.integers(1, 4))
def test_a_child_is_legal_different_and_has_nothing_in_vain(program: Program, seed: int, edits: int) -> None:
    edited = mutate(program, generator(seed), edits=edits, donors=ZOO)
    child = edited.program
    facts = check(child)
    assert child.name == "candidate"
    assert facts.live == set(range(len(child.body)))
    assert facts.live_states == set(child.states)
    assert prune(child) == child
    assert (child.body, child.outputs, child.hypers) != (program.body, program.outputs, program.hypers)
    assert parse(show(child)) == child
    assert edited.description
    assert edited.description.count(";") >= edits - 1


@given(seed=SEEDS, name=st.sampled_from(zoo.names()))
def test_the_generator_of_random_numbers_decides_everything(seed: int, name: str) -> None:
    program = zoo.load(name)
    first, again = (mutate(program, generator(seed), edits=3, donors=ZOO) for _ in range(2))
    assert first == again
    assert show(first.program) == show(again.program)


@given(seed=SEEDS)
def test_the_parent_and_the_donors_are_left_as_they_are(seed: int) -> None:
    donors = list(ZOO)
    mutate(ADAMW, generator(seed), edits=2, donors=donors)
    assert donors == ZOO
    assert zoo.load("adamw") == ADAMW


def test_edits_that_undo_each_other_are_followed_by_another() -> None:
    bare = parse("def candidate(g, lr):\n    return g * lr")
    children = [mutate(bare, generator(seed), edits=2, weights={"argument": 1}) for seed in range(300)]
    assert bare not in [child.program for child in children]
    assert any(child.description.count(";") > 1 for child in children)


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_alone_finds_children(operator: str) -> None:
    tied = parse("def f(g, m, lr, *, beta=0.9):\n    m = interp(g, m, beta)\n    return interp(g, m, beta) * lr, m")
    program = tied if operator == "untie" else ADAMW
    children = {mutate(program, generator(seed), weights={operator: 1}, donors=ZOO).program for seed in range(60)}
    assert len(children) > (1 if operator == "drop_state" else 8)


def test_weights_decide_how_often_an_operator_is_used() -> None:
    weights = {"constant": 3.0, "drop_state": 1.0, "insert": 0.0}
    texts = [mutate(ADAMW, generator(seed), weights=weights).description for seed in range(400)]
    dropped = sum(text.startswith("drop state") for text in texts)
    assert 60 < dropped < 140
    assert not any(text.startswith("insert") for text in texts)


def test_by_default_every_operator_is_used_and_none_fails_too_often() -> None:
    assert DEFAULT_WEIGHTS.keys() == OPERATORS.keys()
    used: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for seed in range(400):
        edited = mutate(ADAMW, generator(seed), donors=ZOO)
        used[edited.description.split()[0]] += 1
        rejected.update(edited.rejected)
    assert {"insert", "delete", "add", "drop", "splice", "beta1", "weight_decay", "sub", "m_hat"} <= used.keys()
    assert {reason.split(":")[0] for reason in rejected} <= OPERATORS.keys()
    assert 0 < rejected.total() < 200, "a child takes about one attempt"


def test_a_child_behaves_otherwise_when_asked_to() -> None:
    parent = parse("def scaled(w, g, lr, *, size=0.1, decay=0.01):\n    return (g + w * decay) * size * lr\n")
    neutral = {"constant": 1.0}  # one of the two is a factor of the step
    behaviour = fingerprint(parent).behaviour
    same, reasons = 0, Counter[str]()
    for seed in range(50):
        same += fingerprint(mutate(parent, generator(seed), weights=neutral).program).behaviour == behaviour
        edited = mutate(parent, generator(seed), weights=neutral, differs=True)
        assert fingerprint(edited.program).behaviour != behaviour
        reasons.update(edited.rejected)
    assert same > 0
    assert any(reason.endswith(": behaves as its parent") for reason in reasons)


def test_the_names_of_untouched_results_stay() -> None:
    first = ADAMW.body[0]
    children = [mutate(ADAMW, generator(seed), donors=ZOO).program for seed in range(100)]
    kept = [child.body[0].name for child in children if child.body[:1] == (first,)]
    assert set(kept) == {"m"}
    assert len(kept) > 50
    assert {instr.name for child in children for instr in child.body} == {instr.name for instr in ADAMW.body}


def test_a_long_line_of_descent_stays_bounded_and_alive() -> None:
    rng = generator(0)
    program, sizes, states = ADAMW, [], set()
    weights = DEFAULT_WEIGHTS | {"insert": 30, "add_state": 5, "splice": 10}
    for _ in range(400):
        program = mutate(program, rng, weights=weights, donors=ZOO).program
        sizes.append(len(program.body))
        states.add(len(program.states))
    assert max(sizes) == MAX_INSTRUCTIONS
    assert max(states) == MAX_STATES


def test_a_parent_beyond_the_bounds_may_only_shrink_or_stay() -> None:
    large = random_program(generator(0), MAX_INSTRUCTIONS + 10)
    for seed in range(30):
        assert len(mutate(large, generator(seed), donors=ZOO).program.body) <= len(large.body)


def test_dead_parts_of_the_parent_are_not_edited_but_left_out() -> None:
    cluttered = parse("def f(w, g, m, lr, *, a=1):\n    dead = exp(w)\n    return g * lr, m + dead")
    for seed in range(50):
        child = mutate(cluttered, generator(seed), weights={"operation": 1}).program
        assert (len(child.body), child.inputs, child.states, child.hypers) == (1, ("g", "lr"), (), ())


def test_what_cannot_be_edited_is_an_error_and_no_endless_search() -> None:
    bare = parse("def f(g):\n    return g")
    with pytest.raises(EditError, match=r"f has no legal edit .*no constant"):
        mutate(bare, generator(0), weights={"constant": 1, "drop_state": 1})
    with pytest.raises(EditError, match="no donors"):
        mutate(bare, generator(0), weights={"splice": 1})
    with pytest.raises(EditError, match="No operator"):
        mutate(bare, generator(0), weights={})


def test_as_many_edits_are_made_as_the_operators_find() -> None:
    edited = mutate(ADAMW, generator(0), edits=5, weights={"drop_state": 1})
    assert sorted(edited.description.split("; ")) == ["drop state m", "drop state v"]
    assert edited.program.states == ()


def test_an_unknown_operator_is_answered_with_those_that_come_close() -> None:
    with pytest.raises(ValueError, match=r"no operator 'inser'\. Did you mean insert"):
        mutate(ADAMW, generator(0), weights={"inser": 1})


def test_even_the_smallest_rule_has_many_children() -> None:
    bare = parse("def f(g):\n    return g")
    assert len({mutate(bare, generator(seed), donors=ZOO).program for seed in range(100)}) > 30
