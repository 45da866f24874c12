from __future__ import annotations

import numpy as np
import pytest

from observed import LANES, NUMBERS, of_one_value
from programs.decisions import JUMPING, is_safe, is_settled, is_shown, looked_at
from programs.kinds import Kind
from programs.layout import width
from programs.ops import OPS, Shape
from programs.probe import LAYOUT, NUDGE, TIMES, Array


def all_lanes(arguments: list[Array]) -> list[Array]:
    """Those of a probe: these, one with other gradients, and these nudged."""
    return [np.take(value, [0, 1, 0, 0, 1], axis=1) if np.ndim(value) else value for value in arguments]


@pytest.mark.parametrize(
    ("op", "arguments"),
    [
        ("sign", [NUMBERS]),
        ("floor", [NUMBERS]),
        ("greater", [NUMBERS, 0.5]),
        ("maximum", [NUMBERS, of_one_value(0.5)]),
        ("clip", [NUMBERS, -0.5, 0.5]),
        ("where", [np.maximum(NUMBERS, 0), 1.0, NUMBERS]),
    ],
)
def test_what_goes_both_ways_is_shown(op: str, arguments: list[Array]) -> None:
    assert is_shown(op, all_lanes(arguments), LANES)


@pytest.mark.parametrize(
    ("op", "arguments"),
    [
        ("sign", [abs(NUMBERS)]),
        ("sign", [NUMBERS * 1e38]),
        ("floor", [abs(NUMBERS) / 1000]),
        ("greater", [NUMBERS, 100.0]),
        ("maximum", [NUMBERS, of_one_value(-101.0)]),
        ("clip", [NUMBERS, -0.5, 101.0]),
        ("where", [abs(NUMBERS), 1.0, NUMBERS]),
    ],
)
def test_what_goes_one_way_or_overflows_is_not(op: str, arguments: list[Array]) -> None:
    assert not is_shown(op, all_lanes(arguments), LANES)


@pytest.mark.parametrize("op", ["sign", "maximum"])
def test_what_only_other_gradients_show_is_not(op: str) -> None:
    arguments = all_lanes([NUMBERS, of_one_value(-200.0)][: OPS[op].arity])
    arguments[0][:, [0, 1, 3, 4]] = 1.0
    assert np.ptp(np.sign(arguments[0])) == 2
    assert not is_shown(op, arguments, LANES)


def test_a_jump_of_what_was_nothing_at_first_is_not_shown() -> None:
    numbers = np.abs(NUMBERS)
    assert not is_shown("greater", all_lanes([numbers, of_one_value(0.0)]), LANES)
    numbers[2:] = 0.0
    assert is_shown("greater", all_lanes([numbers, of_one_value(0.0)]), LANES)
    numbers[0], numbers[1:] = 0.0, 1.0
    assert not is_shown("greater", all_lanes([numbers, of_one_value(0.0)]), LANES)


@pytest.mark.parametrize("left_over", [0.0, 1e-18])
@pytest.mark.parametrize("op", ["sign", "floor"])
def test_what_rounding_decides_is_not_shown(op: str, left_over: float) -> None:
    shown, nudged = NUMBERS[:, 1:].copy(), NUMBERS[:, 1:] * (1 + NUDGE)
    assert is_shown(op, [np.concatenate([shown, nudged], axis=1)], 1)
    shown[0, 0, 0], nudged[0, 0, 0] = left_over, 2e-18
    assert not is_shown(op, [np.concatenate([shown, nudged], axis=1)], 1)


def test_a_branch_that_rounding_takes_is_not_shown() -> None:
    shown, nudged = np.maximum(NUMBERS[:, 1:], 0), np.maximum(NUMBERS[:, 1:], 0)
    assert is_shown("where", [np.concatenate([shown, nudged], axis=1), 1.0, NUMBERS], 1)
    nudged[nudged == 0] = 1e-18
    assert not is_shown("where", [np.concatenate([shown, nudged], axis=1), 1.0, NUMBERS], 1)


def test_only_numbers_that_stay_as_they_are_settle_a_decision() -> None:
    assert is_settled("greater", [1.0, 2.0])
    assert is_settled("where", [1.0, NUMBERS, NUMBERS])
    assert not is_settled("greater", [1.0, NUMBERS])
    assert not is_settled("where", [NUMBERS, 1.0, 2.0])


@pytest.mark.parametrize("op", sorted(JUMPING - {"where", "floor", "clip_by_global_norm"}))
def test_a_decision_is_the_same_in_any_unit(op: str) -> None:
    arguments = [NUMBERS + place for place in range(OPS[op].arity)]
    np.testing.assert_allclose(looked_at(op, [7 * value for value in arguments]), looked_at(op, arguments))


def test_shrinking_looks_at_the_norm_and_the_bound() -> None:
    near, far = (looked_at("clip_by_global_norm", [NUMBERS, bound]) for bound in (1e4, 2e4))
    assert near.shape == (len(TIMES), LANES, 1)
    assert not np.allclose(near, far)
    turned = looked_at("clip_by_global_norm", [-NUMBERS[:, :, ::-1], 1e4])
    np.testing.assert_allclose(turned, near)


def test_a_divisor_that_changes_sign_in_a_lane_that_counts_is_not_safe() -> None:
    assert not is_safe("div", Kind.TENSOR, [1.0, NUMBERS], LANES)
    assert is_safe("div", Kind.TENSOR, [NUMBERS, abs(NUMBERS)], LANES)
    last = abs(NUMBERS)
    last[:, -1] *= -1
    assert not is_safe("reciprocal", Kind.TENSOR, [last], LANES)
    assert is_safe("reciprocal", Kind.TENSOR, [last], LANES - 1)


def test_a_size_of_numbers_that_are_all_of_one_sign_is_not_safe() -> None:
    assert is_safe("abs", Kind.TENSOR, [NUMBERS], LANES)
    assert not is_safe("abs", Kind.TENSOR, [abs(NUMBERS)], LANES)
    assert not is_safe("abs", Kind.TENSOR, [-abs(NUMBERS)], LANES)


@pytest.mark.parametrize("kind", [Kind.ROW_SQUARE, Kind.COLUMN_SQUARE])
def test_a_root_of_what_is_not_positive_is_not_safe(kind: Kind) -> None:
    rows = kind is Kind.ROW_SQUARE
    matrices = [np.reshape(NUMBERS[0, 0, place], LAYOUT.matrix_shape(i)) for i, place in enumerate(LAYOUT.slices)]
    grams = np.concatenate([(x @ x.T if rows else x.T @ x).ravel() for x in matrices])
    assert len(grams) == width(LAYOUT, kind)
    squares = np.broadcast_to(grams, (len(TIMES), LANES, len(grams)))
    assert is_safe("inverse_root", kind, [squares, 2.0, 0.1], LANES)
    assert not is_safe("inverse_root", kind, [-squares, 2.0, 0.1], LANES)
    assert not is_safe("inverse_root", kind, [squares - 0.1, 2.0, 0.1], LANES)


def test_whatever_departs_from_arithmetic_by_its_size_is_known_here() -> None:
    """A new operation that rescales must say where it bends."""
    assert {name for name, op in OPS.items() if op.shape is Shape.RESCALING} <= JUMPING
