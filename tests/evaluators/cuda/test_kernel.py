from __future__ import annotations

import pytest

from evaluators.bytecode import UnsupportedError
from evaluators.bytecode import compile as compile_rule
from evaluators.cuda.images import SHAPES
from evaluators.cuda.kernel import fitting, shared_bytes
from evaluators.cuda.tables import Tables, pack
from programs import zoo
from programs.layout import Layout


def packed(*names: str) -> Tables:
    layout = Layout.of([(4, 3), (4,)])
    return pack([compile_rule(zoo.load(name), layout) for name in names], steps=3)


def test_the_largest_block_that_fits_is_taken() -> None:
    tables = packed("adamw", "lion")
    assert fitting(tables, 10**6) == SHAPES[0]
    least = shared_bytes(tables, SHAPES[-1])
    assert fitting(tables, least) == SHAPES[-1]
    with pytest.raises(UnsupportedError, match="registers"):
        fitting(tables, least - 1)
