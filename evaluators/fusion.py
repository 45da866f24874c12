"""Pairs of elementwise nodes that one instruction can do as well, to the bit, without a register between them."""

from __future__ import annotations

from collections import Counter

from evaluators.nodes import HOST, WEIGHTED, Graph, Node, Role
from programs.kinds import Kind

MULTIPLY_ADD, MULTIPLY_SUB = "multiply_add", "multiply_sub"
"""x y + z, and z - x y, rounded twice."""
WEIGHTED_SQUARE = "weighted_square"
"""z x x + u y with scalars z and u: a running mean of squares."""
OVER_ROOT = "over_root"
"""x / (sqrt(y) + z): a step of Adam."""

FUSED = (MULTIPLY_ADD, MULTIPLY_SUB, WEIGHTED_SQUARE, OVER_ROOT)


def fuse(graph: Graph) -> None:
    """Let nodes take in those whose result only they use, and forget these."""
    uses = Counter(source for node in graph.nodes for source in node.sources)
    uses.update(graph.nexts)
    taken: set[int] = set()

    def inner(value: int, op: str, kind: Kind) -> Node | None:
        """The node that makes a value, if it is of this sort and can be taken in."""
        if not 0 <= value < HOST or uses[value] > 1:
            return None
        node = graph.nodes[value]
        return node if node.op == op and node.kind is kind else None

    def take_in(node: Node, op: str, sources: tuple[int, ...], values: tuple[int, ...]) -> None:
        node.op, node.sources = op, sources
        taken.update(values)

    for node in graph.nodes:
        if node.role is not Role.ELEMENTWISE or node.kind is Kind.SCALAR:
            continue
        match node.op, node.sources:
            case "add", (first, second):
                for value, other in ((first, second), (second, first)):
                    if product := inner(value, "mul", node.kind):
                        take_in(node, MULTIPLY_ADD, (*product.sources, other), (value,))
                        break
            case "sub", (first, second):
                if product := inner(second, "mul", node.kind):
                    take_in(node, MULTIPLY_SUB, (*product.sources, first), (second,))
            case op, (first, second, share, rest) if op == WEIGHTED:
                if square := inner(first, "square", node.kind):
                    take_in(node, WEIGHTED_SQUARE, (*square.sources, second, share, rest), (first,))
                elif square := inner(second, "square", node.kind):
                    take_in(node, WEIGHTED_SQUARE, (*square.sources, first, rest, share), (second,))
            case "div", (first, second):
                if total := inner(second, "add", node.kind):
                    for value, other in (total.sources, total.sources[::-1]):
                        if root := inner(value, "sqrt", node.kind):
                            take_in(node, OVER_ROOT, (first, *root.sources, other), (second, value))
                            break
    if taken:
        _forget(graph, taken)


def _forget(graph: Graph, taken: set[int]) -> None:
    kept = [index for index in range(len(graph.nodes)) if index not in taken]
    number = {index: place for place, index in enumerate(kept)}
    graph.nodes = [graph.nodes[index] for index in kept]
    for node in graph.nodes:
        node.sources = tuple([number.get(source, source) for source in node.sources])
    graph.nexts = [number[index] for index in graph.nexts]
