"""The kinds of value a program computes with: one number for the model, or for each parameter a matrix of numbers.

Every parameter is seen as a matrix, the first axis by all others flattened; a vector or a single number is one row.
So a kind says along which of the two axes a value has numbers: one for each row, for each column, or for every pair.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

_ONE, _ROWS, _COLUMNS = "1rc"


class Kind(IntEnum):
    """How many numbers a value holds."""

    SCALAR = 0
    """One number for the whole model, like the learning rate."""
    PER_TENSOR = 1
    """One number for each parameter tensor, like the norm of its gradient."""
    TENSOR = 2
    """One number for each weight, like the gradient: rows x columns."""
    PER_ROW = 3
    """rows x 1"""
    PER_COLUMN = 4
    """1 x columns"""
    ROW_SQUARE = 5
    """rows x rows, like the gradient times its transpose"""
    COLUMN_SQUARE = 6
    """columns x columns"""
    TRANSPOSED = 7
    """columns x rows"""
    ROW_VECTOR = 8
    """1 x rows: a value per row, transposed"""
    COLUMN_VECTOR = 9
    """columns x 1: a value per column, transposed"""

    __hash__ = int.__hash__  # that of an enumeration is many times slower, and kinds are looked up all the time

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")

    @property
    def axes(self) -> str:
        """The two axes of its matrix in letters, `r` for rows, `c` for columns, `1` for neither; empty for a scalar."""
        return _AXES[self]

    @property
    def transposed(self) -> Kind:
        """The kind of its transpose."""
        return _KINDS[self.axes[::-1]]

    @property
    def by_row(self) -> Kind:
        """The kind of what a reduction along each row of its matrix leaves."""
        return _KINDS[self.axes[0] + _ONE]

    @property
    def by_column(self) -> Kind:
        """The kind of what a reduction along each column of its matrix leaves."""
        return _KINDS[_ONE + self.axes[1]]


_AXES: dict[Kind, str] = {
    Kind.SCALAR: "",
    Kind.PER_TENSOR: "11",
    Kind.TENSOR: "rc",
    Kind.PER_ROW: "r1",
    Kind.PER_COLUMN: "1c",
    Kind.ROW_SQUARE: "rr",
    Kind.COLUMN_SQUARE: "cc",
    Kind.TRANSPOSED: "cr",
    Kind.ROW_VECTOR: "1r",
    Kind.COLUMN_VECTOR: "c1",
}
_KINDS: dict[str, Kind] = {axes: kind for kind, axes in _AXES.items()}


def _broadcast(first: Kind, second: Kind) -> Kind | None:
    if Kind.SCALAR in (first, second):
        return max(first, second)
    axes = ""
    for one, other in zip(first.axes, second.axes, strict=True):
        if one != other and _ONE not in (one, other):
            return None
        axes += other if one == _ONE else one
    return _KINDS[axes]


_JOINS: dict[tuple[Kind, Kind], Kind | None] = {(x, y): _broadcast(x, y) for x in Kind for y in Kind}


def join(kinds: Iterable[Kind]) -> Kind | None:
    """The kind that values of these kinds broadcast to; None where rows meet columns."""

    joined: Kind | None = Kind.SCALAR
    for kind in kinds:
        joined = None if joined is None else _JOINS[joined, kind]
    return joined


def product(first: Kind, second: Kind) -> Kind | None:
    """The kind of a matrix product; None where the inner axes differ, or one is a scalar."""
    if Kind.SCALAR in (first, second) or first.axes[1] != second.axes[0]:
        return None
    return _KINDS[first.axes[0] + second.axes[1]]
