from dataclasses import replace

import pytest
from hypothesis import given

from programs import zoo
from programs.check import NOMINAL_SIDE, CheckError, Cost, check, liveness
from programs.ir import Const, Hyper, Instr, Program, Ref, Var
from programs.kinds import Kind
from programs.ops import OPS
from programs.parse import parse

SGD = parse("def sgd(g, lr):\n    return g * lr")


def rule(head: str, *lines: str) -> Program:
    return parse(f"def f({head}):\n" + "".join(f"    {line}\n" for line in lines))


def test_results_take_the_largest_kind_of_their_arguments_and_reductions_give_one_number_per_tensor() -> None:
    program = rule("w, g, lr, t", "a = 0.9 ** t", "b = norm(g)", "c = b * a", "d = c * w", "return orthogonalize(d)")
    assert check(program).kinds == (Kind.SCALAR, Kind.PER_TENSOR, Kind.PER_TENSOR, Kind.TENSOR, Kind.TENSOR)


def test_a_state_is_as_large_as_what_is_stored_in_it() -> None:
    program = rule(
        "g, b, c, m, lr",
        "b = b + square(norm(g))",  # AdaGrad-Norm: one number per tensor
        "c = 0.5 * c + lr",
        "m = m + g",
        "return g * m * c / sqrt(b), b, c, m",
    )
    assert check(program).state_kinds == {"b": Kind.PER_TENSOR, "c": Kind.SCALAR, "m": Kind.TENSOR}


def test_state_kinds_are_found_around_the_loop_however_long_the_way() -> None:
    # Each state gets the value of the next one a step later; only the last one ever sees a tensor.
    program = rule("g, a, b, c, d", "return g * a, b, c, d, g")
    assert set(check(program).state_kinds.values()) == {Kind.TENSOR}
    program = rule("g, a, b, c, d", "return g * a, b, c, d, mean(g)")
    assert set(check(program).state_kinds.values()) == {Kind.PER_TENSOR}


def test_a_reduction_may_read_a_state_that_becomes_a_tensor_only_around_the_loop() -> None:
    program = rule("g, m", "n = norm(m)", "return g * n, g")
    assert check(program).kinds[0] is Kind.PER_TENSOR
    with pytest.raises(CheckError, match="norm needs a tensor, but is given a scalar"):
        check(replace(program, outputs=(program.outputs[0], Const(1.0))))


@pytest.mark.parametrize(
    ("name", "cost"),
    [
        ("sgd", Cost(1, 3, state_tensors=0, memory_per_weight=0, gradients=1, matrix_products=0)),
        ("lion", Cost(12, 19, state_tensors=1, memory_per_weight=1, gradients=1, matrix_products=0)),
        # Two averages, a square, a root and seven more; powers of beta are numbers and cost nothing per weight.
        ("adamw", Cost(20, 33, state_tensors=2, memory_per_weight=2, gradients=1, matrix_products=0)),
    ],
)
def test_cost_counts_what_happens_to_every_weight(name: str, cost: Cost) -> None:
    assert check(zoo.load(name)).cost == cost


def test_cost_counts_states_by_size_and_matrix_products_and_leaves_out_the_dead() -> None:
    program = rule(
        "g, m, b, dead, lr",
        "m = orthogonalize(m + g)",
        "b = b + norm(g)",
        "dead = orthogonalize(exp(dead + g))",
        "return m / b * lr, m, b, dead",
    )
    newton_schulz = OPS["orthogonalize"].flops + NOMINAL_SIDE * OPS["orthogonalize"].side_flops
    assert check(program).cost == Cost(newton_schulz + 5, 12, 1, memory_per_weight=1, gradients=1, matrix_products=1)


def test_cost_counts_rows_columns_and_inputs_that_are_not_free() -> None:
    factored = rule(
        "g, r, c, dead, w0, h, lr",
        "r = interp(row_mean(g), r, 0.9)",
        "c = interp(column_mean(g), c, 0.9)",
        "dead = dead + matmul(g, transpose(g))",
        "return (g * h + w0) / (r * c) * lr, r, c, dead",
    )
    cost = check(factored).cost
    assert (cost.state_tensors, cost.memory_per_weight) == (0, 2 + 2 / NOMINAL_SIDE)
    assert (cost.gradients, cost.matrix_products) == (3, 0)
    squares = rule("g, s, lr", "s = s + matmul(g, transpose(g))", "return matmul(inverse_root(s, 4, 1e-8), g) * lr, s")
    cost = check(squares).cost
    assert (cost.state_tensors, cost.memory_per_weight, cost.matrix_products) == (1, 1, 3)


def test_what_matters_is_found_around_the_loop() -> None:
    program = rule(
        "g, a, b, alone",
        "x = a * g",
        "y = b + g",
        "alone = alone + g",
        "z = exp(g)",
        "return x, y, sqrt(b), alone",
    )
    facts = check(program)
    assert facts.live == {0, 1, 4}
    assert facts.live_states == {"a", "b"}


