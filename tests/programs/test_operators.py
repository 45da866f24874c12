import contextlib
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from programs import zoo
from programs.check import check, result_kind
from programs.ir import Const, Instr, Program, Ref, Var
from programs.kinds import Kind
from programs.operators import (
    OPERATORS,
    EditError,
    Parent,
    add_state,
    change_argument,
    change_constant,
    change_operation,
    copy_state,
    delete_instruction,
    insert_instruction,
    remove_state,
    splice,
    swap_arguments,
)
from programs.ops import OPS, Shape
from programs.parse import parse
from programs.rewrite import prune
from programs.show import show

SEEDS = st.integers(0, 2**32 - 1)
LION, SGD = zoo.load("lion"), zoo.load("sgd")


def parent(program: Program, donors: Sequence[Program] = ()) -> Parent:
    return Parent(program, check(program), donors)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def differences(before: Program, after: Program) -> list[tuple[Instr, Instr]]:
    assert len(before.body) == len(after.body)
    return [(old, new) for old, new in zip(before.body, after.body, strict=True) if old != new]


def edits_of(program: Program, operator: str, donors: Sequence[Program] = ()) -> dict[str, Program]:
    """What an operator does to a program in many attempts: pruned children by description."""
    found = {}
    for seed in range(300):
        with contextlib.suppress(EditError):
            child, description = OPERATORS[operator](parent(program, donors), generator(seed))
            found[description] = prune(child)
    return found


@given(program=..., seed=SEEDS)
def test_insert_adds_one_instruction_that_one_place_uses(program: Program, seed: int) -> None:
    try:
        child, description = insert_instruction(parent(program), generator(seed))
    except EditError:
        assume(False)
    assert len(child.body) == len(program.body) + 1
    added = [i for i, instr in enumerate(child.body) if description == f"insert {instr.op}"]
    uses = Counter(arg for _, arg in child.uses())
    assert any(uses[Var(i)] == 1 for i in added)
    assert (child.states, child.hypers) == (program.states, program.hypers)


@given(program=..., seed=SEEDS)
def test_delete_puts_an_argument_of_the_same_kind_in_the_place_of_a_result(program: Program, seed: int) -> None:
    try:
        child, description = delete_instruction(parent(program), generator(seed))
    except EditError:
        assume(False)
    changed = {(old, new) for (_, old), (_, new) in zip(program.uses(), child.uses(), strict=True) if old != new}
    ((result, arg),) = changed
    assert isinstance(result, Var)
    assert description == f"delete {program.body[result.index].op}"
    assert arg in program.body[result.index].args
    assert parent(program).kind(arg) is parent(program).kind(result)


def test_delete_has_nothing_to_do_where_no_argument_could_take_the_place() -> None:
    with pytest.raises(EditError, match="no instruction"):
        delete_instruction(parent(parse("def f(g):\n    return g")), generator(0))


@given(program=..., seed=SEEDS)
def test_argument_changes_at_most_one_place_and_keeps_tensors_where_they_must_be(program: Program, seed: int) -> None:
    try:
        child, description = change_argument(parent(program), generator(seed))
    except EditError:
        assume(False)
    changed = differences(program, child)
    outputs = [pair for pair in zip(program.outputs, child.outputs, strict=True) if pair[0] != pair[1]]
    assert len(changed) + len(outputs) <= 1
    for old, new in changed:
        assert sum(a != b for a, b in zip(old.args, new.args, strict=True)) == 1
        assert (old.op, description.split(" in ")[-1]) == (new.op, new.op)
        assert isinstance(result_kind(OPS[new.op], [parent(program).kind(arg) for arg in new.args]), Kind)


@given(program=..., seed=SEEDS)
def test_constant_changes_one_constant_and_nothing_else(program: Program, seed: int) -> None:
    constants = [arg for _, arg in program.uses() if isinstance(arg, Const)]
    if not constants:
        with pytest.raises(EditError, match="no constant"):
            change_constant(parent(program), generator(seed))
        return
    child, _ = change_constant(parent(program), generator(seed))
    pairs = [(old, new) for (_, old), (_, new) in zip(program.uses(), child.uses(), strict=True) if old != new]
    assert len(pairs) <= 1
    assert all(isinstance(old, Const) and isinstance(new, Const) for old, new in pairs)


