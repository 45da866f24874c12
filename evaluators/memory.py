"""What a program will need, known before it runs."""

from __future__ import annotations

from programs.check import check
from programs.ir import Arg, Program, Var
from programs.kinds import Kind
from programs.layout import Layout

BYTES = 4
"""Training is in single precision."""


def lane_bytes(program: Program, layout: Layout) -> int:
    """Bytes that one lane takes at the busiest instruction of an update.

    Counted are the weights, the gradient twice (by parameter, and joined), the states, and every intermediate value
    of the weights' shape that is still needed; what the task's model takes is the same for all programs and is not.
    """
    facts = check(program)
    last_use = program.last_uses()
    held = 3 + sum(kind is Kind.TENSOR for kind in facts.state_kinds.values())
    intermediate = busiest = 0
    for index, instr in enumerate(program.body):
        intermediate += facts.kinds[index] is Kind.TENSOR
        busiest = max(busiest, intermediate)
        dropped: set[Arg] = {arg for arg in instr.args if isinstance(arg, Var) and last_use[arg] == index}
        intermediate -= sum(facts.kind(arg) is Kind.TENSOR for arg in dropped)
    return (held + busiest) * layout.size * BYTES
