"""Whether what a program returns is proportional to an input, read off its text."""

from __future__ import annotations

from programs.ir import Arg, Program, Ref, Var

_PROPORTIONAL = {
    *((op, (1,)) for op in ("neg", "abs")),
    *((op, (1, 1)) for op in ("add", "sub", "maximum", "minimum")),
    *(("mul", (0, 1)), ("mul", (1, 0)), ("div", (1, 0))),
    *(("interp", (1, 1, 0)), ("where", (0, 1, 1)), ("clip", (1, 1, 1))),
}
"""Operations with the degrees of their arguments whose result has degree 1."""


def is_proportional(program: Program, name: str) -> bool:
    """Whether every output of the signature is certainly proportional to a positive input, which no state depends on.

    A false answer proves nothing.
    """
    degrees: list[int | None] = []  # 0: does not depend on the input; 1: proportional to it; None: anything else

    def degree(arg: Arg) -> int | None:
        if type(arg) is Var:
            return degrees[arg.index]
        return 1 if type(arg) is Ref and arg.name == name else 0

    for instr in program.body:
        args = tuple([degree(arg) for arg in instr.args])
        degrees.append((1 if (instr.op, args) in _PROPORTIONAL else None) if any(args) or None in args else 0)
    outputs, nexts = map(degree, program.signature_outputs), map(degree, program.next_states)
    return all(found == 1 for found in outputs) and all(found == 0 for found in nexts)
