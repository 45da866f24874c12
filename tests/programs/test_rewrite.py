from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from programs import zoo
from programs.check import check
from programs.ir import Const, Hyper, Instr, Program, Ref, Var
from programs.layout import Layout
from programs.parse import parse
from programs.rewrite import drop_state, fresh_name, graft, insert, prune, set_argument, substitute
from programs.run import NUMPY, Runner
from programs.show import show

LAYOUT = Layout.of([(3,), (2, 2)])
CLUTTERED = parse("""
def f(w, g, a, m, b, lr, t, T, *, beta=0.9, unused=1):
    dead = exp(w)
    m = interp(g, m, beta)
    b = b + dead
    a = a + m
    return m * lr, a, m, b
""")


def updates(program: Program) -> NDArray[Any]:
    rng = np.random.default_rng(0)
    runner = Runner(program, LAYOUT, NUMPY)
    found: list[NDArray[Any]] = []
    w = rng.standard_normal((2, LAYOUT.size))
    states = runner.zero_states(w)
    for step in range(1, 4):
        inputs: dict[str, Any] = {"w": w, "g": rng.standard_normal(w.shape), "lr": 0.1, "t": float(step), "T": 9.0}
        (update,), states = runner(inputs, states)
        found.append(update)
    return np.stack(found)


def test_pruning_leaves_what_the_update_depends_on_and_its_names() -> None:
    pruned = prune(CLUTTERED)
    assert show(pruned) == "def f(g, m, lr, *, beta=0.9):\n    m = interp(g, m, beta)\n    return m * lr, m\n"
    np.testing.assert_array_equal(updates(pruned), updates(CLUTTERED))


@given(...)
def test_a_program_without_dead_parts_is_pruned_to_itself(program: Program) -> None:
    assert prune(program) == program


@given(program=..., seed=st.integers(0, 2**32 - 1))
def test_pruning_takes_away_exactly_what_was_put_in_idle(program: Program, seed: int) -> None:
    at = seed % (len(program.body) + 1)
    grown = insert(program, at, [Instr("exp", (Ref("g"),)), Instr("add", (Var(at), Ref("idle")))])
    grown = replace(grown, states=("idle", *grown.states), outputs=(grown.outputs[0], Var(at + 1), *grown.outputs[1:]))
    check(grown)
    assert prune(grown) == program


@given(program=..., seed=st.integers(0, 2**32 - 1))
def test_inserting_what_nobody_uses_changes_no_bit(program: Program, seed: int) -> None:
    at = seed % (len(program.body) + 1)
    grown = insert(program, at, [Instr("exp", (Ref("g"),))])
    assert grown.body[at].op == "exp"
    np.testing.assert_array_equal(updates(grown), updates(program))


def test_setting_an_argument_drops_the_name_that_may_no_longer_be_true() -> None:
    lion = zoo.load("lion")
    changed = set_argument(lion, 1, 0, Ref("g"))
    assert changed.body[1] == Instr("sign", (Ref("g"),))
    assert (lion.body[1].name, changed.body[1].name) == ("update", "")
    assert changed.body[2].name == "m"
    assert set_argument(lion, len(lion.body), 1, Ref("g")).next_state("m") == Ref("g")


def test_substitution_reaches_arguments_and_outputs() -> None:
    program = parse("def f(g, m, lr):\n    m = m + g\n    return m * m * lr, m")
    found = substitute(program, {Var(0): Ref("g"), Ref("lr"): Const(2.0)})
    assert show(found).splitlines()[-1] == "    return g * g * 2, g"


def test_substitution_tells_a_constant_from_the_result_of_its_number() -> None:
    program = parse("def f(g, lr):\n    return sqrt(g) * 1 * 1 * lr")
    found = substitute(program, {Const(1.0): Const(0.5)})
    assert found == parse("def f(g, lr):\n    return sqrt(g) * 0.5 * 0.5 * lr")


def test_dropping_a_state_takes_its_slot_and_its_output() -> None:
    program = parse("def f(g, a, b, c):\n    return g, a, sqrt(b), exp(c)")
    found = drop_state(program, "b")
    assert (found.states, found.outputs) == (("a", "c"), (Ref("g"), Ref("a"), Var(1)))


def test_a_graft_brings_its_states_and_hyperparameters_and_changes_nothing_until_it_is_used() -> None:
    adam, donor = zoo.load("adam"), zoo.load("adamw")
    grown, result = graft(adam, 3, donor, Var(9))
    check(grown)
    assert result == Var(8)
    assert grown.states == ("m", "v", "v2")
    assert grown.hypers == adam.hypers
    np.testing.assert_array_equal(updates(grown), updates(adam))
    assert prune(grown) == adam


def test_a_graft_computes_what_it_computed_in_the_donor() -> None:
    sgd, lion = zoo.load("sgd"), zoo.load("lion")
    grown, result = graft(sgd, 0, lion, Var(len(lion.body) - 1))
    moved = replace(grown, outputs=(result, *grown.outputs[1:]), inputs=("w", "g", "lr"))
    assert prune(replace(moved, name="lion")) == replace(lion, body=tuple(replace(i, name="") for i in lion.body))


def test_a_hyperparameter_with_another_default_gets_a_name_of_its_own() -> None:
    adam = zoo.load("adam")
    donor = replace(adam, hypers=(Hyper("beta1", 0.5), *adam.hypers[1:]))
    grown, _ = graft(adam, 0, donor, Var(0))
    assert grown.hypers == (*adam.hypers, Hyper("beta3", 0.5))
    assert grown.body[0].args == (Ref("g"), Ref("m2"), Ref("beta3"))


@pytest.mark.parametrize(
    ("base", "name"), [("s", "s"), ("m", "m2"), ("beta1", "beta3"), ("g", "g2"), ("w0", "w2"), ("log1", "log1")]
)
def test_a_fresh_name_is_neither_taken_nor_reserved(base: str, name: str) -> None:
    assert fresh_name(base, zoo.load("adam")) == name


def test_a_fresh_name_is_no_operation() -> None:
    program = replace(zoo.load("sgd"), states=("log1",))
    assert fresh_name("log1", program) == "log3"
