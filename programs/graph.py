"""Expressions as a graph in which equal expressions are one node, rewritten by rules as they are entered."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from programs.ir import Arg, Const, Program, Ref, Var
from programs.ops import OPS, Shape
from programs.rules import Rule, binds

Bound = dict[str, int]


@dataclass(frozen=True, slots=True)
class Node:
    """An expression: either a leaf or an operation on earlier nodes.

    Attributes:
        key: Equal for equal expressions, in whatever graph they are.
        leaf: The constant or name it stands for; None for an operation.
        op: The operation; empty for a leaf.
        args: Places of the arguments in the graph, in the order they were written.
    """

    key: bytes
    leaf: Const | Ref | None = None
    op: str = ""
    args: tuple[int, ...] = ()


class Graph:
    """Expressions over one program's leaves. A node is named by its place in `nodes`; arguments come first.

    Args:
        rules: Rewrites by outermost operation, each tried in order on every new expression.
        commutative: Operations whose arguments may be swapped.
    """

    def __init__(self, rules: Mapping[str, Sequence[Rule]], commutative: frozenset[str]) -> None:
        self.nodes: list[Node] = []
        self._rules = rules
        self._commutative = commutative
        self._places: dict[bytes, int] = {}

    def leaf(self, leaf: Const | Ref, key: str | bytes) -> int:
        """The node of a constant or name. Names with the same key are the same node."""
        return self._place(Node(digest("leaf", key), leaf=leaf))

    def constant(self, value: float) -> int:
        """The node of a number."""
        return self.leaf(Const(value), f"number {value!r}")

    def apply(self, op: str, args: tuple[int, ...]) -> int:
        """The node of an operation on nodes: folded if all are constants, else rewritten until no rule applies."""
        value = self._fold(op, args)
        if value is not None:
            return self.constant(value)
        for rule in self._rules.get(op, ()):
            bound = next(self._match_all(rule.left, rule.root.args, op, args, {}), None)
            if bound is not None:
                return self.enter(rule.right, bound)[-1]
        keys = [self.nodes[arg].key for arg in args]
        if op in self._commutative:
            keys.sort()
        return self._place(Node(digest(op, *keys), op=op, args=args))

    def enter(self, program: Program, heads: Mapping[str, int]) -> list[int]:
        """Enter a program, given the nodes of the names in its head: nodes of its instructions, then of its outputs."""
        places: list[int] = []

        def place_of(arg: Arg) -> int:
            match arg:
                case Const(value):
                    return self.constant(value)
                case Ref(name):
                    return heads[name]
                case Var(index):
                    return places[index]

        for instr in program.body:
            place = self.apply(instr.op, tuple(map(place_of, instr.args)))
            places.append(place)
        places.extend(map(place_of, program.outputs))
        return places

    def _place(self, node: Node) -> int:
        place = self._places.setdefault(node.key, len(self.nodes))
        if place == len(self.nodes):
            self.nodes.append(node)
        return place

    def _constant_at(self, place: int) -> Const | None:
        leaf = self.nodes[place].leaf
        return leaf if isinstance(leaf, Const) else None

    def _fold(self, op: str, args: tuple[int, ...]) -> float | None:
        """The value of an operation on constants, unless that is no constant of the language."""
        if OPS[op].shape is not Shape.ELEMENTWISE:
            return None
        values = []
        for arg in args:
            constant = self._constant_at(arg)
            if constant is None:
                return None
            values.append(np.float64(constant.value))
        with np.errstate(all="ignore"):
            value = float(OPS[op].numpy(*values))
        negative_zero = value == 0 and math.copysign(1, value) < 0
        return value if math.isfinite(value) and not negative_zero else None

    def _match(self, side: Program, pattern: Arg, place: int, bound: Bound) -> Iterator[Bound]:
        """Every way to extend `bound` such that the pattern stands for the node."""
        match pattern:
            case Const():
                if self.nodes[place].leaf == pattern:
                    yield bound
            case Ref(name) if name in bound:
                if bound[name] == place:
                    yield bound
            case Ref(name):
                if binds(name, self._constant_at(place)):
                    yield {**bound, name: place}
            case Var(index):
                instr, node = side.body[index], self.nodes[place]
                if instr.op == node.op:
                    yield from self._match_all(side, instr.args, node.op, node.args, bound)

    def _match_all(
        self, side: Program, patterns: Sequence[Arg], op: str, places: tuple[int, ...], bound: Bound
    ) -> Iterator[Bound]:
        """Every way to match the arguments of one operation, in either order where that is allowed."""
        orders = [places, places[::-1]] if op in self._commutative else [places]
        for order in orders:
            found = [bound]
            for pattern, place in zip(patterns, order, strict=True):
                found = [more for partial in found for more in self._match(side, pattern, place, partial)]
            yield from found


def digest(*parts: str | bytes) -> bytes:
    """A hash of a sequence of texts and hashes, equal on every machine."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(4, "little") + data)
    return state.digest()
