"""Rewrites that hold for real numbers, though not for every bit: kept where no probe can tell the difference.

They bring a rule into the form in which people write rules: averages of averages become averages, common factors are
taken out, and a constant factor of the whole step goes into the learning rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from programs.canon import simplify
from programs.check import check
from programs.degree import is_proportional
from programs.ir import Arg, Const, Instr, Program, Ref, Var
from programs.kinds import Kind
from programs.rewrite import insert, prune, set_argument
from programs.same import Verdict, compare

_SAME = (Verdict.STRUCTURE, Verdict.BEHAVIOUR)


def regrouped(program: Program) -> Program:
    """The rule simplified and regrouped, as long as that leaves what it does to the probes as it is."""
    current = simplify(program)
    while True:
        for rewritten in _rewrites(current):
            shorter = simplify(rewritten)
            if compare(current, shorter).verdict in _SAME:
                current = shorter
                break
        else:
            return current


def absorbed(program: Program) -> tuple[Program, float]:
    """The rule without constant factors of its learning rate, and by what its learning rates have to be multiplied.

    Only where its whole step is proportional to the learning rate.
    """
    factor = 1.0
    while is_proportional(program, "lr") and (found := _scaled_rate(program)) is not None:
        index, scale = found
        body = (*program.body[:index], Instr("mul", (Ref("lr"), Const(1.0))), *program.body[index + 1 :])
        plain = simplify(replace(program, body=body))
        sameness = compare(program, plain)
        if (
            sameness.factor is None or abs(sameness.factor * scale - 1) > 1e-5
        ):  # its learning rate is used elsewhere too
            break
        program, factor = plain, factor * scale
    return program, factor


def _scaled_rate(program: Program) -> tuple[int, float] | None:
    """An instruction that multiplies the learning rate by a positive number, and that number."""
    values = {Ref(hyper.name): hyper.default for hyper in program.hypers}
    for index, instr in enumerate(program.body):
        if instr.op == "mul" and Ref("lr") in instr.args:
            other = instr.args[1 - instr.args.index(Ref("lr"))]
            scale = other.value if isinstance(other, Const) else values.get(other) if isinstance(other, Ref) else None
            if scale is not None and scale > 0:
                return index, scale
    return None


def _rewrites(program: Program) -> Iterator[Program]:
    yield from _one_average(program)
    yield from _scalar_out(program)
    yield from _common_factor(program)


def _one_average(program: Program) -> Iterator[Program]:
    """`interp(x, interp(x, y, a), b) = interp(x, y, a * b)`."""
    for index, instr in enumerate(program.body):
        match instr:
            case Instr("interp", (x, Var(inner), Const(b))):
                match program.body[inner]:
                    case Instr("interp", (other, y, Const(a))) if other == x:
                        yield set_argument(set_argument(program, index, 1, y), index, 2, Const(a * b), instr.name)


def _scalar_out(program: Program) -> Iterator[Program]:
    """`x * s / y = x / y * s` for a scalar `s` and tensors x and y, so that factors of a whole step come to its end."""
    facts = check(program)
    for index, instr in enumerate(program.body):
        match instr:
            case Instr("div", (Var(inner), y)) if program.body[inner].op == "mul" and facts.kind(y) is Kind.TENSOR:
                scalars = [arg for arg in program.body[inner].args if facts.kind(arg) is Kind.SCALAR]
                if scalars:
                    factors = list((Counter(program.body[inner].args) - Counter(scalars)).elements())
                    quotient = insert(program, index, [Instr("div", (factors[0], y))])
                    scaled = Instr("mul", (Var(index), scalars[0]), instr.name)
                    yield replace(quotient, body=(*quotient.body[: index + 1], scaled, *quotient.body[index + 2 :]))


def _common_factor(program: Program) -> Iterator[Program]:
    """`x * s + y * s = (x + y) * s` for all scalar factors that two terms share, one of them no constant."""
    facts = check(program)
    for index, instr in enumerate(program.body):
        if instr.op in ("add", "sub"):
            left, right = (_factors(program, arg) for arg in instr.args)
            shared = Counter(left) & Counter(right)
            common = [factor for factor in shared.elements() if facts.kind(factor) is Kind.SCALAR]
            if not all(isinstance(factor, Const) for factor in common):
                yield _taken_out(program, index, left, right, common)


def _factors(program: Program, arg: Arg) -> list[Arg]:
    if isinstance(arg, Var) and program.body[arg.index].op == "mul":
        return [factor for part in program.body[arg.index].args for factor in _factors(program, part)]
    return [arg]


def _taken_out(
    program: Program, index: int, left: Iterable[Arg], right: Iterable[Arg], common: Sequence[Arg]
) -> Program:
    """Instruction `index`, a sum of two products, as the sum of what is left of them times the common factors."""
    instrs: list[Instr] = []

    def product(factors: Sequence[Arg]) -> Arg:
        result: Arg = factors[0] if factors else Const(1.0)
        for other in factors[1:]:
            instrs.append(Instr("mul", (result, other)))
            result = Var(index + len(instrs) - 1)
        return result

    terms = [product(list((Counter(factors) - Counter(common)).elements())) for factors in (left, right)]
    instrs.append(Instr(program.body[index].op, tuple(terms), program.body[index].name))
    total = Var(index + len(instrs) - 1)
    scaled = Instr("mul", (total, product(common)))
    grown = insert(program, index, instrs)
    place = index + len(instrs)
    return prune(replace(grown, body=(*grown.body[:place], scaled, *grown.body[place + 1 :])))