def test_constant_changes_hyperparameters_too_and_keeps_every_name() -> None:
    rmsprop = parse(
        "def f(g, v, lr, *, beta=0.9):\n    v = interp(square(g), v, beta)\n    x = v + 0.1\n    return g / x * lr, v"
    )
    found = edits_of(rmsprop, "constant")
    assert {description.split()[0] for description in found} == {"beta", "0.1"}
    for description, child in found.items():
        assert [instr.name for instr in child.body] == [instr.name for instr in rmsprop.body]
        assert description.startswith("beta") or child.hypers == rmsprop.hypers
        if description.startswith("beta"):
            assert description == f"beta 0.9 -> {child.hypers[0].default:.12g}"
            assert child.body == rmsprop.body


@given(program=..., seed=SEEDS)
def test_operation_changes_one_operation_for_one_that_takes_the_same(program: Program, seed: int) -> None:
    child, description = change_operation(parent(program), generator(seed))
    changed = differences(program, child)
    assert len(changed) <= 1
    for old, new in changed:
        assert old.args == new.args
        reducing = {Shape.REDUCTION, Shape.BY_ROW, Shape.BY_COLUMN, Shape.GLOBAL}
        shapes = {OPS[old.op].shape, OPS[new.op].shape}
        assert OPS[old.op].arity == OPS[new.op].arity
        assert len(shapes) == 1 or shapes <= reducing
        assert description == f"{old.op} -> {new.op}"


@given(program=..., seed=SEEDS)
def test_swap_exchanges_two_values_of_one_kind(program: Program, seed: int) -> None:
    try:
        child, _ = swap_arguments(parent(program), generator(seed))
    except EditError:
        assume(False)
    pairs = [(old, new) for (_, old), (_, new) in zip(program.uses(), child.uses(), strict=True) if old != new]
    assert len(pairs) == 2
    assert pairs[0] == pairs[1][::-1]
    assert parent(program).kind(pairs[0][0]) is parent(program).kind(pairs[0][1])
    assert all(not isinstance(arg, Var) or arg.index < index for index, arg in child.uses())


def test_swap_has_nothing_to_do_with_one_value() -> None:
    with pytest.raises(EditError, match="no two values of one kind"):
        swap_arguments(parent(parse("def f(g):\n    return g")), generator(0))


def test_tying_makes_two_constants_one() -> None:
    found = edits_of(parse("def f(g, lr, *, a=0.9):\n    return (g * a + 0.5) * lr - 0.25"), "tie")
    assert {text: show(child).splitlines() for text, child in found.items() if "to a" in text} == {
        "tie 0.5 to a": ["def f(g, lr, *, a=0.9):", "    return (g * a + a) * lr - 0.25"],
        "tie 0.25 to a": ["def f(g, lr, *, a=0.9):", "    return (g * a + 0.5) * lr - a"],
    }
    tied = ["def f(g, lr, *, a=0.9, c=0.25):", "    return (g * a + c) * lr - c"]
    assert tied in [show(child).splitlines() for child in found.values()]
    assert ["def f(g, lr, *, c=0.25):", "    return (g * c + 0.5) * lr - c"] in [
        show(child).splitlines() for child in found.values()
    ]
    with pytest.raises(EditError, match="no second constant"):
        OPERATORS["tie"](parent(parse("def f(g, lr, *, a=2):\n    return a * g + a")), generator(0))


def test_untying_gives_one_use_of_a_hyperparameter_its_own() -> None:
    children = edits_of(parse("def f(g, lr, *, a=0.9, b=2):\n    return (g * a + a) * lr * b"), "untie").values()
    assert {tuple(hyper.name for hyper in child.hypers) for child in children} == {("a", "b", "a2")}
    assert len({child.hypers[-1].default for child in children}) > 10
    assert {show(child).splitlines()[-1] for child in children} == {
        "    return (g * a2 + a) * lr * b",
        "    return (g * a + a2) * lr * b",
    }
    with pytest.raises(EditError, match="no hyperparameter used twice"):
        OPERATORS["untie"](parent(LION), generator(0))


@given(program=..., seed=SEEDS)
def test_a_copied_state_is_kept_like_the_first_and_read_somewhere(program: Program, seed: int) -> None:
    try:
        child, description = copy_state(parent(program), generator(seed))
    except EditError:
        assume(False)
    assert len(child.states) == len(program.states) + 1
    state = description.removeprefix("copy state ")
    first, second = child.next_state(state), child.next_state(child.states[-1])
    if isinstance(first, Var):
        assert isinstance(second, Var)
        assert child.body[first.index].op == child.body[second.index].op
    else:
        assert second in (first, Ref(child.states[-1]))


def test_two_averages_of_different_length_are_one_copied_state_away() -> None:
    children = {show(child) for child in edits_of(zoo.load("adam"), "copy_state").values()}
    assert any("(m + m2) /" in child for child in children)


