"""How the parameters of a model lie in one flat vector, so that one instruction serves all of them at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from programs.kinds import Kind


@dataclass(frozen=True)
class Layout:
    """Shapes of the parameter tensors of a model, laid end to end.

    In every interpreter a value has shape `(lanes, width)`: for a scalar the width is 1, for any other kind the numbers
    that it holds for the first parameter are followed by those for the second, and so on. A lane is one independent
    training run.

    Attributes:
        shapes: Shape of each parameter tensor.
        sizes: Number of weights in each.
        slices: Where each lies in the flat vector of a tensor.
        size: Number of weights in all.
    """

    shapes: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...] = field(init=False, compare=False)
    slices: tuple[slice, ...] = field(init=False, compare=False)
    size: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(math.prod(shape) for shape in self.shapes))
        object.__setattr__(self, "slices", slices(self, Kind.TENSOR))
        object.__setattr__(self, "size", sum(self.sizes))

    @staticmethod
    def of(shapes: Sequence[Sequence[int]]) -> Layout:
        """A layout from any sequence of shapes."""
        return Layout(tuple(tuple(shape) for shape in shapes))

    def matrix_shape(self, index: int) -> tuple[int, int]:
        """Rows and columns of a parameter seen as a matrix: the first axis, and all others flattened."""
        shape = self.shapes[index]
        return (shape[0], math.prod(shape[1:])) if len(shape) > 1 else (1, self.sizes[index])


@lru_cache(maxsize=512)
def extents(layout: Layout, kind: Kind) -> tuple[tuple[int, int], ...]:
    """The shape of the matrix that a value of this kind, not a scalar, holds for each parameter."""
    shapes = []
    for index in range(len(layout.shapes)):
        rows, columns = layout.matrix_shape(index)
        lengths = {"1": 1, "r": rows, "c": columns}
        shapes.append((lengths[kind.axes[0]], lengths[kind.axes[1]]))
    return tuple(shapes)


@lru_cache(maxsize=512)
def slices(layout: Layout, kind: Kind) -> tuple[slice, ...]:
    """Where the numbers for each parameter lie in a value of this kind, not a scalar."""
    sizes = [rows * columns for rows, columns in extents(layout, kind)]
    return tuple(slice(end - size, end) for end, size in zip(itertools.accumulate(sizes), sizes, strict=True))


def width(layout: Layout, kind: Kind) -> int:
    """How many numbers a value of this kind holds for one lane."""
    if kind is Kind.SCALAR:
        return 1
    return sum(rows * columns for rows, columns in extents(layout, kind))


@lru_cache(maxsize=512)
def spread_index(layout: Layout, kind: Kind, wide: Kind) -> NDArray[np.intp]:
    """Which number of a value, not a scalar, each number of a wider kind takes when it is broadcast.

    Shape `(width of wide,)`.
    """
    parts: list[NDArray[Any]] = []
    for part, narrow, shape in zip(slices(layout, kind), extents(layout, kind), extents(layout, wide), strict=True):
        places = np.arange(part.start, part.stop).reshape(narrow)
        parts.append(np.broadcast_to(places, shape).ravel())
    return np.concatenate(parts) if parts else np.empty(0, np.intp)
