"""The algebra of the table as data: rewrite rules, one a line, written in the language itself.

A rule says that its two sides are equal in IEEE 754 arithmetic for every number, infinities and zeros of either sign
included, and that both are NaN together. What only holds for real numbers is not here: `x * 0`, `x - x` and `x / x`
(NaN for some x), `x + 0` and `-(x - y)` (zeros of the other sign), `x ** 2` and `sin(-x)` (libraries round them
differently), any regrouping of sums. `interp(x, y, a)` and `interp(y, x, b)` need no rule: written out they are equal
where `b` is `1 - a` and `a` is `1 - b`, both rounded to double precision, as for 0.9 and `1 - 0.9`, which is not 0.1.
Both sides use the same variables, so that no rewrite changes a kind or what depends on what.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from programs.ir import Const, Instr, Program, Ref, Signature, Var
from programs.kinds import Kind
from programs.ops import OPS
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
square(abs(x)) = square(x)
abs(-x) = abs(x)
abs(abs(x)) = abs(x)
abs(square(x)) = square(x)
sign(sign(x)) = sign(x)
maximum(x, x) = x
minimum(x, x) = x
greater(-x, -y) = greater(y, x)
where(-a, x, y) = where(a, x, y)
where(abs(a), x, y) = where(a, x, y)
reciprocal(x) = 1 / x
exp10(x) = 10 ** x
"""
"""The right side is the better one for every purpose."""

POINTS = """
exp(0) = 1
exp2(0) = 1
expm1(0) = 0
log(1) = 0
log2(1) = 0
log10(1) = 0
log1p(0) = 0
cbrt(0) = 0
cbrt(1) = 1
sin(0) = 0
cos(0) = 1
tan(0) = 0
arcsin(0) = 0
arccos(1) = 0
arctan(0) = 0
sinh(0) = 0
cosh(0) = 1
tanh(0) = 0
arcsinh(0) = 0
arccosh(1) = 0
arctanh(0) = 0
"""
"""Where every library gives the same; elsewhere these operations are not folded, for libraries round differently."""

LENGTHS = {
    Kind.PER_TENSOR: """
norm(-x) = norm(x)
norm(abs(x)) = norm(x)
abs(norm(x)) = norm(x)
rms(-x) = rms(x)
rms(abs(x)) = rms(x)
abs(rms(x)) = rms(x)
std(-x) = std(x)
""",
    Kind.PER_ROW: """
row_norm(-x) = row_norm(x)
row_norm(abs(x)) = row_norm(x)
abs(row_norm(x)) = row_norm(x)
""",
    Kind.PER_COLUMN: """
column_norm(-x) = column_norm(x)
column_norm(abs(x)) = column_norm(x)
abs(column_norm(x)) = column_norm(x)
""",
    Kind.SCALAR: """
global_norm(-x) = global_norm(x)
global_norm(abs(x)) = global_norm(x)
abs(global_norm(x)) = global_norm(x)
""",
}
"""The same for one number per tensor, row, column or model."""

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
where(a, -x, y) = -where(a, x, -y)
where(a, n, y) = -where(a, -n, -y)
abs(x * x) = x * x
abs(x) * abs(y) = abs(x * y)
abs(x) / abs(y) = abs(x / y)
abs(abs(x) * y) = abs(x * y)
abs(abs(x) / y) = abs(x / y)
abs(x / abs(y)) = abs(x / y)
abs(x) * p = abs(x * p)
abs(x) / p = abs(x / p)
p / abs(x) = abs(p / x)
x + x = x * 2
x / k = x * (1 / k)
greater(0, x) = greater(-x, 0)
greater(x, q) = greater(x + -q, 0)
minimum(x, y) = -maximum(-x, -y)
maximum(x, maximum(x, y)) = maximum(x, y)
"""
"""To compare only: minus signs and sizes move outwards, though it may take an instruction more; and what holds but for
the sign of a zero that the table leaves open. See `binds` for `n`, `p`, `k` and `q`."""

_VARIABLES = ("x", "y", "a", "n", "p", "k", "q", "low", "high")
CONSTANT = 1
"""The bit of a number; see `tag`."""
_TAGS = {op: 2 << place for place, op in enumerate(OPS)}


@dataclass(frozen=True)
class Rule:
    """Whatever matches `left` may be replaced by `right`. The variables are the inputs of both."""

    left: Program
    right: Program
    line: str

    @cached_property
    def root(self) -> Instr:
        """The outermost operation of the left side."""
        match self.left.outputs[0]:
            case Var(index):
                return self.left.body[index]
        raise ValueError("The left side of a rule must apply an operation.")

    @cached_property
    def needs(self) -> int:
        """What the arguments of the root must have among them, as bits. Spares most matching."""
        needs = 0
        for arg in self.root.args:
            match arg:
                case Var(index):
                    needs |= tag(self.left.body[index].op)
                case Const() | Ref("n" | "p" | "k"):
                    needs |= CONSTANT
        return needs

    def reversed(self) -> Rule:
        """The same equation, used from right to left."""
        return Rule(self.right, self.left, " = ".join(reversed(self.line.split(" = "))))


def tag(op: str) -> int:
    """The bit of an operation; 0 for a name."""
    return _TAGS.get(op, 0)


def read(lines: str, kind: Kind = Kind.TENSOR) -> list[Rule]:
    """Rules from text, one `left = right` a line, about values of this kind."""
    rules = []
    for line in lines.strip().splitlines():
        left, right = line.split(" = ")
        rules.append(Rule(_side(left, kind), _side(right, kind), line))
    return rules


def _side(expression: str, kind: Kind) -> Program:
    signature = Signature(
        name="side of a rule",
        inputs=MappingProxyType(dict.fromkeys(_VARIABLES, Kind.TENSOR)),
        required=(),
        outputs=MappingProxyType({"value": kind}),
    )
    return parse(f"def side({', '.join(_VARIABLES)}):\n    return {expression}\n", signature)


def binds(variable: str, constant: Const | None) -> bool:
    """Whether a variable of a rule may stand for an expression, given that expression if it is a constant.

    `n` is a negative constant, `p` a positive one, `k` a positive power of two whose reciprocal is exact, and `q`
    anything but the constant 0.
    """
    match variable:
        case "n":
            return constant is not None and constant.value < 0
        case "p":
            return constant is not None and constant.value > 0
        case "k":
            return constant is not None and math.frexp(constant.value)[0] == 0.5 and 1e-300 < constant.value < 1e300
        case "q":
            return constant is None or constant.value != 0
    return True


def by_operation(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """The rules in order, under the outermost operation of their left sides."""
    table: dict[str, list[Rule]] = {}
    for rule in rules:
        table.setdefault(rule.root.op, []).append(rule)
    return table


_LENGTHS = [rule for kind, lines in LENGTHS.items() for rule in read(lines, kind)]
_COMMON = [*read(SHORTER), *read(POINTS, Kind.SCALAR), *_LENGTHS]
TO_READ = by_operation([*_COMMON, *(rule.reversed() for rule in read(DEFINITIONS))])
"""For programs that people and interpreters use: never longer than what was written."""
TO_COMPARE = by_operation([*_COMMON, *read(DEFINITIONS), *read(SIGNS)])
"""For the canonical form: fewest operations, signs outside."""
