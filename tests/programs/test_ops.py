import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from in_torch import in_torch
from programs.check import result_kind
from programs.ir import Signature
from programs.kinds import Kind
from programs.layout import Layout, width
from programs.ops import INFIX, OPS, Op, Shape
from programs.parse import parse
from programs.run import NUMPY, Runner
from programs.run_torch import MEANINGS, TORCH

Array = NDArray[Any]

NAN, INF = np.nan, np.inf
SPECIAL = [0.0, -0.0, NAN, INF, -INF, 5e-324, -1e-310, 1e-200, 1e300, -1e300]
ORDINARY = [1.0, -1.0, 0.5, -0.5, 2.0, 3.0, -0.3, 1.7, 1e-8, 40.0, -700.0, 1 / 3]
VALUES = [*ORDINARY, *SPECIAL]
TOLERANCE = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 4e-6}

ELEMENTWISE = [op for op in OPS.values() if op.shape is Shape.ELEMENTWISE]
OVER_ROWS = (Shape.REDUCTION, Shape.GLOBAL, Shape.BY_ROW, Shape.BY_COLUMN)
REDUCTIONS = [op for op in OPS.values() if op.shape in OVER_ROWS]
COMPUTED = [op for op in OPS.values() if op.shape is not Shape.SIZE]
ZEROS_TIE = {"maximum", "minimum", "clip"}


def ids(op: Op) -> str:
    return op.name


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


def grid(op: Op, dtype: type[np.floating[Any]] = np.float64) -> list[Array]:
    """Every combination of the values, one array for each argument."""
    values = np.array(VALUES).astype(dtype)
    return [axis.ravel() for axis in np.meshgrid(*[values] * op.arity, indexing="ij")]


def meaning_of_template(op: Op) -> Callable[..., torch.Tensor]:
    names = ["x", "y", "z"][: op.arity]
    source = f"lambda {', '.join(names)}: {op.torch.format(*names)}"
    return eval(source, {"torch": torch})  # type: ignore[no-any-return]  # noqa: S307  # the table's own text


def assert_same(op: Op, expected: Array, found: torch.Tensor | Array, inputs: list[Any]) -> None:
    got = np.asarray(found)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    close = np.abs(got - expected) <= TOLERANCE[expected.dtype] * np.maximum(np.abs(expected), np.finfo(got.dtype).tiny)
    same = np.where(np.isfinite(expected) & np.isfinite(got), close, expected == got)
    same |= np.isnan(expected) & np.isnan(got)
    if op.name not in ZEROS_TIE:
        same &= (expected != 0) | (np.signbit(expected) == np.signbit(got))
    if op.name in ("sinh", "cosh"):
        same |= np.abs(expected) > np.finfo(got.dtype).max / 2
    if op.name == "power":
        base, exponent = (np.broadcast_to(x, got.shape) for x in inputs)
        same |= (exponent == -0.5) & (np.isinf(base) | (base == 0))
    wrong = np.flatnonzero(~same)[:3]
    assert not wrong.size, [
        (*(np.broadcast_to(x, got.shape).flat[i] for x in inputs), expected[i], got[i]) for i in wrong
    ]


MATRICES = (Shape.MATRIX, Shape.SQUARE, Shape.TRANSPOSE, Shape.PRODUCT)
WITH_SCALARS = (Shape.RESCALING, Shape.SQUARE)


@pytest.mark.parametrize("op", COMPUTED, ids=ids)
def test_arity_is_that_of_both_meanings(op: Op, device: str) -> None:
    arguments = [np.ones((2, 3, 3)) if op.shape in MATRICES else np.ones((2, 3))] * op.arity
    if op.shape in WITH_SCALARS:
        arguments[1:] = [np.ones((2, 1))] * (op.arity - 1)
    op.numpy(*arguments)
    in_torch(op.name, device)(*arguments)
    for wrong in (arguments[1:], [*arguments, *arguments, *arguments, *arguments]):
        with pytest.raises((TypeError, RuntimeError)):
            in_torch(op.name, device)(*wrong)
    assert {f"{{{i}}}" for i in range(3) if f"{{{i}}}" in op.torch} == {f"{{{i}}}" for i in range(op.arity)}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("op", ELEMENTWISE, ids=ids)
def test_torch_means_the_same_as_numpy_on_every_combination_of_values(
    op: Op, dtype: type[np.floating[Any]], device: str
) -> None:
    inputs = grid(op, dtype)
    expected = op.numpy(*inputs)
    assert expected.dtype == dtype
    assert_same(op, expected, in_torch(op.name, device)(*inputs), inputs)
    assert_same(op, expected, meaning_of_template(op)(*map(torch.tensor, inputs)), inputs)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if op.arity > 1], ids=ids)
