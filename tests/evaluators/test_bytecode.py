from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators import bytecode
from evaluators.bytecode import LEARNING_RATE, LOSS, OPCODES, Buffer, Code, Mode, Space
from evaluators.nodes import REDUCTIONS
from programs import zoo
from programs.check import CheckError
from programs.generate import random_program
from programs.ir import Program
from programs.kinds import Kind
from programs.layout import Layout
from programs.ops import OPS, Shape
from programs.parse import parse

LAYOUT = Layout.of([(4, 6), (4,), (2, 3, 2), ()])
NAMES = list(OPCODES)
GATHERS = {gather for gather, _ in REDUCTIONS.values()}


def code(text: str) -> Code:
    return bytecode.compile(parse(text), LAYOUT)


def plain(text: str) -> Code:
    return bytecode.compile(parse(text), LAYOUT, fused=False)


def passes(made: Code) -> list[tuple[Mode, Kind, list[str]]]:
    """The stages, with the operations of each."""
    rows = made.instructions[:, 0].tolist()
    return [
        (Mode(mode), Kind(kind), [NAMES[row] for row in rows[first:end]])
        for mode, kind, first, end in made.stages.tolist()
    ]


def test_every_row_of_the_table_has_an_opcode_or_is_written_with_others() -> None:
    composed = {"cosine_sim", "clip_by_global_norm"}
    there = {op.name for op in OPS.values() if op.shape is not Shape.SIZE} - composed - REDUCTIONS.keys()
    assert there <= OPCODES.keys()


def test_an_elementwise_rule_is_one_pass_over_everything() -> None:
    (stage,) = passes(bytecode.compile(zoo.load("adamw"), LAYOUT))
    ops = ["weighted", "weighted_square", "div", "div", "over_root", "multiply_add", "multiply_sub"]
    assert stage == (Mode.FLAT, Kind.TENSOR, ops)


def test_nodes_are_fused_only_where_nobody_else_uses_what_they_make() -> None:
    assert passes(code("def f(g, m):\n    x = g * 3\n    return x + m, x - m"))[0][2] == ["mul", "add", "sub", "sub"]
    assert passes(code("def f(g, m):\n    x = g * 3\n    return x + m, x"))[0][2] == ["mul", "add", "sub"]


def test_what_a_reduction_needs_comes_before_it_and_the_rest_as_late_as_possible() -> None:
    first, second = passes(plain("def f(g, m, lr):\n    m = interp(m, g, 0.1)\n    return m / norm(g) * lr, m"))
    assert first == (Mode.BY_PARAMETER, Kind.TENSOR, ["gather_squares"])
    assert second == (Mode.BY_PARAMETER, Kind.TENSOR, ["weighted", "div", "mul", "sub"])


def test_what_depends_on_no_array_is_left_to_the_host() -> None:
    made = plain("def f(g, t, T, *, beta=0.9):\n    return g * (1 - beta ** t) / sqrt(T + 3)")
    assert passes(made) == [(Mode.FLAT, Kind.TENSOR, ["mul", "div", "sub"])]
    assert [NAMES[row] for row in made.host_rows[:, 0]] == ["add", "sqrt", "power", "sub"]
    assert made.host_once == 2
    assert len(made.from_host) == 2
    assert made.from_host_once == 1


def test_hyperparameters_can_be_replaced() -> None:
    program = parse("def f(g, *, scale=2):\n    return g * scale")
    assert 5.0 in bytecode.compile(program, LAYOUT, hypers={"scale": 5.0}).host
    assert 2.0 in bytecode.compile(program, LAYOUT).host


def test_the_same_thing_is_computed_once() -> None:
    made = plain("def f(g):\n    return g * norm(g) + g / norm(g) - square(g) * square(g)")
    names = [NAMES[row] for row in made.instructions[:, 0]]
    assert names.count("gather_squares") == names.count("square") == 1


def test_states_are_written_in_place_unless_their_old_value_is_still_needed() -> None:
    assert len(code("def f(g, m):\n    m = m * 0.9 + g\n    return m, m").swaps) == 0
    assert len(code("def f(g, m):\n    m2 = m * 0.9 + g\n    return m2 * m, m2").swaps) == 1
    assert len(code("def f(g, a, b):\n    return g + a, b, a * g").swaps) == 1
    assert len(code("def f(g, k):\n    return g * (k + 1) * k, k + 1").moves) <= 1


def test_rules_say_what_they_read() -> None:
    assert bytecode.compile(zoo.load("sgd"), LAYOUT).inputs == {"w", "g", "lr"}
    assert "h" in bytecode.compile(zoo.load("adahessian"), LAYOUT).inputs
    assert {"w0", "lr"} <= bytecode.compile(zoo.load("dog"), LAYOUT).inputs
    assert not code("def f(g):\n    return g").shows
    assert bytecode.compile(zoo.load("sgd"), LAYOUT, subtract=False).shows


def test_facts_about_parameters_are_numbers_for_each() -> None:
    made = code("def f(g):\n    return g * rows(g) * columns(g) * axes(g)")
    assert {tuple(facts.tolist()) for _, facts in made.sizes} == {(4, 1, 2, 1), (6, 4, 6, 1), (2, 1, 3, 0)}


def test_what_is_no_rule_is_refused() -> None:
    with pytest.raises(CheckError):
        bytecode.compile(Program("f", ("g",), (), (), (), ()), LAYOUT)


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 24))
def test_every_value_is_written_before_it_is_read(seed: int, size: int) -> None:
    """By following the instructions: no register is read before it is written, no buffer before its pass is over."""
    made = bytecode.compile(random_program(np.random.default_rng(seed), size), LAYOUT)
    states = {space << 24 | index for space, index in made.states.tolist()}
    given_buffers = {Space.BUFFER << 24 | buffer for buffer in Buffer} | {
        Space.BUFFER << 24 | buffer for buffer, _ in made.sizes
    }
    given_scalars = {Space.SCALAR << 24 | slot for slot in (LEARNING_RATE, LOSS, *made.from_host[:, 0].tolist())}
    written = states | given_buffers | given_scalars
    assert made.stages[0, 2] == 0
    assert made.stages[1:, 2].tolist() == made.stages[:-1, 3].tolist()
    assert made.stages[-1, 3] == len(made.instructions)
    for _, _, first, end in made.stages.tolist():
        registers: set[int] = set()
        late: set[int] = set()
        for opcode, result, *sources, _, _ in made.instructions[first:end].tolist():
            for source in filter(None, sources):
                space, index = source >> 24, source & 0xFFFFFF
                assert index < made.registers if space == Space.REGISTER else True
                place = Space.BUFFER << 24 | index if space == Space.EACH else source
                assert place in (registers if space == Space.REGISTER else written)
            # What is gathered is there when the pass is over; the last instruction may then use it no more.
            target = registers if result >> 24 == Space.REGISTER else late if NAMES[opcode] in GATHERS else written
            target.add(result)
        written |= late
    assert made.instructions[-1, 1] == Space.BUFFER << 24 | Buffer.WEIGHTS
