"""The closed table of operations. Everything else in this package is derived from its rows.

Numerics are those of IEEE 754 on every row: a division by zero gives an infinity (or NaN for 0/0), the square
root or logarithm of a negative number gives NaN, an overflow gives an infinity, and a NaN argument gives a NaN.
A row that departs from this says so in `edge`. Nothing is protected or clamped behind the reader's back, so that
an exported optimizer computes exactly what was searched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from programs.matrix import inverse_root, orthogonalize, transpose

Array = NDArray[np.floating[Any]]


class Shape(Enum):
    """What an operation does to kinds and how an interpreter hands it its arguments.

    A value is seen one parameter at a time as its matrix, `(lanes, a, b)`; `Kind` says which `a` and `b`.
    """

    ELEMENTWISE = "elementwise"
    """Arguments broadcast; the result has the kind that they broadcast to."""
    REDUCTION = "reduction"
    """One number per parameter. The meaning sees all numbers of one: `(lanes, n) -> (lanes,)`."""
    BY_ROW = "by row"
    """One number per row. The meaning sees `(lanes, a, b) -> (lanes, a)`."""
    BY_COLUMN = "by column"
    """One number per column. The meaning sees the transpose, `(lanes, b, a) -> (lanes, b)`."""
    GLOBAL = "global"
    """One number per model. The meaning sees all numbers of the value: `(lanes, width) -> (lanes,)`."""
    RESCALING = "rescaling"
    """All numbers of a value at once, and scalars: `(lanes, width) -> (lanes, width)`."""
    MATRIX = "matrix"
    """A matrix in, a matrix of the same kind out: `(lanes, a, b) -> (lanes, a, b)`."""
    SQUARE = "square matrix"
    """The same for a square matrix, and scalars besides: `(lanes, n, n) -> (lanes, n, n)`."""
    TRANSPOSE = "transpose"
    """`(lanes, a, b) -> (lanes, b, a)`."""
    PRODUCT = "product"
    """`(lanes, a, b), (lanes, b, c) -> (lanes, a, c)`."""
    SIZE = "size"
    """A fact about the parameter, whatever the numbers: its rows, its columns and its number of axes to a float."""


@dataclass(frozen=True, slots=True)
class Op:
    """One row of the table.

    Attributes:
        name: As it is called in a rule.
        arity: Number of arguments.
        shape: How kinds and arguments are treated.
        numpy: The reference meaning.
        torch: The same as a torch expression over `{0}`, `{1}`, `{2}`, for exported source, where a parameter is seen
            as its matrix. The first is a tensor, the others tensors or floats; where the row is infix, or `interp`,
            any one tensor will do. Of the two choices of `where` one is a tensor.
        doc: One line for a reader.
        flops: Approximate floating-point operations per number of the largest argument.
        side_flops: The same for each number on the shorter side of its matrix: `flops + side_flops * side` in all.
        commutative: Whether the two arguments may be swapped. No bit changes unless the row has an `edge`: then only
            what that leaves open may.
        infix: The operator a rule may write instead of a call.
        edge: Where the row departs from plain IEEE 754, and what it does to vectors and to more than two axes.
    """

    name: str
    arity: int
    shape: Shape
    numpy: Callable[..., Array]
    torch: str
    doc: str
    flops: float = 1.0
    side_flops: float = 0.0
    commutative: bool = False
    infix: str = ""
    edge: str = ""

    @property
    def traffic(self) -> int:
        """Numbers read and written per number of the largest argument, as if nothing stayed in a cache."""
        return self.arity + (self.shape in _AS_LARGE)


_AS_LARGE = (Shape.ELEMENTWISE, Shape.RESCALING, Shape.MATRIX, Shape.SQUARE, Shape.TRANSPOSE, Shape.PRODUCT)
"""Shapes whose result is as large as the largest argument."""


def _sign(x: Array) -> Array:
    return np.sign(np.where(np.isnan(x), 0.0, x))


def _interp(x: Array, y: Array, a: Array) -> Array:
    return (1.0 - a) * x + a * y


def _clip(x: Array, low: Array, high: Array) -> Array:
    return _typed(np.minimum(np.maximum(x, low), high), x, low, high)


def _greater(x: Array, y: Array) -> Array:
    return _typed(np.greater(x, y), x, y)


def _where(condition: Array, x: Array, y: Array) -> Array:
    return _typed(np.where(np.not_equal(condition, 0.0), x, y), condition, x, y)


def _typed(value: NDArray[Any], *args: Array) -> Array:
    """`value` in the precision of the arrays among `args`: numpy makes two floats, or a comparison, something else."""
    return value.astype(np.result_type(*args), copy=False)


def _or_nan(reduce: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A reduction over the last axis that is NaN where there is nothing to reduce."""

    def apply(x: Array) -> Array:
        return reduce(x) if x.shape[-1] else np.full(x.shape[:-1], np.nan, x.dtype)

    return apply