def test_plain_numbers_mix_with_arrays_in_every_place(op: Op, dtype: type[np.floating[Any]], device: str) -> None:
    array = np.array(VALUES).astype(dtype)
    numbers = [-1.5, -0.5, 0.0, 0.3, 2.0, 1e30]
    for places in itertools.product([True, False], repeat=op.arity):
        if all(places) or not any(places):
            continue
        for constants in itertools.product(*[numbers if place else [0.0] for place in places]):
            pairs = list(zip(places, constants, strict=True))
            inputs: list[Any] = [constant if place else array for place, constant in pairs]
            expected = op.numpy(*inputs)
            assert_same(op, expected, in_torch(op.name, device)(*inputs), inputs)
            if takes_numbers(op, places):
                normal = np.abs(array) >= 1e-30 if op.name == "div" else np.full(array.shape, True)
                kept = [x if isinstance(x, float) else x[normal] for x in inputs]
                found = meaning_of_template(op)(*[x if isinstance(x, float) else torch.tensor(x) for x in kept])
                assert_same(op, expected[normal], found, kept)


def takes_numbers(op: Op, places: tuple[bool, ...]) -> bool:
    """Where the exported expression may be given plain numbers, as `Op.torch` says."""
    anywhere = op in INFIX.values() or op.name == "interp"
    return anywhere or (not places[0] and not (op.name == "where" and all(places[1:])))


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("op", REDUCTIONS, ids=ids)
def test_torch_reduces_each_lane_as_numpy_does(op: Op, size: int, device: str) -> None:
    rng = np.random.default_rng(0)
    lanes = rng.standard_normal((len(SPECIAL) + 4, size)) * np.logspace(-3, 3, len(SPECIAL) + 4)[:, None]
    lanes[: len(SPECIAL), 0] = SPECIAL
    inputs = [lanes, rng.standard_normal(lanes.shape)][: op.arity]
    expected = op.numpy(*inputs)
    assert expected.shape == (len(lanes),)
    assert_same(op, expected, in_torch(op.name, device)(*inputs), [])
    shape = (size, 1) if op.shape is Shape.BY_COLUMN else (1, size)
    for lane in range(len(lanes)):
        tensors = [torch.tensor(x[lane].reshape(shape)) for x in inputs]
        assert_same(op, expected[lane : lane + 1], meaning_of_template(op)(*tensors).reshape(1), [])


LAYOUT = Layout.of([(), (3,), (2, 4), (2, 1, 2, 2), (1,), (0,), (0, 3)])
EXAMPLES: dict[Kind, str] = {
    Kind.SCALAR: "0.7",
    Kind.PER_TENSOR: "norm(g)",
    Kind.TENSOR: "g",
    Kind.PER_ROW: "row_mean(g)",
    Kind.PER_COLUMN: "column_norm(g)",
    Kind.ROW_SQUARE: "matmul(g, transpose(g))",
    Kind.COLUMN_SQUARE: "matmul(transpose(g), g)",
    Kind.TRANSPOSED: "transpose(g)",
    Kind.ROW_VECTOR: "transpose(row_mean(g))",
    Kind.COLUMN_VECTOR: "transpose(column_norm(g))",
}


def examples(x: Array) -> dict[Kind, Array]:
    """The same for one parameter, `(lanes, rows, columns)`, in numpy."""
    turned = np.swapaxes(x, 1, 2)
    row = np.sum(x, axis=2, keepdims=True) / x.shape[2] if x.shape[2] else np.full((*x.shape[:2], 1), NAN)
    column = np.sqrt(np.sum(x * x, axis=1, keepdims=True))
    return {
        Kind.SCALAR: np.full((len(x), 1, 1), 0.7),
        Kind.PER_TENSOR: np.sqrt(np.sum(x * x, axis=(1, 2), keepdims=True)),
        Kind.TENSOR: x,
        Kind.PER_ROW: row,
        Kind.PER_COLUMN: column,
        Kind.ROW_SQUARE: x @ turned,
        Kind.COLUMN_SQUARE: turned @ x,
        Kind.TRANSPOSED: turned,
        Kind.ROW_VECTOR: np.swapaxes(row, 1, 2),
        Kind.COLUMN_VECTOR: np.swapaxes(column, 1, 2),
    }


