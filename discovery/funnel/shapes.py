"""Learned shapes: chains of operations that do about what one standard operation does to every number.

`x / sqrt(x * x)` is the sign of x, and `arcsin` of small numbers are those numbers. Whether the difference matters is
not decided here, but by training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from programs.check import Facts, check
from programs.ir import Arg, Const, Instr, Program, Ref, Var
from programs.kinds import Kind
from programs.ops import OPS, Shape
from programs.rewrite import insert, substitute

STANDARD = ("sign", "abs", "square", "sqrt", "tanh")
"""What a shape is compared with, besides leaving the number as it is."""
_CLOSE = 0.1
"""Median relative difference up to which a shape is worth a training."""
_LONGEST = 8
"""Instructions that a shape may take."""
_SIZES = np.logspace(-4, 0, 33)
_NUMBERS = np.concatenate([-_SIZES[::-1], _SIZES])
_SCALARS = {"lr": 0.01, "t": 10.0, "T": 100.0, "loss": 1.0}
_OTHER = 0.37
"""What scalars are taken to be; a factor must not depend on it."""

Numbers = NDArray[np.float64]


def standard_forms(program: Program) -> Iterator[tuple[Program, int, str]]:
    """The rule with one shape replaced by a standard operation; which instruction gave the shape, and the operation."""
    facts = check(program)
    for index, kind in enumerate(facts.kinds):
        if kind is not Kind.TENSOR:
            continue
        for x, cone in _shapes(program, facts, index):
            fit = _fit(program, facts, index, x, cone)
            if fit is not None:
                name, factors = fit
                yield _replaced(program, index, x, name, factors), index, name


def _shapes(program: Program, facts: Facts, index: int) -> Iterator[tuple[Arg, frozenset[int]]]:
    """Values that result `index` is a function of, number by number, with the instructions on the way."""
    seen: set[Arg] = set()
    pending: list[Arg] = [arg for arg in program.body[index].args if facts.kind(arg) is Kind.TENSOR]
    while pending:
        x = pending.pop()
        if x in seen:
            continue
        seen.add(x)
        cone = _cone(program, facts, index, x)
        if cone is not None and len(cone) > 1:
            yield x, cone
        if isinstance(x, Var):
            pending += [arg for arg in program.body[x.index].args if facts.kind(arg) is Kind.TENSOR]


def _cone(program: Program, facts: Facts, index: int, x: Arg) -> frozenset[int] | None:
    """The instructions from `x` to result `index`; None if that depends on other tensors, or not number by number."""
    cone: set[int] = set()
    pending: list[Arg] = [Var(index)]
    while pending:
        arg = pending.pop()
        if arg == x or facts.kind(arg) is Kind.SCALAR:
            continue
        if not isinstance(arg, Var) or facts.kind(arg) is not Kind.TENSOR:
            return None
        instr = program.body[arg.index]
        if OPS[instr.op].shape is not Shape.ELEMENTWISE or len(cone) > _LONGEST:
            return None
        if arg.index not in cone:
            cone.add(arg.index)
            pending += instr.args
    return frozenset(cone)


@np.errstate(all="ignore")
def _fit(program: Program, facts: Facts, index: int, x: Arg, cone: frozenset[int]) -> tuple[str, list[Arg]] | None:
    """The closest standard operation, empty for none at all, and the factors that make up for the scale."""
    scalars = sorted(
        {arg for place in cone for arg in program.body[place].args if not isinstance(arg, Const) and arg != x}
        - {Var(place) for place in cone},
        key=repr,
    )
    if any(facts.kind(arg) is not Kind.SCALAR for arg in scalars):
        return None
    known = _SCALARS | {hyper.name: hyper.default for hyper in program.hypers}
    usual: dict[Arg, float] = {arg: known.get(arg.name, _OTHER) if isinstance(arg, Ref) else _OTHER for arg in scalars}
    shape = _evaluate(program, index, x, cone, usual)
    factors: list[Arg] = []
    for arg in scalars:
        growth = _evaluate(program, index, x, cone, usual | {arg: 2 * usual[arg]}) / shape
        middle = float(np.median(growth[np.isfinite(growth)])) if np.isfinite(growth).any() else np.nan
        if not np.all(np.abs(growth[np.isfinite(growth)] - middle) < 1e-6) or round(middle, 6) not in (1.0, 2.0):
            return None  # it bends the shape
        if round(middle, 6) == 2.0:
            factors.append(arg)
    best: tuple[float, str, float] | None = None
    for name in ("", *STANDARD):
        ratio = shape / (OPS[name].numpy(_NUMBERS) if name else _NUMBERS)
        finite = ratio[np.isfinite(ratio)]
        if len(finite) < len(_NUMBERS) * 0.9:
            continue
        scale = float(np.median(finite))
        if scale == 0:
            continue
        difference = float(np.median(np.abs(finite / scale - 1)))
        if difference <= _CLOSE and (best is None or difference < best[0]):
            best = difference, name, scale
    if best is None:
        return None
    _, name, scale = best
    for factor in factors:
        scale /= usual[factor]
    return name, factors if abs(scale - 1) < _CLOSE else [*factors, Const(float(f"{scale:.3g}"))]


def _evaluate(program: Program, index: int, x: Arg, cone: frozenset[int], scalars: Mapping[Arg, float]) -> Numbers:
    values: dict[Arg, Any] = {**scalars, x: _NUMBERS}
    for place in sorted(cone):
        instr = program.body[place]
        args = [arg.value if isinstance(arg, Const) else values[arg] for arg in instr.args]
        values[Var(place)] = OPS[instr.op].numpy(*map(np.asarray, args))
    return np.broadcast_to(values[Var(index)], _NUMBERS.shape)


def _replaced(program: Program, index: int, x: Arg, name: str, factors: list[Arg]) -> Program:
    """Result `index` replaced by the operation on `x`, times the factors."""
    instrs = [Instr(name, (x,))] if name else []
    for factor in factors:
        last = Var(index + len(instrs) - 1) if instrs else x
        instrs.append(Instr("mul", (last, factor)))
    result = Var(index + len(instrs) - 1) if instrs else x
    grown = insert(program, index, instrs)
    return substitute(replace(grown), {Var(index + len(instrs)): result})