def _sum(x: Array) -> Array:
    return np.asarray(np.sum(x, axis=-1))


def _norm(x: Array) -> Array:
    return np.sqrt(_sum(np.square(x)))


def _dot(x: Array, y: Array) -> Array:
    return _sum(x * y)


def _cosine_sim(x: Array, y: Array) -> Array:
    return _dot(x, y) / (_norm(x) * _norm(y))


def _clip_by_global_norm(x: Array, most: Array | float) -> Array:
    return _typed(x * np.minimum(1.0, most / _norm(x)[:, None]), x)


_mean = _or_nan(lambda x: np.asarray(np.mean(x, axis=-1)))
_rms = _or_nan(lambda x: np.sqrt(np.asarray(np.mean(np.square(x), axis=-1))))
_std = _or_nan(lambda x: np.asarray(np.std(x, axis=-1)))
_max = _or_nan(lambda x: np.asarray(np.max(x, axis=-1)))
_min = _or_nan(lambda x: np.asarray(np.min(x, axis=-1)))

_E, _R, _M, _G = Shape.ELEMENTWISE, Shape.REDUCTION, Shape.MATRIX, Shape.GLOBAL
_NOTHING = "of an empty tensor NaN"
_AS_MATRIX = (
    "a parameter of more than two axes is flattened to (first, rest); a vector or a single number counts as one row"
)