def flat(parts: Sequence[Array]) -> Array:
    """One matrix of numbers for each parameter as a value of the interpreters, `(lanes, width)`."""
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def directly(op: Op, kinds: Sequence[Kind], g: Array) -> Array:
    """An operation on the examples of these kinds, one parameter at a time, as its shape in the table says."""
    matrices = [g[:, part].reshape(3, *LAYOUT.matrix_shape(index)) for index, part in enumerate(LAYOUT.slices)]
    shown = [[examples(x)[kind] for kind in kinds] for x in matrices]
    if op.shape in (Shape.GLOBAL, Shape.REDUCTION):
        shown = [list(np.broadcast_arrays(*arguments)) for arguments in shown]
    if op.shape is Shape.GLOBAL:
        return op.numpy(*map(flat, zip(*shown, strict=True)))[:, None]
    if op.shape is Shape.RESCALING:
        return op.numpy(flat([x for x, _ in shown]), np.full((3, 1), 0.7))
    found = []
    for arguments, axes in zip(shown, map(len, LAYOUT.shapes), strict=True):
        x = arguments[0]
        match op.shape:
            case Shape.REDUCTION:
                found.append(op.numpy(*(argument.reshape(3, -1) for argument in arguments)))
            case Shape.BY_COLUMN:
                found.append(op.numpy(np.swapaxes(x, 1, 2)))
            case Shape.SIZE:
                found.append(np.full(3, op.numpy(*x.shape[1:], axes)))
            case Shape.SQUARE:
                found.append(op.numpy(x, 0.7, 0.7))
            case _:
                found.append(op.numpy(*arguments))
    return flat(found)


