from __future__ import annotations

import numpy as np
import pytest

from evaluators.bytecode import Buffer
from evaluators.bytecode import compile as compile_rule
from evaluators.cuda.tables import PROGRAM_COLUMNS, pack
from programs import zoo
from programs.layout import Layout

LAYOUT = Layout.of([(6, 5), (6,), ()])
NAMES = ("adamw", "muon", "shampoo", "sgd")


def column(tables: np.ndarray, name: str) -> list[int]:
    found: list[int] = tables[:, PROGRAM_COLUMNS.index(name)].tolist()
    return found


def test_the_tables_of_each_program_are_where_its_row_says() -> None:
    codes = [compile_rule(zoo.load(name), LAYOUT) for name in NAMES]
    tables = pack(codes, steps=4)
    for index, code in enumerate(codes):
        for table, first in (("stages", "first_stage"), ("instructions", "first_instruction")):
            start, own = column(tables.programs, first)[index], getattr(code, table)
            assert np.array_equal(getattr(tables, table)[start : start + len(own)], own)


def test_what_depends_on_the_step_alone_is_computed_for_every_step_beforehand() -> None:
    tables = pack([compile_rule(zoo.load("sgd"), LAYOUT), compile_rule(zoo.load("adam"), LAYOUT)], steps=3)
    start, count = (column(tables.programs, name)[1] for name in ("first_number", "numbers"))
    numbers = tables.numbers[start : start + 3 * count].reshape(3, count)
    corrections = [1 - 0.9**t for t in (1, 2, 3)]
    assert any(numbers[:, index] == pytest.approx(corrections, rel=1e-6) for index in range(count))


def test_no_two_buffers_of_a_program_share_memory() -> None:
    for name in NAMES:
        tables = pack([compile_rule(zoo.load(name), LAYOUT)], steps=1)
        code = compile_rule(zoo.load(name), LAYOUT)
        own = np.sort(tables.places[0][len(Buffer) :])
        assert code.scalars <= (own[0] if len(own) else len(tables.memory[0]))
        assert len(set(own.tolist())) == len(own)
        assert len(tables.memory[0]) >= column(tables.programs, "scratch")[0]
