from __future__ import annotations

import numpy as np
import pytest

from observed import LANES, NUMBERS, of_one_value
from programs.hidden import hidden
from programs.probe import Array


@pytest.mark.parametrize(
    ("op", "arguments", "count"),
    [
        ("add", [NUMBERS, NUMBERS[:, :, ::-1]], 0),
        ("add", [NUMBERS, NUMBERS[:, :, ::-1] * 1e-20], 1),
        ("sub", [1e-20, of_one_value(3.0)], 1),
        ("sub", [0.0, of_one_value(3.0)], 0),
        ("interp", [NUMBERS, NUMBERS, 1e-20], 1),
        ("interp", [NUMBERS, NUMBERS, 0.5], 0),
        ("maximum", [NUMBERS, 1e20], 1),
        ("clip", [NUMBERS, -1e20, 1e20], 2),
        ("cos", [NUMBERS], 0),
        ("cos", [NUMBERS * 1e-6], 1),
        ("tanh", [2000 + NUMBERS], 1),
        ("exp", [of_one_value(0.0)], 0),
    ],
)
def test_what_is_too_small_to_show_is_found(op: str, arguments: list[Array], count: int) -> None:
    found, doubled = (
        list(hidden(op, [factor * value for value in arguments], [True] * len(arguments), LANES)) for factor in (1, 2)
    )
    assert len(found) == count
    if op in ("add", "sub", "maximum", "clip"):
        for mine, yours in zip(found, doubled, strict=True):
            np.testing.assert_allclose(mine, yours)


@pytest.mark.parametrize(
    ("op", "arguments", "count"),
    [
        ("mul", [NUMBERS, of_one_value(np.inf)], 1),
        ("mul", [NUMBERS, np.where(NUMBERS > 0, np.inf, 0.0)], 1),
        ("mul", [NUMBERS, np.where(NUMBERS > 0, np.inf, 2.0)], 0),
        ("mul", [NUMBERS, 2.0], 0),
        ("div", [NUMBERS, 0.0], 1),
        ("div", [1.0, NUMBERS], 0),
        ("div", [of_one_value(np.inf), NUMBERS], 1),
    ],
)
def test_a_factor_of_what_is_nothing_but_0_or_infinite_is_found(op: str, arguments: list[Array], count: int) -> None:
    with np.errstate(all="ignore"):
        assert len(list(hidden(op, arguments, [True] * len(arguments), LANES))) == count


@pytest.mark.parametrize(
    ("op", "arguments"),
    [
        ("sub", [NUMBERS, NUMBERS]),
        ("div", [NUMBERS, NUMBERS]),
        ("mul", [NUMBERS, 0.0]),
        ("interp", [NUMBERS, -1.0, 1.0]),
    ],
)
def test_what_makes_one_number_of_many_is_found(op: str, arguments: list[Array]) -> None:
    found = list(hidden(op, arguments, [True] * len(arguments), LANES))
    assert found
    assert all(np.array_equal(term, NUMBERS) for term in found)


def test_zero_times_what_no_state_can_make_grow_is_zero() -> None:
    assert not list(hidden("mul", [NUMBERS, 0.0], [False, False], LANES))
    assert list(hidden("tanh", [2000 + NUMBERS], [False], LANES))