@pytest.mark.parametrize("op", OPS.values(), ids=ids)
def test_all_kinds_mean_the_same_in_both_interpreters_and_one_parameter_at_a_time(op: Op, device: str) -> None:
    g = np.random.default_rng(0).standard_normal((3, LAYOUT.size))
    combinations = list(itertools.product(Kind, repeat=op.arity))
    legal = [kinds for kinds in combinations if isinstance(result_kind(op, kinds), Kind) and max(kinds)]
    assert legal
    random.Random(0).shuffle(legal)
    for kinds in legal[:60]:
        result = result_kind(op, kinds)
        assert isinstance(result, Kind)
        signature = Signature("expression", {"g": Kind.TENSOR}, required=(), outputs={"value": result})
        program = parse(f"def f(g):\n    return {op.name}({', '.join(EXAMPLES[kind] for kind in kinds)})", signature)
        (expected,), _ = Runner(program, LAYOUT, NUMPY)({"g": g}, ())
        (found,), _ = Runner(program, LAYOUT, TORCH)({"g": torch.tensor(g, device=device)}, ())
        assert expected.shape == (3, width(LAYOUT, result))
        np.testing.assert_allclose(found.cpu(), expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(expected, directly(op, kinds, g), rtol=1e-9, atol=1e-12)


def test_scalars_of_operations_on_matrices_may_differ_by_lane(device: str) -> None:
    g = np.random.default_rng(0).standard_normal((3, LAYOUT.size))
    body = "matmul(inverse_root(matmul(g, transpose(g)), 1 + lr, lr), clip_by_global_norm(g, lr))"
    program = parse(f"def f(g, lr):\n    return {body}")
    rates = np.array([[0.5], [1.0], [2.0]])
    (together,), _ = Runner(program, LAYOUT, NUMPY)({"g": g, "lr": rates}, ())
    shown = {"g": torch.tensor(g, device=device), "lr": torch.tensor(rates, device=device)}
    (found,), _ = Runner(program, LAYOUT, TORCH)(shown, ())
    np.testing.assert_allclose(found.cpu(), together, rtol=1e-9, atol=1e-12)
    for lane in range(3):
        (alone,), _ = Runner(program, LAYOUT, NUMPY)({"g": g[lane : lane + 1], "lr": float(rates[lane, 0])}, ())
        np.testing.assert_allclose(together[lane : lane + 1], alone, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "op", [op for op in OPS.values() if op.shape in MATRICES or op.shape is Shape.RESCALING], ids=ids
)
def test_matrices_of_special_values_mean_the_same_in_both_interpreters(
    op: Op, dtype: type[np.floating[Any]], device: str
) -> None:
    special = np.array([*SPECIAL, 1.0]).astype(dtype)
    x = np.random.default_rng(0).standard_normal((len(special), 3, 3)).astype(dtype)
    x[:, 0, 0] = special
    inputs: list[Any] = [x, np.swapaxes(x, 1, 2)][: op.arity]
    if op.shape in WITH_SCALARS:
        inputs = [x.reshape(len(x), -1) if op.shape is Shape.RESCALING else x @ np.swapaxes(x, 1, 2), 0.5, 0.5][
            : op.arity
        ]
    found = in_torch(op.name, device)(*inputs)
    expected = op.numpy(*inputs)
    assert found.dtype == expected.dtype == dtype
    largest = np.nanmax(np.abs(np.where(np.isfinite(expected), expected, 0)), axis=tuple(range(1, expected.ndim)))
    for lane, scale in enumerate(largest):
        tolerance = 1e3 * float(np.finfo(dtype).eps)
        np.testing.assert_allclose(found[lane], expected[lane], rtol=tolerance, atol=tolerance * float(scale))


EDGES: dict[str, list[tuple[tuple[float, ...], float]]] = {
    "power": [((NAN, 0.0), 1.0), ((INF, 0.0), 1.0), ((1.0, NAN), 1.0), ((NAN, 1.0), NAN), ((-8.0, 1 / 3), NAN)],
    "sign": [((NAN,), 0.0), ((-0.0,), 0.0), ((-INF,), -1.0), ((1e-320,), 1.0)],
    "maximum": [((0.0, -0.0), 0.0), ((NAN, 1.0), NAN), ((1.0, NAN), NAN)],
    "minimum": [((0.0, -0.0), 0.0), ((NAN, 1.0), NAN), ((1.0, NAN), NAN)],
    "clip": [((5.0, 2.0, 1.0), 1.0), ((-5.0, 2.0, 1.0), 1.0), ((NAN, 0.0, 1.0), NAN), ((0.5, NAN, 1.0), NAN)],
    "greater": [((NAN, 0.0), 0.0), ((0.0, NAN), 0.0), ((1.0, 1.0), 0.0), ((INF, 1.0), 1.0)],
    "where": [((NAN, 2.0, 3.0), 2.0), ((-0.0, 2.0, 3.0), 3.0), ((1.0, 2.0, NAN), 2.0), ((0.0, NAN, 3.0), 3.0)],
    "sinh": [((709.0,), np.sinh(709.0)), ((-712.0,), -INF)],
    "cosh": [((709.0,), np.cosh(709.0)), ((-712.0,), INF)],
}


@pytest.mark.parametrize(("name", "cases"), EDGES.items(), ids=EDGES)
def test_what_a_row_says_of_its_edges_holds(
    name: str, cases: list[tuple[tuple[float, ...], float]], device: str
) -> None:
    assert OPS[name].edge
    for arguments, expected in cases:
        arrays = [np.array([x]) for x in arguments]
        for found in (OPS[name].numpy(*arrays), in_torch(name, device)(*arrays)):
            np.testing.assert_allclose(found, [expected], rtol=1e-12)


def test_every_elementwise_row_with_an_edge_is_tested_for_it() -> None:
    assert {op.name for op in ELEMENTWISE if op.edge} == EDGES.keys()


@pytest.mark.parametrize("op", REDUCTIONS, ids=ids)
def test_a_reduction_of_nothing_is_zero_for_sums_and_nan_for_everything_else(op: Op, device: str) -> None:
    nothing = [np.zeros((2, 0))] * op.arity
    expected = np.full(2, NAN if "NaN" in op.edge or op.numpy in AVERAGES or op.name == "cosine_sim" else 0.0)
    np.testing.assert_array_equal(op.numpy(*nothing), expected)
    np.testing.assert_array_equal(in_torch(op.name, device)(*nothing), expected)


AVERAGES = [OPS[name].numpy for name in ("mean", "max")]


@pytest.mark.parametrize("op", [op for op in COMPUTED if op.shape not in MATRICES], ids=ids)
def test_a_nan_argument_gives_a_nan_unless_the_row_says_otherwise(op: Op) -> None:
    for place in range(op.arity):
        arguments = [np.array([[0.5, 0.25]])] * op.arity
        arguments[place] = np.array([[NAN, NAN]])
        if op.name not in ("power", "sign", "greater", "where"):
            assert np.isnan(op.numpy(*arguments)).all()


def test_nothing_is_protected_behind_the_readers_back() -> None:
    one, zero = np.array([1.0]), np.array([0.0])
    assert OPS["div"].numpy(one, zero) == INF
    assert np.isnan(OPS["div"].numpy(zero, zero))
    assert np.isnan(OPS["sqrt"].numpy(-one))
    assert np.isnan(OPS["log"].numpy(-one))
    assert OPS["log"].numpy(zero) == -INF
    assert OPS["exp"].numpy(1000 * one) == INF


def bits(x: Array, op: Op) -> Array:
    """The bits of every number, all NaNs being one, and both zeros where the row leaves open which of them it gives."""
    x = np.where(np.isnan(x), NAN, x)
    return (np.where(x == 0, 0.0, x) if op.name in ZEROS_TIE else x).view(np.int64)


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.arity == 2], ids=ids)
def test_commutative_rows_and_only_those_may_be_swapped_to_the_bit(op: Op, device: str) -> None:
    x, y = (axis.reshape(len(VALUES), -1) for axis in grid(OPS["add"]))
    for meaning in (op.numpy, in_torch(op.name, device)):
        assert np.array_equal(bits(meaning(x, y), op), bits(meaning(y, x), op)) == op.commutative


def test_a_number_too_large_for_the_type_is_infinite_and_no_error() -> None:
    x = torch.ones(3, dtype=torch.float32)
    assert torch.equal(MEANINGS["maximum"](x, 1e300), torch.full((3,), INF))
    assert torch.equal(TORCH.row([1e300] * 2, x[None]), torch.full((1, 2), INF))
