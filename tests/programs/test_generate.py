from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.check import check
from programs.generate import random_program
from programs.ir import Const, Program, Ref, Var
from programs.ops import OPS, Shape
from programs.parse import parse
from programs.show import show

MANY = [random_program(np.random.default_rng(seed), 1 + seed % 20) for seed in range(400)]
OPERATIONS = Counter(instr.op for program in MANY for instr in program.body)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_a_random_program_is_legal_has_the_size_asked_for_and_nothing_in_vain(seed: int, size: int) -> None:
    program = random_program(np.random.default_rng(seed), size)
    facts = check(program)
    assert len(program.body) == size
    assert facts.live == set(range(size))
    assert facts.live_states == set(program.states)
    assert len(program.states) <= 3
    assert all(any(not isinstance(arg, Const) for arg in instr.args) for instr in program.body)
    assert program.outputs[0] in [Var(i) for i, instr in enumerate(program.body) if instr.args[1:] == (Ref("lr"),)]


@given(...)
def test_a_random_program_asks_only_for_what_it_uses(program: Program) -> None:
    used = {arg.name for _, arg in program.uses() if isinstance(arg, Ref)}
    assert used == {*program.inputs, *program.states}
    assert parse(show(program)) == program


def test_the_generator_of_random_numbers_decides_everything() -> None:
    again = [random_program(np.random.default_rng(seed), 1 + seed % 20) for seed in range(50)]
    assert again == MANY[:50]
    assert len(set(MANY)) > 300


def test_programs_are_of_many_kinds() -> None:
    assert {len(program.states) for program in MANY} == {0, 1, 2, 3}
    assert {name for program in MANY for name in program.inputs} == {"w", "g", "lr", "t", "T"}
    assert {OPS[op].shape for op in OPERATIONS} == set(Shape)
    assert len(OPERATIONS) == len(OPS)
    constants = [arg.value for program in MANY for _, arg in program.uses() if isinstance(arg, Const)]
    assert min(constants) < 0 < max(constants)
    assert len(set(constants)) > 100


def test_arithmetic_is_drawn_more_often_than_rarities() -> None:
    assert OPERATIONS["mul"] > 5 * OPERATIONS["arccosh"]
    assert OPERATIONS["interp"] > 5 * OPERATIONS["exp10"]


def test_a_program_has_at_least_one_instruction() -> None:
    assert show(random_program(np.random.default_rng(0), 1)).startswith("def candidate(")
    with pytest.raises(ValueError, match="at least one instruction, not 0"):
        random_program(np.random.default_rng(0), 0)
