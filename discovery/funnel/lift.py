"""Anonymous constants become hyperparameters, named after what they do, so that a tuner can choose them."""

from __future__ import annotations

from dataclasses import replace

from discovery.funnel.space import DECAY
from programs.ir import Arg, Const, Hyper, Instr, Program, Ref
from programs.rewrite import fresh_name, set_argument

_STRUCTURAL = frozenset({0.0, 1.0, -1.0, 2.0, 0.5})
"""Numbers that are part of a formula and not a choice."""
_FIXED_IN = frozenset({"power", "inverse_root", "clip_by_global_norm"})
_TINY = 1e-4


def lift(program: Program) -> Program:
    """The same rule with names for its anonymous constants; equal ones in one role do not share a name."""
    for index, instr in enumerate(program.body):
        if instr.op in _FIXED_IN or all(isinstance(arg, Const) for arg in instr.args):
            continue
        for position, arg in enumerate(instr.args):
            if isinstance(arg, Const) and arg.value not in _STRUCTURAL:
                name = fresh_name(_role(program, instr, position, arg.value), program)
                program = replace(program, hypers=(*program.hypers, Hyper(name, arg.value)))
                program = set_argument(program, index, position, Ref(name), instr.name)
    return program


def _role(program: Program, instr: Instr, position: int, value: float) -> str:
    """What a constant is called by those who write optimizers."""
    others: tuple[Arg, ...] = (*instr.args[:position], *instr.args[position + 1 :])
    match instr.op:
        case "interp" if position == 2:
            return "beta"
        case "mul" if Ref("w") in others and not any(hyper.name == DECAY for hyper in program.hypers):
            return DECAY
        case "add" | "maximum" if 0 < value < _TINY:
            return "eps"
        case "mul" | "div":
            return "scale"
        case "clip" | "minimum" | "maximum":
            return "bound"
    return "constant"