def test_preconditioning_brings_a_square_matrix_of_memory() -> None:
    found = edits_of(SGD, "precondition")
    assert {text for text in found if " g " in text} == {
        "precondition g from the left",
        "precondition g from the right",
    }
    for text, side in (("left", Kind.ROW_SQUARE), ("right", Kind.COLUMN_SQUARE)):
        facts = check(found[f"precondition g from the {text}"])
        assert facts.state_kinds == {text: side}
        assert facts.cost.matrix_products == 3


def test_factoring_leaves_means_over_rows_and_columns() -> None:
    child = edits_of(zoo.load("rmsprop"), "factor")["factor v"]
    assert {"row_mean", "column_mean"} <= {instr.op for instr in child.body}
    assert check(child).cost.matrix_products == 0


def test_inputs_that_are_not_free_are_used_only_where_they_are_already() -> None:
    for program, allowed in ((zoo.load("adamw"), set()), (parse("def f(g, h, lr):\n    return g / h * lr"), {"h"})):
        seen = {
            arg.name
            for name in ("insert", "argument")
            for child in edits_of(program, name).values()
            for _, arg in child.uses()
            if isinstance(arg, Ref)
        }
        assert seen & set(program.signature.costs) == allowed


def test_add_state_remembers_a_value() -> None:
    assert {
        text: re.sub(r"0[.]\d+", "RATE", show(child)).splitlines()[1:]
        for text, child in edits_of(SGD, "add_state").items()
    } == {
        "add state s: average of g": ["    s = interp(g, s, RATE)", "    return s * lr, s"],
        "add state s: average of mul(...)": ["    s = interp(g * lr, s, RATE)", "    return s, s"],
        "add state s: sum of g": ["    s = g + s", "    return s * lr, s"],
        "add state s: sum of mul(...)": ["    s = g * lr + s", "    return s, s"],
        "add state s: maximum of g": ["    s = maximum(g, s)", "    return s * lr, s"],
        "add state s: maximum of mul(...)": ["    s = maximum(g * lr, s)", "    return s, s"],
        "add state s: previous of g": ["    return s * lr, g"],
        "add state s: previous of mul(...)": ["    return s, g * lr"],
    }


@given(program=..., seed=SEEDS)
def test_add_state_adds_one_state_that_matters(program: Program, seed: int) -> None:
    child, _ = add_state(parent(program), generator(seed))
    assert child.states[:-1] == program.states
    assert child.states[-1] in check(child).live_states


def test_drop_state_keeps_what_the_state_was_made_from() -> None:
    (child,) = edits_of(zoo.load("momentum"), "drop_state").values()
    assert show(child).splitlines()[1:] in (["    return g * lr"], ["    return beta * 0 * lr"])
    children = edits_of(zoo.load("rmsprop"), "drop_state")
    assert {text: show(child).splitlines()[1:] for text, child in children.items()} == {
        "drop state v": ["    return g / (sqrt(square(g)) + eps) * lr"]
    }
    children = edits_of(LION, "drop_state")
    assert show(children["drop state m"]).splitlines()[1] == "    update = sign(interp(g, 0, beta1))"


@given(program=..., seed=SEEDS)
def test_drop_state_takes_away_one_state_and_every_use_of_it(program: Program, seed: int) -> None:
    assume(program.states)
    child, description = remove_state(parent(program), generator(seed))
    gone = description.removeprefix("drop state ")
    assert child.states == tuple(name for name in program.states if name != gone)
    assert Ref(gone) not in [arg for _, arg in child.uses()]


def test_splice_brings_a_part_of_a_donor_with_its_state() -> None:
    found = edits_of(SGD, "splice", [zoo.load("rmsprop")])
    assert show(found["splice v of rmsprop"]).splitlines() in (
        ["def sgd(g, v, lr, *, beta=0.99):", "    v = interp(square(g), v, beta)", "    return v * lr, v"],
        ["def sgd(g, v, *, beta=0.99):", "    v = interp(square(g), v, beta)", "    return v, v"],
    )


@given(program=..., donor=..., seed=SEEDS)
def test_splice_puts_a_value_of_the_same_kind_in_one_place(program: Program, donor: Program, seed: int) -> None:
    try:
        child, _ = splice(parent(program, [donor]), generator(seed))
    except EditError:
        assume(False)
    assert len(child.body) > len(program.body)
    assert child.states[: len(program.states)] == program.states
    assert len(child.states) - len(program.states) <= len(donor.states)
