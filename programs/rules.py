"""The algebra of the table as data: rewrite rules, one a line, written in the language itself.

A rule says that its two sides are equal in IEEE 754 arithmetic for every number, infinities and zeros of either sign
included, and that both are NaN together. What only holds for real numbers is not here: `x * 0`, `x - x` and `x / x`
(NaN for some x), `x + 0` (0.0 where x is -0.0), `x ** 2` (libraries round it differently), any regrouping of sums.
Both sides use the same variables, so that no rewrite changes a kind or what depends on what.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from programs.ir import Const, Instr, Program, Ref, Signature, Var
from programs.kinds import Kind
from programs.parse import parse

SHORTER = """
neg(-x) = x
x * 1 = x
x / 1 = x
x - 0 = x
x + neg(0) = x
x * -1 = -x
x / -1 = -x
x - -y = x + y
-x * -y = x * y
-x / -y = x / y
square(-x) = square(x)
abs(-x) = abs(x)
abs(abs(x)) = abs(x)
sign(sign(x)) = sign(x)
maximum(x, x) = x
minimum(x, x) = x
reciprocal(x) = 1 / x
exp10(x) = 10 ** x
"""
"""The right side is the better one for every purpose."""

DEFINITIONS = """
x - y = x + -y
square(x) = x * x
cube(x) = square(x) * x
interp(x, y, a) = (1 - a) * x + a * y
clip(x, low, high) = minimum(maximum(x, low), high)
"""
"""The left side is the better one to read, the right side to compare, because it says the same in fewer operations."""

SIGNS = """
-x * y = -(x * y)
-x / y = -(x / y)
x / -y = -(x / y)
x * n = -(x * -n)
x / n = -(x / -n)
n / x = -(-n / x)
"""
"""Minus signs move outwards: to compare only, because it may take an instruction more. `n` is a negative constant."""

_VARIABLES = ("x", "y", "a", "n", "low", "high")
_SIDE = Signature(
    name="side of a rule",
    inputs=MappingProxyType(dict.fromkeys(_VARIABLES, Kind.TENSOR)),
    required=(),
    outputs=MappingProxyType({"value": Kind.TENSOR}),
)


@dataclass(frozen=True)
class Rule:
    """Whatever matches `left` may be replaced by `right`. The variables are the inputs of both."""

    left: Program
    right: Program

    @cached_property
    def root(self) -> Instr:
        """The outermost operation of the left side."""
        match self.left.outputs[0]:
            case Var(index):
                return self.left.body[index]
        raise ValueError("The left side of a rule must apply an operation.")

    @cached_property
    def needs(self) -> frozenset[str | type[Const]]:
        """What the arguments of the root must have among them: operations by name, or `Const`. Spares most matching."""
        needs: set[str | type[Const]] = set()
        for arg in self.root.args:
            match arg:
                case Var(index):
                    needs.add(self.left.body[index].op)
                case Const() | Ref("n"):
                    needs.add(Const)
        return frozenset(needs)

    def reversed(self) -> Rule:
        """The same equation, used from right to left."""
        return Rule(self.right, self.left)


def read(lines: str) -> list[Rule]:
    """Rules from text, one `left = right` a line."""
    return [Rule(*map(_side, line.split(" = "))) for line in lines.strip().splitlines()]


def _side(expression: str) -> Program:
    return parse(f"def side({', '.join(_VARIABLES)}):\n    return {expression}\n", _SIDE)


def binds(variable: str, constant: Const | None) -> bool:
    """Whether a variable of a rule may stand for an expression, given that expression if it is a constant."""
    return variable != "n" or (constant is not None and constant.value < 0)


def by_operation(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """The rules in order, under the outermost operation of their left sides."""
    table: dict[str, list[Rule]] = {}
    for rule in rules:
        table.setdefault(rule.root.op, []).append(rule)
    return table


TO_READ = by_operation([*read(SHORTER), *(rule.reversed() for rule in read(DEFINITIONS))])
"""For programs that people and interpreters use: never longer than what was written."""
TO_COMPARE = by_operation([*read(SHORTER), *read(DEFINITIONS), *read(SIGNS)])
"""For the canonical form: fewest operations, signs outside."""