def test_liveness_can_start_anywhere() -> None:
    program = rule("w, g, m, lr, *, beta=0.9", "m = interp(g, m, beta)", "return m * lr + w, m")
    average = (frozenset({0}), frozenset({"g", "m", "beta"}))
    assert liveness(program, [Var(0)]) == average
    assert liveness(program, [Ref("m")]) == average
    assert liveness(program, [Ref("lr"), Const(1.0)]) == (frozenset(), frozenset({"lr"}))


WRONG: dict[str, tuple[Program, int, str]] = {
    "operation": (replace(SGD, body=(Instr("foo", (Ref("g"),)),)), 0, "Unknown operation 'foo'"),
    "arity": (replace(SGD, body=(Instr("sqrt", (Ref("g"), Ref("lr"))),)), 0, "sqrt takes 1 arguments, not 2"),
    "name": (replace(SGD, inputs=("g",)), 0, "Unknown name 'lr'"),
    "output name": (replace(SGD, outputs=(Ref("w"),)), 1, "Unknown name 'w'"),
    "later result": (replace(SGD, body=(Instr("mul", (Ref("g"), Var(0))),)), 0, "used before it exists"),
    "negative result": (replace(SGD, body=(Instr("mul", (Ref("g"), Var(-1))),)), 0, "used before it exists"),
    "output too late": (replace(SGD, outputs=(Var(1),)), 1, "used before it exists"),
    "name twice": (replace(SGD, hypers=(Hyper("lr", 1.0),)), 0, "are the same"),
    "too few outputs": (replace(SGD, states=("m",)), 1, "1 value is returned; update rules return update, m"),
    "too many outputs": (
        replace(SGD, outputs=(Var(0), Var(0))),
        1,
        "2 values are returned; update rules return update",
    ),
    "no outputs": (replace(SGD, outputs=()), 1, "0 values are returned"),
    "update kind": (replace(SGD, outputs=(Ref("lr"),)), 1, "The update must be a tensor, but is a scalar"),
    "rows against columns": (
        replace(SGD, body=(Instr("transpose", (Ref("g"),)), Instr("mul", (Ref("g"), Var(0))))),
        1,
        r"mul cannot broadcast a tensor \(rows x columns\) and a transposed tensor \(columns x rows\)",
    ),
    "inner axes": (
        replace(SGD, body=(Instr("matmul", (Ref("g"), Ref("g"))),)),
        0,
        r"matmul cannot multiply a tensor \(rows x columns\) and a tensor \(rows x columns\)",
    ),
    "square": (
        replace(SGD, body=(Instr("inverse_root", (Ref("g"), Const(4.0), Const(0.0))),)),
        0,
        "inverse_root needs a square matrix, but is given a tensor",
    ),
    "root of a scalar": (
        replace(SGD, body=(Instr("inverse_root", (Ref("lr"), Const(4.0), Const(0.0))),)),
        0,
        "inverse_root needs a tensor, but is given a scalar",
    ),
    "scalars": (
        replace(SGD, body=(Instr("clip_by_global_norm", (Ref("g"), Ref("g"))),)),
        0,
        "clip_by_global_norm needs scalars after its first argument, but is given a tensor",
    ),
    "state of two kinds": (
        replace(
            SGD,
            states=("m",),
            body=(Instr("transpose", (Ref("g"),)), Instr("add", (Ref("m"), Ref("g")))),
            outputs=(Ref("g"), Var(0)),
        ),
        1,
        "add cannot broadcast a transposed",
    ),
    "state returned as another kind": (
        replace(
            SGD,
            states=("m",),
            body=(Instr("add", (Ref("g"), Ref("m"))), Instr("transpose", (Var(0),))),
            outputs=(Ref("g"), Var(1)),
        ),
        0,
        "cannot broadcast",
    ),
    "no gradient": (replace(SGD, inputs=("w", "lr"), outputs=(Ref("w"),), body=()), 0, "does not depend on 'g'"),
}


@pytest.mark.parametrize(("program", "index", "message"), WRONG.values(), ids=WRONG)
def test_an_illegal_program_is_refused_and_the_first_wrong_instruction_named(
    program: Program, index: int, message: str
) -> None:
    with pytest.raises(CheckError, match=message) as caught:
        check(program)
    assert caught.value.index == index


@given(...)
def test_dead_parts_change_nothing_that_matters(program: Program) -> None:
    junk = Instr("exp", (Ref("g"),))
    grown = replace(
        program, states=(*program.states, "junk"), body=(*program.body, junk), outputs=(*program.outputs, Ref("junk"))
    )
    before, after = check(program), check(grown)
    assert (after.live, after.live_states, after.cost) == (before.live, before.live_states, before.cost)
