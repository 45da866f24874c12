"""Expressions as a graph in which equal expressions are one node, rewritten by rules as they are entered."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from programs.ir import Arg, Const, Instr, Program, Ref, Var
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
        given = {self.nodes[arg].op or type(self.nodes[arg].leaf) for arg in args}
        for rule in self._rules.get(op, ()):
            found = self._match_all(rule.left, rule.root, args, {}) if rule.needs <= given else []
            if found:
                return self.enter(rule.right, found[0])[-1]
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

    def _match(self, side: Program, pattern: Arg, place: int, bound: Bound) -> list[Bound]:
        """Every way to extend `bound` such that the pattern stands for the node."""
        node = self.nodes[place]
        if isinstance(pattern, Var):
            instr = side.body[pattern.index]
            return self._match_all(side, instr, node.args, bound) if instr.op == node.op else []
        if isinstance(pattern, Const):
            return [bound] if node.leaf == pattern else []
        if pattern.name in bound:
            return [bound] if bound[pattern.name] == place else []
        return [{**bound, pattern.name: place}] if binds(pattern.name, self._constant_at(place)) else []

    def _match_all(self, side: Program, instr: Instr, places: tuple[int, ...], bound: Bound) -> list[Bound]:
        """Every way to match the arguments of one operation, in either order where that is allowed."""
        found: list[Bound] = []
        for order in (places, places[::-1]) if instr.op in self._commutative else (places,):
            partial = [bound]
            for pattern, place in zip(instr.args, order, strict=True):
                partial = [more for each in partial for more in self._match(side, pattern, place, each)]
            found += partial
        return found


def digest(*parts: str | bytes) -> bytes:
    """A hash of a sequence of texts and hashes, equal on every machine."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(4, "little") + data)
    return state.digest()
