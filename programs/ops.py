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

from programs.matrix import orthogonalize

Array = NDArray[np.floating[Any]]


class Shape(Enum):
    """What an operation does to kinds and how an interpreter hands it its arguments."""

    ELEMENTWISE = "elementwise"
    """Arguments broadcast; the result has the largest of their kinds."""
    REDUCTION = "reduction"
    """Tensors in, one number per tensor out. The meaning sees one parameter, flattened: `(lanes, n) -> (lanes,)`."""
    MATRIX = "matrix"
    """A tensor in, a tensor out. The meaning sees one parameter as a matrix: `(lanes, rows, columns)`, same out."""


@dataclass(frozen=True, slots=True)
class Op:
    """One row of the table.

    Attributes:
        name: As it is called in a rule.
        arity: Number of arguments.
        shape: How kinds and arguments are treated.
        numpy: The reference meaning.
        torch: The same as a torch expression over `{0}`, `{1}`, `{2}`, for exported source. The first is a tensor, the
            others tensors or floats; where the row is infix, or `interp`, any one tensor will do. Of the two choices
            of `where` one is a tensor.
        doc: One line for a reader.
        flops: Approximate floating-point operations per number of the largest argument.
        commutative: Whether the two arguments may be swapped. No bit changes unless the row has an `edge`: then only
            what that leaves open may.
        infix: The operator a rule may write instead of a call.
        edge: Where the row departs from plain IEEE 754.
    """

    name: str
    arity: int
    shape: Shape
    numpy: Callable[..., Array]
    torch: str
    doc: str
    flops: float = 1.0
    commutative: bool = False
    infix: str = ""
    edge: str = ""


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


_E, _R, _M = Shape.ELEMENTWISE, Shape.REDUCTION, Shape.MATRIX

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
    Op("mean", 1, _R, lambda x: np.mean(x, axis=-1), "{0}.mean()", "mean over the tensor"),
    Op("rms", 1, _R, lambda x: np.sqrt(np.mean(np.square(x), axis=-1)), "torch.sqrt(torch.square({0}).mean())",
       "root of the mean square over the tensor", flops=2),
    Op("std", 1, _R, lambda x: np.std(x, axis=-1), "{0}.std(correction=0)",
       "standard deviation over the tensor (divisor n)", flops=3),
    Op("norm", 1, _R, lambda x: np.sqrt(np.sum(np.square(x), axis=-1)), "torch.sqrt(torch.square({0}).sum())",
       "Euclidean norm of the tensor", flops=2),
    Op("max", 1, _R, lambda x: np.max(x, axis=-1), "{0}.amax()", "largest number in the tensor"),
    Op("min", 1, _R, lambda x: np.min(x, axis=-1), "{0}.amin()", "smallest number in the tensor"),
    Op("dot", 2, _R, lambda x, y: np.sum(x * y, axis=-1), "({0} * {1}).sum()", "inner product over the tensor",
       flops=2, commutative=True),
    # Matrix operations
    Op("orthogonalize", 1, _M, orthogonalize, "orthogonalize({0})",
       "nearest orthogonal matrix, by five Newton-Schulz steps", flops=1000,
       edge="a parameter of more than two axes is flattened to (first, rest); a vector or scalar counts as "
            "one row, so it is scaled to norm 1"),
)
# fmt: on

OPS: dict[str, Op] = {op.name: op for op in _ROWS}
"""Every operation by name, in the order of the table."""

INFIX: dict[str, Op] = {op.infix: op for op in _ROWS if op.infix}
"""The operations that a rule may write as an operator."""
