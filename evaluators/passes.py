"""Which nodes of a rule are carried out together: as few passes over the numbers as the reductions allow."""

from __future__ import annotations

from collections import defaultdict

from evaluators.nodes import HOST, Graph, Node, Role
from programs.kinds import Kind


def schedule(graph: Graph) -> tuple[list[int], list[list[int]]]:
    """The stage of each node, and the nodes of each stage in order.

    Nodes have a level: one above those of what they use, or the same where both are in one pass. Every node takes the
    highest level that those who use it allow; the last node, which applies the update, the highest of all.
    """
    nodes = graph.nodes
    earliest: list[int] = []
    for node in nodes:
        before = [source for source in node.sources if 0 <= source < HOST]
        levels = [earliest[source] + (not _same_pass(nodes[source], node)) for source in before]
        earliest.append(max(levels, default=0))
    level = [max(earliest)] * len(nodes)
    for index in range(len(nodes) - 1, -1, -1):
        node = nodes[index]
        for source in node.sources:
            if 0 <= source < HOST:
                level[source] = min(level[source], level[index] - (not _same_pass(nodes[source], node)))
    stages: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for index, node in enumerate(nodes):
        # Within a level the pass over the weights comes last: it changes them.
        key = (0, index) if node.role is Role.WHOLE else (1 + (node.wide is Kind.TENSOR), int(node.wide))
        stages[level[index], *key].append(index)
    ordered = [stages[key] for key in sorted(stages)]
    stage_of = [0] * len(nodes)
    for number, members in enumerate(ordered):
        for index in members:
            stage_of[index] = number
    return stage_of, ordered


def _same_pass(source: Node, user: Node) -> bool:
    return source.role is Role.ELEMENTWISE and user.role is not Role.WHOLE and source.kind is user.wide
