"""What a program will need, known before it runs."""

from __future__ import annotations

from programs.check import check
from programs.ir import Arg, Program, Var
from programs.layout import Layout, width

BYTES = 4
"""Training is in single precision."""


def lane_bytes(program: Program, layout: Layout) -> int:
    """Bytes that one lane takes at the busiest instruction of an update.

    Counted are the weights, the gradient twice (by parameter, and joined), inputs such as `w0`, the states, and every
    intermediate value that is still needed; what the task's model takes is the same for all programs and is not.
    """
    facts = check(program)
    last_use = program.last_uses()
    given = 3 + sum(name in program.inputs for name in ("w0", "h"))
    held = given * layout.size + sum(width(layout, kind) for kind in facts.state_kinds.values())
    intermediate = busiest = 0
    for index, instr in enumerate(program.body):
        intermediate += width(layout, facts.kinds[index])
        busiest = max(busiest, intermediate)
        dropped: set[Arg] = {arg for arg in instr.args if isinstance(arg, Var) and last_use[arg] == index}
        intermediate -= sum(width(layout, facts.kind(arg)) for arg in dropped)
    return (held + busiest) * BYTES
