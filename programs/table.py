"""The table of operations for a reader: rows in groups, as data and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from programs.kinds import Kind
from programs.ops import OPS, Op, Shape

_GROUPS: dict[str, tuple[Shape, ...]] = {
    "Number by number": (Shape.ELEMENTWISE,),
    "One number per parameter": (Shape.REDUCTION, Shape.SIZE),
    "One number per row or column": (Shape.BY_ROW, Shape.BY_COLUMN),
    "The whole model at once": (Shape.GLOBAL, Shape.RESCALING),
    "Matrices": (Shape.TRANSPOSE, Shape.PRODUCT, Shape.MATRIX, Shape.SQUARE),
}
_KINDS: dict[Shape, tuple[str, str]] = {
    Shape.ELEMENTWISE: ("any", "as broadcast"),
    Shape.REDUCTION: ("any tensors", str(Kind.PER_TENSOR)),
    Shape.SIZE: ("any tensor", str(Kind.PER_TENSOR)),
    Shape.BY_ROW: ("a x b", "a x 1"),
    Shape.BY_COLUMN: ("a x b", "1 x b"),
    Shape.GLOBAL: ("any tensors", str(Kind.SCALAR)),
    Shape.RESCALING: ("any tensor, scalar", "the same"),
    Shape.TRANSPOSE: ("a x b", "b x a"),
    Shape.PRODUCT: ("a x b, b x c", "a x c"),
    Shape.MATRIX: ("a x b", "a x b"),
    Shape.SQUARE: ("n x n, scalar, scalar", "n x n"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One operation.

    Attributes:
        group: What it is listed under.
        name: As it is called in a rule.
        infix: The operator that a rule may write instead; empty if there is none.
        arity: Number of arguments.
        takes: Kinds of its arguments.
        gives: Kind of its result.
        flops: Floating-point operations per number of the largest argument.
        side_flops: The same for each number on the shorter side of its matrix, to be added.
        traffic: Numbers read and written per number of the largest argument.
        algebra: What may be rearranged without changing it.
        doc: What it does.
        edge: Where it departs from IEEE 754, and what it does to vectors and to more than two axes.
    """

    group: str
    name: str
    infix: str
    arity: int
    takes: str
    gives: str
    flops: float
    side_flops: float
    traffic: int
    algebra: str
    doc: str
    edge: str

    @property
    def called(self) -> str:
        """The name, with the operator if there is one."""
        return f"{self.name} {self.infix}".rstrip()

    @property
    def cost(self) -> str:
        """FLOPs and numbers moved, per number; `n` is the shorter side of the matrix."""
        side = f"{self.side_flops:g} n" if self.side_flops else ""
        flops = " + ".join(filter(None, [f"{self.flops:g}" if self.flops or not side else "", side]))
        return f"{flops} / {self.traffic}"


def rows() -> list[Row]:
    """Every operation, group by group, in the order of the table."""
    return [_row(group, op) for group, shapes in _GROUPS.items() for op in OPS.values() if op.shape in shapes]


def _row(group: str, op: Op) -> Row:
    takes, gives = _KINDS[op.shape]
    algebra = "commutative" if op.commutative else ""
    return Row(
        group,
        op.name,
        op.infix,
        op.arity,
        takes,
        gives,
        op.flops,
        op.side_flops,
        op.traffic,
        algebra,
        op.doc,
        op.edge,
    )


def markdown() -> str:
    """The table as Markdown, one table a group."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    for group in _GROUPS:
        yield f"### {group}\n"
        yield "| operation | arguments | takes | gives | does | cost | besides |"
        yield "|---|---|---|---|---|---|---|"
        for row in rows():
            if row.group == group:
                besides = "; ".join(filter(None, [row.algebra, row.edge]))
                called = " ".join(f"`{word}`" for word in row.called.split())
                cells = [called, str(row.arity), row.takes, row.gives, row.doc, row.cost, besides]
                yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
        yield ""
