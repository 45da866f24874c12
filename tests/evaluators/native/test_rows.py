"""Every row of the table on the numbers where functions go wrong, against the reference in numpy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from programs.ir import Program
from programs.layout import Layout
from programs.ops import OPS, Shape
from programs.parse import parse
from updates import Case, Floats, native, reference

INF, NAN = np.inf, np.nan
ORDINARY = [1.0, -1.0, 0.5, -0.5, 2.0, -2.5, 3.0, 1e-3, -1e-7, 30.0, -30.0, 88.5, -88.5, 89.5, -104.5, 1e4, -3e9]
EXTREME = [0.0, -0.0, 1e-20, -1e-20, 1e-39, -1e-45, 1.2e-38, 1e19, -1e20, 3e38, -3e38, INF, -INF, NAN]
SPECIAL = np.array([*ORDINARY, *EXTREME], np.float32)
ELEMENTWISE = [op for op in OPS.values() if op.shape is Shape.ELEMENTWISE]
ULPS = 5
"""glibc's vector functions promise 4 of the true value, and the reference has an error of its own."""
NEAR_OVERFLOW = {"sinh", "cosh"}
EITHER_ZERO = {"maximum", "minimum", "clip"}


def shown(*arrays: Floats) -> Case:
    """Arrays as weights and gradient of one step; the reference sees half the weights as `w0`."""
    w, g = np.broadcast_arrays(*arrays)
    layout = Layout.of([(g.size,)])
    return Case(layout, np.ascontiguousarray(w, np.float32).ravel(), np.ascontiguousarray(g, np.float32).reshape(1, -1))


def check(program: Program, given: Case, op: str) -> None:
    found, _ = native(program, given)
    expected, _ = reference(program, given)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    if op in NEAR_OVERFLOW:
        expected = np.where(np.abs(expected) > np.finfo(np.float32).max / 2, found, expected)
    np.testing.assert_array_equal(np.isinf(found), np.isinf(expected))
    ok = np.isfinite(expected)
    limit = ULPS * np.spacing(np.abs(expected[ok], dtype=np.float32))
    assert (np.abs(found[ok].astype(float) - expected[ok]) <= limit).all()
    if op not in EITHER_ZERO:
        np.testing.assert_array_equal(np.signbit(found[ok]), np.signbit(expected[ok]))


@pytest.mark.parametrize("op", [op.name for op in ELEMENTWISE if op.arity == 1])
def test_functions_of_one_number(op: str) -> None:
    rng = np.random.default_rng(0)
    many = np.concatenate([SPECIAL, rng.standard_normal(1500), 30 * rng.standard_normal(1500), rng.uniform(-1, 1, 999)])
    g = np.concatenate([many, np.exp(rng.uniform(-80, 80, 999))])
    check(parse(f"def f(g):\n    return {op}(g)"), shown(g, g), op)


@pytest.mark.parametrize("op", [op.name for op in ELEMENTWISE if op.arity == 2])
def test_functions_of_two_numbers(op: str) -> None:
    given = shown(SPECIAL[:, None], SPECIAL[None, :])
    check(parse(f"def f(g, w):\n    return {op}(g, w)"), given, op)
    check(parse(f"def f(g, w):\n    return {op}(w, g)"), given, op)


@pytest.mark.parametrize("op", [op.name for op in ELEMENTWISE if op.arity == 2])
@pytest.mark.parametrize("scalar", SPECIAL.tolist())
def test_functions_of_a_number_and_a_scalar(op: str, scalar: float) -> None:
    rng = np.random.default_rng(1)
    g = np.concatenate([SPECIAL, rng.standard_normal(100), np.exp(rng.uniform(-85, 85, 300))]).astype(np.float32)
    if op == "power" and abs(scalar) == 0.5:
        g = g[(g != 0) & (g != -INF)]  # The reference may take a root there, which is NaN at -inf and -0 at -0.
    given = shown(g, g)
    given = Case(given.layout, given.w, given.gradients, losses=(scalar,))
    for text in (f"{op}(g, loss)", f"{op}(loss, g)"):
        check(parse(f"def f(g, loss):\n    return {text}"), given, op)


@pytest.mark.parametrize("op", [op.name for op in ELEMENTWISE if op.arity == 3])
def test_functions_of_three_numbers(op: str) -> None:
    given = shown(SPECIAL[:, None], SPECIAL[None, :])
    names = ["g", "w", "w0", "loss", "0.25"]
    for args in itertools.product(names, repeat=3):
        if {"g"} <= set(args):
            check(parse(f"def f(g, w, w0, loss):\n    return {op}({', '.join(args)})"), given, op)


REDUCING = [op for op in OPS.values() if op.shape in (Shape.REDUCTION, Shape.GLOBAL, Shape.BY_ROW, Shape.BY_COLUMN)]
LAYOUT = Layout.of([(3, 1100), (0, 3), (3, 0), (), (40, 3), (1,), (2, 3, 4), (700,)])


@pytest.mark.parametrize("op", REDUCING, ids=lambda op: op.name)
@pytest.mark.parametrize("special", [None, NAN, INF, -INF, 1e-40, 3e38, 1e20])
def test_reductions(op: str, special: float | None) -> None:
    row = OPS[op.name]  # type: ignore[attr-defined]
    rng = np.random.default_rng(2)
    w, g = rng.standard_normal((2, LAYOUT.size)).astype(np.float32)
    if special is not None:
        g[[5, 3301, 3303, -7]] = special
    args = ", ".join(["g", "w"][: row.arity])
    program = parse(f"def f(g, w, s):\n    s = {row.name}({args})\n    return g, s")
    given = Case(LAYOUT, w, g[None])
    (_, (found,)), (_, (expected,)) = native(program, given), reference(program, given)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6 * float(np.abs(g[np.isfinite(g)]).max()))


@pytest.mark.parametrize("op", [op.name for op in OPS.values() if op.shape is Shape.SIZE])
def test_facts_about_parameters(op: str) -> None:
    program = parse(f"def f(g):\n    return g * {op}(g) + {op}(transpose(g))")
    given = Case(LAYOUT, np.zeros(LAYOUT.size, np.float32), np.ones((1, LAYOUT.size), np.float32))
    np.testing.assert_array_equal(native(program, given)[0], reference(program, given)[0])
