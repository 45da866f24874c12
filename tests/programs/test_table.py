from __future__ import annotations

from collections import Counter

from programs.check import result_kind
from programs.kinds import Kind
from programs.ops import OPS, Shape
from programs.table import markdown, rows


def test_every_operation_is_in_one_group() -> None:
    assert Counter(row.name for row in rows()) == Counter(list(OPS))


def test_a_row_of_markdown_has_as_many_cells_as_the_head_of_its_table() -> None:
    lines = [line for line in markdown().splitlines() if line.startswith("|")]
    assert len(lines) > len(OPS)
    assert {line.count("|") for line in lines} == {8}


def test_the_kinds_that_a_row_states_are_those_of_the_check() -> None:
    examples: dict[Shape, list[Kind]] = {
        Shape.RESCALING: [Kind.TENSOR, Kind.SCALAR],
        Shape.SQUARE: [Kind.ROW_SQUARE, Kind.SCALAR, Kind.SCALAR],
        Shape.PRODUCT: [Kind.TENSOR, Kind.TRANSPOSED],
    }
    for row in rows():
        op = OPS[row.name]
        kind = result_kind(op, examples.get(op.shape, [Kind.TENSOR] * op.arity))
        assert isinstance(kind, Kind), row.name
        expected = {
            "as broadcast": Kind.TENSOR,
            "the same": Kind.TENSOR,
            "a x b": Kind.TENSOR,
            "b x a": Kind.TRANSPOSED,
            "a x 1": Kind.PER_ROW,
            "1 x b": Kind.PER_COLUMN,
            "a x c": Kind.ROW_SQUARE,
            "n x n": Kind.ROW_SQUARE,
        }
        assert kind is expected.get(row.gives, kind), row.name
        assert row.gives in expected or row.gives == str(kind), row.name


def test_the_cost_says_what_grows_with_the_side_of_a_matrix() -> None:
    costs = {row.name: row.cost for row in rows()}
    assert (costs["add"], costs["matmul"], costs["transpose"]) == ("1 / 3", "2 n / 3", "0 / 2")
    assert costs["orthogonalize"] == "10 + 30 n / 2"
