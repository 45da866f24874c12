"""Expressions as a graph in which equal expressions are one node, rewritten by rules as they are entered."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from programs.ir import Arg, Const, Instr, Program, Ref, Var
from programs.ops import OPS
from programs.rules import CONSTANT, Rule, binds, tag

Bound = dict[str, int]

_ARITHMETIC = ("add", "sub", "mul", "div", "neg", "reciprocal", "interp", "square", "sqrt", "cube")
_CHOICE = ("abs", "sign", "maximum", "minimum", "clip", "greater", "where", "floor")
_FOLDED = frozenset(_ARITHMETIC + _CHOICE)
"""Operations whose every bit IEEE 754 fixes. A library may round any other in its own way, and folding would then make
one program two on two machines."""


class Node(NamedTuple):
    """An expression: either a leaf or an operation on earlier nodes.

    Attributes:
        key: Equal for equal expressions, in whatever graph they are.
        leaf: The constant or name it stands for; None for an operation.
        op: The operation; empty for a leaf.
        args: Places of the arguments in the graph.
    """

    key: bytes
    leaf: Const | Ref | None = None
    op: str = ""
    args: tuple[int, ...] = ()


class Graph:
    """Expressions over leaves. A node is named by its place in `nodes`; arguments come first.

    Args:
        rules: Rewrites by outermost operation, each tried in order on every new expression.
        commutative: Operations whose arguments may be swapped.
        sort: Whether a commutative node keeps its arguments in the order of their keys, or as they were first written.
        fired: Every rule that was applied is appended here.
    """

    def __init__(
        self,
        rules: Mapping[str, Sequence[Rule]],
        commutative: frozenset[str],
        *,
        sort: bool = False,
        fired: list[Rule] | None = None,
    ) -> None:
        self.nodes: list[Node] = []
        self._rules = rules
        self._commutative = commutative
        self._sort = sort
        self._fired = fired
        self._tags: list[int] = []  # what each node is, as a set of bits
        self._places: dict[bytes, int] = {}
        self._leaves: dict[str | bytes | float, int] = {}
        self._applied: dict[tuple[str, tuple[int, ...]], int] = {}

    def leaf(self, leaf: Const | Ref, key: str | bytes) -> int:
        """The node of a name. Names with the same key are the same node."""
        place = self._leaves.get(key)
        if place is None:
            place = self._leaves[key] = self._place(Node(digest("leaf", key), leaf=leaf), 0)
        return place

    def constant(self, value: float) -> int:
        """The node of a number."""
        place = self._leaves.get(value)
        if place is None:
            node = Node(digest("number", repr(value)), leaf=Const(value))
            place = self._leaves[value] = self._place(node, CONSTANT)
        return place

    def apply(self, op: str, args: tuple[int, ...]) -> int:
        """The node of an operation on nodes: folded if all are constants, else rewritten until no rule applies."""
        place = self._applied.get((op, args))
        if place is None:
            place = self._applied[op, args] = self._apply(op, args)
        return place

    def enter(self, program: Program, heads: Mapping[str, int]) -> list[int]:
        """Enter a program, given the nodes of the names in its head: nodes of its instructions, then of its outputs."""
        places = self.enter_some(program, range(len(program.body)), heads)
        places.extend(self.places_of(program.outputs, places, heads))
        return places

    def enter_some(self, program: Program, indices: Iterable[int], heads: Mapping[str, int]) -> list[int]:
        """Enter some instructions, ascending, with all that they use: the node of each, and -1 for the others."""
        places = [-1] * len(program.body)
        for index in indices:
            instr = program.body[index]
            places[index] = self.apply(instr.op, self.places_of(instr.args, places, heads))
        return places

    def places_of(self, args: Sequence[Arg], places: Sequence[int], heads: Mapping[str, int]) -> tuple[int, ...]:
        """The nodes of arguments, given those of results and of names."""
        return tuple(
            [
                places[arg.index]
                if type(arg) is Var
                else heads[arg.name]
                if type(arg) is Ref
                else self.constant(arg.value)  # type: ignore[union-attr]  # an `Arg` is one of three
                for arg in args
            ]
        )

    def _apply(self, op: str, args: tuple[int, ...]) -> int:
        tags = self._tags
        given, common = 0, CONSTANT
        for arg in args:
            given |= tags[arg]
            common &= tags[arg]
        if common and op in _FOLDED:
            value = self._fold(op, args)
            if value is not None:
                return self.constant(value)
        for rule in self._rules.get(op, ()):
            if rule.needs & ~given == 0:
                found = self._match_all(rule.left, rule.root, args, {})
                if found:
                    if self._fired is not None:
                        self._fired.append(rule)
                    return self.enter(rule.right, found[0])[-1]
        keys = [self.nodes[arg].key for arg in args]
        if op in self._commutative and keys[0] > keys[1]:
            keys.reverse()
            args = args[::-1] if self._sort else args
        return self._place(Node(digest(op, *keys), op=op, args=args), tag(op))

    def _place(self, node: Node, tag: int) -> int:
        place = self._places.setdefault(node.key, len(self.nodes))
        if place == len(self.nodes):
            self.nodes.append(node)
            self._tags.append(tag)
        return place

    def _constant_at(self, place: int) -> Const | None:
        leaf = self.nodes[place].leaf
        return leaf if isinstance(leaf, Const) else None

    def _fold(self, op: str, args: tuple[int, ...]) -> float | None:
        """The value of an operation on constants, unless that is no constant of the language."""
        constants = filter(None, map(self._constant_at, args))
        with np.errstate(all="ignore"):
            value = float(OPS[op].numpy(*(np.float64(constant.value) for constant in constants)))
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


@lru_cache(maxsize=2**15)
def digest(*parts: str | bytes) -> bytes:
    """A hash of a sequence of texts and hashes, equal on every machine."""
    data = [part.encode() if isinstance(part, str) else part for part in parts]
    return hashlib.blake2b(b"".join([b"%d:%b" % (len(part), part) for part in data]), digest_size=16).digest()
