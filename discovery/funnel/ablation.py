"""What may be left out of a rule: every single change that makes it simpler, to be measured one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from discovery.funnel.shapes import standard_forms
from programs.canon import simplify, structure
from programs.check import CheckError, check
from programs.ir import Arg, Const, Hyper, Instr, Program, Ref, Var
from programs.rewrite import set_argument, substitute
from programs.show import number

_STATE = 2  # instructions that a state slot counts for: it costs memory


@dataclass(frozen=True, slots=True)
class Edit:
    """A simpler rule, and what was done in words."""

    program: Program
    what: str


def size(program: Program) -> tuple[int, int]:
    """How simple a rule is: instructions and states, then digits of its constants."""
    digits = sum(map(_digits, _numbers(program)))
    return len(program.body) + _STATE * len(program.states), digits


def structural(program: Program) -> list[Edit]:
    """One operation left out, its result replaced by an argument, or one learned shape by a standard operation."""
    return _smaller(program, [*_bypasses(program), *_standard(program)])


def rounding(program: Program) -> list[Edit]:
    """One constant or default, or all of them, with one digit or two; of numbers near 1, what they lack to it."""
    return _smaller(program, [*_all_rounded(program), *_rounded(program)])


def _smaller(program: Program, edits: Iterable[Edit]) -> list[Edit]:
    """Those that are legal and simpler, each once."""
    found: dict[str, Edit] = {}
    for edit in edits:
        try:
            check(edit.program)
            simpler = simplify(edit.program)
            check(simpler)
        except CheckError:
            continue
        if size(simpler) < size(program):
            found.setdefault(structure(simpler), replace(edit, program=simpler))
    return list(found.values())


def _bypasses(program: Program) -> Iterator[Edit]:
    for index, instr in enumerate(program.body):
        for arg in dict.fromkeys(instr.args):
            edited = substitute(program, {Var(index): arg})
            yield Edit(edited, f"{_text(program, instr)} becomes {_name(program, arg)}")


def _standard(program: Program) -> Iterator[Edit]:
    for edited, index, operation in standard_forms(program):
        shape = f"what {_text(program, program.body[index])} comes to"
        yield Edit(edited, f"{shape} becomes {operation or 'its argument'}")


def _all_rounded(program: Program) -> Iterator[Edit]:
    for digits in (1, 2):
        hypers = tuple(Hyper(hyper.name, _round(hyper.default, digits)) for hyper in program.hypers)
        constants: dict[Arg, Arg] = {
            arg: Const(_round(arg.value, digits)) for _, arg in program.uses() if isinstance(arg, Const)
        }
        edited = substitute(replace(program, hypers=hypers), constants)
        yield Edit(edited, f"all constants to {digits} digit{'s'[: digits - 1]}")


def _rounded(program: Program) -> Iterator[Edit]:
    for digits in (1, 2):
        for index, instr in enumerate(program.body):
            for position, arg in enumerate(instr.args):
                if isinstance(arg, Const) and (value := _round(arg.value, digits)) != arg.value:
                    edited = set_argument(program, index, position, Const(value), instr.name)
                    yield Edit(edited, f"{number(arg.value)} becomes {number(value)}")
        for place, hyper in enumerate(program.hypers):
            if (value := _round(hyper.default, digits)) != hyper.default:
                hypers = (*program.hypers[:place], Hyper(hyper.name, value), *program.hypers[place + 1 :])
                what = f"{hyper.name}={number(hyper.default)} becomes {number(value)}"
                yield Edit(replace(program, hypers=hypers), what)


def _round(value: float, digits: int) -> float:
    if 0.5 < value < 2 and value != 1:
        return round(1 - float(f"{1 - value:.{digits}g}"), 12)
    return float(f"{value:.{digits}g}")


def _digits(value: float) -> int:
    """Significant digits, of numbers near 1 those of what they lack to it."""
    if 0.5 < value < 2:
        value = round(1 - value, 12)
    return len(f"{value:.12g}".lower().partition("e")[0].replace(".", "").replace("-", "").strip("0"))


def _numbers(program: Program) -> Iterator[float]:
    yield from (hyper.default for hyper in program.hypers)
    yield from (arg.value for _, arg in program.uses() if isinstance(arg, Const))


def _text(program: Program, instr: Instr) -> str:
    """An instruction as a reader would write it by itself."""
    return f"{instr.op}({', '.join(_name(program, arg) for arg in instr.args)})"


def _name(program: Program, arg: Arg) -> str:
    match arg:
        case Const(value):
            return number(value)
        case Ref(name):
            return name
        case Var(index):
            return program.body[index].name or f"{program.body[index].op}(...)"