# fmt: off
_ROWS: tuple[Op, ...] = (
    # Arithmetic
    Op("add", 2, _E, np.add, "{0} + {1}", "x + y", commutative=True, infix="+"),
    Op("sub", 2, _E, np.subtract, "{0} - {1}", "x - y", infix="-"),
    Op("mul", 2, _E, np.multiply, "{0} * {1}", "x * y", commutative=True, infix="*"),
    Op("div", 2, _E, np.divide, "{0} / {1}", "x / y", infix="/"),
    Op("power", 2, _E, np.power, "torch.pow({0}, {1})", "x to the power y", flops=10, infix="**",
       edge="power(x, 0) and power(1, y) are 1, for NaN too; power(x, -0.5) may be 1 / sqrt(x) at -0 and -inf"),
    Op("neg", 1, _E, np.negative, "-{0}", "-x"),
    Op("reciprocal", 1, _E, np.reciprocal, "torch.reciprocal({0})", "1 / x"),
    Op("interp", 3, _E, _interp, "(1 - {2}) * {0} + {2} * {1}",
       "(1 - a) * x + a * y: an average that keeps the share a of y", flops=4),
    # Powers and roots
    Op("square", 1, _E, np.square, "torch.square({0})", "x * x"),
    Op("sqrt", 1, _E, np.sqrt, "torch.sqrt({0})", "square root", flops=4),
    Op("cube", 1, _E, lambda x: x * x * x, "{0} * {0} * {0}", "x * x * x", flops=2),
    Op("cbrt", 1, _E, np.cbrt, "torch.copysign(torch.pow(torch.abs({0}), 1 / 3), {0})",
       "cube root, odd in x", flops=12),
    # Sign, size and choice
    Op("abs", 1, _E, np.abs, "torch.abs({0})", "absolute value"),
    Op("sign", 1, _E, _sign, "torch.sign({0})", "-1, 0 or 1", edge="sign(NaN) is 0"),
    Op("maximum", 2, _E, np.maximum, "torch.clamp({0}, min={1})", "the larger of x and y", commutative=True,
       edge="of 0 and -0 either may be the result"),
    Op("minimum", 2, _E, np.minimum, "torch.clamp({0}, max={1})", "the smaller of x and y", commutative=True,
       edge="of 0 and -0 either may be the result"),
    Op("clip", 3, _E, _clip, "torch.clamp(torch.clamp({0}, min={1}), max={2})", "x held between low and high", flops=2,
       edge="of 0 and -0 either may be the result; high wins where low > high"),
    Op("greater", 2, _E, _greater, "torch.gt({0}, {1}).to({0}.dtype)", "1 where x > y, else 0",
       edge="a comparison with NaN is 0"),
    Op("where", 3, _E, _where, "torch.where({0} != 0, {1}, {2})", "x where the condition is not 0, else y",
       edge="a NaN condition chooses x"),
    Op("floor", 1, _E, np.floor, "torch.floor({0})", "the largest whole number not above x"),
    # Exponentials and logarithms
    Op("exp", 1, _E, np.exp, "torch.exp({0})", "e to the power x", flops=8),
    Op("exp2", 1, _E, np.exp2, "torch.exp2({0})", "2 to the power x", flops=8),
    Op("exp10", 1, _E, lambda x: np.power(10.0, x), "torch.pow(10, {0})", "10 to the power x", flops=10),
    Op("expm1", 1, _E, np.expm1, "torch.expm1({0})", "exp(x) - 1, exact near 0", flops=8),
    Op("log", 1, _E, np.log, "torch.log({0})", "natural logarithm", flops=8),
    Op("log2", 1, _E, np.log2, "torch.log2({0})", "logarithm to base 2", flops=8),
    Op("log10", 1, _E, np.log10, "torch.log10({0})", "logarithm to base 10", flops=8),
    Op("log1p", 1, _E, np.log1p, "torch.log1p({0})", "log(1 + x), exact near 0", flops=8),
    # Circular and hyperbolic functions
    Op("sin", 1, _E, np.sin, "torch.sin({0})", "sine", flops=8),
    Op("cos", 1, _E, np.cos, "torch.cos({0})", "cosine", flops=8),
    Op("tan", 1, _E, np.tan, "torch.tan({0})", "tangent", flops=8),
    Op("arcsin", 1, _E, np.arcsin, "torch.asin({0})", "inverse sine", flops=8),
    Op("arccos", 1, _E, np.arccos, "torch.acos({0})", "inverse cosine", flops=8),
    Op("arctan", 1, _E, np.arctan, "torch.atan({0})", "inverse tangent", flops=8),
    Op("sinh", 1, _E, np.sinh, "torch.sinh({0})", "hyperbolic sine", flops=8,
       edge="may overflow within a factor of 2 of the largest number"),
    Op("cosh", 1, _E, np.cosh, "torch.cosh({0})", "hyperbolic cosine", flops=8,
       edge="may overflow within a factor of 2 of the largest number"),
    Op("tanh", 1, _E, np.tanh, "torch.tanh({0})", "hyperbolic tangent", flops=8),
    Op("arcsinh", 1, _E, np.arcsinh, "torch.asinh({0})", "inverse hyperbolic sine", flops=10),
    Op("arccosh", 1, _E, np.arccosh, "torch.acosh({0})", "inverse hyperbolic cosine", flops=10),
    Op("arctanh", 1, _E, np.arctanh, "torch.atanh({0})", "inverse hyperbolic tangent", flops=10),
    # One number per parameter tensor
    Op("sum", 1, _R, _sum, "{0}.sum()", "sum over the tensor"),
    Op("mean", 1, _R, _mean, "{0}.mean()", "mean over the tensor", edge=_NOTHING),
    Op("rms", 1, _R, _rms, "torch.sqrt(torch.square({0}).mean())", "root of the mean square over the tensor", flops=2,
       edge=_NOTHING),
    Op("std", 1, _R, _std, "{0}.std(correction=0)", "standard deviation over the tensor (divisor n)", flops=3,
       edge=_NOTHING),
    Op("norm", 1, _R, _norm, "torch.sqrt(torch.square({0}).sum())", "Euclidean norm of the tensor", flops=2),
    Op("max", 1, _R, _max, "{0}.amax()", "largest number in the tensor", edge=_NOTHING),
    Op("min", 1, _R, _min, "{0}.amin()", "smallest number in the tensor", edge=_NOTHING),
    Op("dot", 2, _R, _dot, "({0} * {1}).sum()", "inner product over the tensor", flops=2, commutative=True),
    Op("rows", 1, Shape.SIZE, lambda *size: size[0], "float({0}.shape[0])", "number of rows", flops=0,
       edge=_AS_MATRIX),
    Op("columns", 1, Shape.SIZE, lambda *size: size[1], "float({0}.shape[1])", "number of columns",
       flops=0, edge=_AS_MATRIX),
    Op("axes", 1, Shape.SIZE, lambda *size: size[2], "float({0}.dim())",
       "number of axes of the parameter: 1 for a vector, 2 for a matrix", flops=0),
    # One number per row or column
    Op("row_mean", 1, Shape.BY_ROW, _mean, "{0}.mean(dim=1, keepdim=True)", "mean over each row", edge=_AS_MATRIX),
    Op("row_norm", 1, Shape.BY_ROW, _norm, "torch.sqrt(torch.square({0}).sum(dim=1, keepdim=True))",
       "Euclidean norm of each row", flops=2, edge=_AS_MATRIX),
    Op("row_max", 1, Shape.BY_ROW, _max, "{0}.amax(dim=1, keepdim=True)", "largest number in each row",
       edge=_AS_MATRIX),
    Op("column_mean", 1, Shape.BY_COLUMN, _mean, "{0}.mean(dim=0, keepdim=True)", "mean over each column",
       edge=_AS_MATRIX),
    Op("column_norm", 1, Shape.BY_COLUMN, _norm, "torch.sqrt(torch.square({0}).sum(dim=0, keepdim=True))",
       "Euclidean norm of each column", flops=2, edge=_AS_MATRIX),
    Op("column_max", 1, Shape.BY_COLUMN, _max, "{0}.amax(dim=0, keepdim=True)", "largest number in each column",
       edge=_AS_MATRIX),
    # One number per model
    Op("global_sum", 1, _G, _sum, "{0}.sum()", "sum over all tensors"),
    Op("global_mean", 1, _G, _mean, "{0}.mean()", "mean over all tensors", edge=_NOTHING),
    Op("global_norm", 1, _G, _norm, "torch.sqrt(torch.square({0}).sum())",
       "Euclidean norm of all tensors as one vector", flops=2),
    Op("global_max", 1, _G, _max, "{0}.amax()", "largest number in all tensors", edge=_NOTHING),
    Op("global_min", 1, _G, _min, "{0}.amin()", "smallest number in all tensors", edge=_NOTHING),
    Op("global_dot", 2, _G, _dot, "({0} * {1}).sum()", "inner product over all tensors as one vector", flops=2,
       commutative=True),
    Op("cosine_sim", 2, _G, _cosine_sim,
       "({0} * {1}).sum() / (torch.sqrt(torch.square({0}).sum()) * torch.sqrt(torch.square({1}).sum()))",
       "cosine of the angle between all tensors as one vector", flops=6, commutative=True),
    Op("clip_by_global_norm", 2, Shape.RESCALING, _clip_by_global_norm,
       "{0} * torch.clamp({1} / torch.sqrt(torch.square({0}).sum()), max=1.0)",
       "x, shrunk where its global norm is above the number c: x * minimum(1, c / global_norm(x))", flops=3),
    # Matrix operations
    Op("transpose", 1, Shape.TRANSPOSE, transpose, "{0}.mT", "rows and columns swapped", flops=0, edge=_AS_MATRIX),
    Op("matmul", 2, Shape.PRODUCT, np.matmul, "{0} @ {1}", "matrix product: matmul(x, transpose(y))",
       flops=0, side_flops=2, edge=_AS_MATRIX),
    Op("orthogonalize", 1, _M, orthogonalize, "orthogonalize({0})",
       "nearest orthogonal matrix, by five Newton-Schulz steps", flops=10, side_flops=30,
       edge=f"{_AS_MATRIX}, so it is scaled to norm 1"),
    Op("inverse_root", 3, Shape.SQUARE, inverse_root, "inverse_root({0}, {1}, {2})",
       "(x + eps * identity) ** (-1 / p) of a symmetric matrix", flops=10, side_flops=25,
       edge="the lower triangle counts; eigenvalues below 0 count as 0; a NaN or infinity makes all of it NaN"),
)
# fmt: on

OPS: dict[str, Op] = {op.name: op for op in _ROWS}
"""Every operation by name, in the order of the table."""

INFIX: dict[str, Op] = {op.infix: op for op in _ROWS if op.infix}
"""The operations that a rule may write as an operator."""
