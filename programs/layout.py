"""How the parameters of a model lie in one flat vector, so that one instruction serves all of them at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Layout:
    """Shapes of the parameter tensors of a model, laid end to end.

    In every interpreter a tensor value has shape `(lanes, size)`, a per-tensor value `(lanes, len(shapes))` and a
    scalar value `(lanes, 1)`. A lane is one independent training run.

    Attributes:
        shapes: Shape of each parameter tensor.
        sizes: Number of weights in each.
        slices: Where each lies in the flat vector.
        size: Number of weights in all.
    """

    shapes: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...] = field(init=False, compare=False)
    slices: tuple[slice, ...] = field(init=False, compare=False)
    size: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        sizes = tuple(math.prod(shape) for shape in self.shapes)
        ends = itertools.accumulate(sizes)
        object.__setattr__(self, "sizes", sizes)
        object.__setattr__(self, "slices", tuple(slice(e - n, e) for e, n in zip(ends, sizes, strict=True)))
        object.__setattr__(self, "size", sum(sizes))

    @staticmethod
    def of(shapes: Sequence[Sequence[int]]) -> Layout:
        """A layout from any sequence of shapes."""
        return Layout(tuple(tuple(shape) for shape in shapes))

    def matrix_shape(self, index: int) -> tuple[int, int]:
        """Rows and columns of a parameter seen as a matrix: the first axis, and all others flattened."""
        shape = self.shapes[index]
        return (shape[0], math.prod(shape[1:])) if len(shape) > 1 else (1, self.sizes[index])
