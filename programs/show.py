"""Program to text, such that `parse(show(p)) == p`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from programs.ir import Arg, Const, Hyper, Instr, Program, Ref, Var
from programs.kinds import Kind
from programs.ops import OPS

WIDTH = 112
"""Longest line that is written where names allow it; leaves room to quote a rule with an indent."""
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "neg": 3, "**": 4}
_ATOM = 5
_INLINED = (10, 6, 4, 2, 0)
"""How many instructions one line may hold besides its own: the first number that keeps all lines short enough."""


def show(program: Program) -> str:
    """The rule as source text in the language, ending with a newline.

    Results without a name are written where they are used, as long as that keeps the order of the instructions and
    few enough stand in one line; the others are named `x1`, `x2`, ...
    """
    printer = Printer(program)
    statements, outputs = printer.statements()
    hypers = ["*", *map(_hyper, program.hypers)] if program.hypers else []
    head = listed(f"def {program.name}(", [*printer.positional(), *hypers], "):")
    return "\n    ".join([head, *statements, *returned(outputs).splitlines()]) + "\n"


def number(value: float) -> str:
    """A finite float as the shortest text that reads back as the same float."""
    return repr(value).removesuffix(".0").replace("e-0", "e-")


def listed(opening: str, items: Sequence[str], closing: str, width: int = WIDTH) -> str:
    """`opening item, item closing` on one line, or with a line for each item where that would be too long."""
    line = f"{opening}{', '.join(items)}{closing}"
    if len(line) <= width:
        return line
    return "\n".join([opening, *(f"    {item}," for item in items), closing])


def returned(outputs: Sequence[str]) -> str:
    """The return line, or with a line for each output where that would be too long."""
    line = f"return {', '.join(outputs)}"
    return line if len(line) + 4 <= WIDTH or len(outputs) == 1 else listed("return (", outputs, ")", width=0)


class Printer:
    """Writes the body of a program as assignments: chooses what is written in place, and names for the rest.

    A subclass writes another language by giving other texts to the applications of operations.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.end = len(program.body)
        self.use_counts = [0] * self.end
        self.last_use: dict[str | int, int] = {}
        for index, arg in program.uses():
            if isinstance(arg, Var):
                self.use_counts[arg.index] += 1
                self.last_use[arg.index] = index
            elif isinstance(arg, Ref):
                self.last_use[arg.name] = index
        states = zip(program.next_states, program.states, strict=True)
        self.state_names = {arg.index: name for arg, name in states if isinstance(arg, Var)}
        self.head = [*program.inputs, *program.states, *(hyper.name for hyper in program.hypers)]
        self.inlined: set[int] = set()
        self.names: dict[int, str] = {}
        self.holders: dict[str, str | int] = {}

    def positional(self) -> list[str]:
        """The names of inputs and states as the head of a rule lists them: tensor inputs, states, other inputs."""
        inputs, kinds = self.program.inputs, self.program.signature.inputs
        tensors = [name for name in inputs if kinds[name] is Kind.TENSOR]
        return [*tensors, *self.program.states, *(name for name in inputs if name not in tensors)]

    def statements(self) -> tuple[list[str], list[str]]:
        """The assignments in order, and the outputs; lines grow too long only if the names alone are too long."""
        for most in _INLINED:
            statements, outputs = self._attempt(most)
            if max(map(len, [*statements, *returned(outputs).splitlines()])) + 4 <= WIDTH:
                break
        return statements, outputs

    def application(self, instr: Instr, args: Sequence[tuple[str, int]]) -> tuple[str, int]:
        """The text of one operation, given those of its arguments, each with how tightly it binds."""
        op = OPS[instr.op]
        if op.infix:
            (left, left_binds), (right, right_binds) = args
            binds = _PRECEDENCE[op.infix]
            power = op.infix == "**"
            left = f"({left})" if left_binds < binds or (power and left_binds == binds) else left
            right = f"({right})" if right_binds <= binds else right
            return f"{left} {op.infix} {right}", binds
        if op.name == "neg" and not isinstance(instr.args[0], Const):
            text, binds = args[0]
            return f"-({text})" if binds <= _PRECEDENCE["neg"] else f"-{text}", _PRECEDENCE["neg"]
        return f"{op.name}({', '.join(text for text, _ in args)})", _ATOM

    def inlinable(self, instr: Instr) -> tuple[Arg, ...]:
        """The arguments of an instruction that may be written in place."""
        return instr.args

    def _attempt(self, most: int) -> tuple[list[str], list[str]]:
        """Statements and outputs with at most so many instructions written in place in one line."""
        self.names.clear()
        self.holders = {name: name for name in self.head}
        taken = {*self.head, *(instr.name for instr in self.program.body)}
        self.fresh = (name for name in map("x{}".format, itertools.count(1)) if name not in taken)
        self._choose_inlined(most)
        statements = []
        for index in range(self.end):
            if index not in self.inlined:
                expression, _ = self._expression(Var(index), top=True)
                statements.append(f"{self._name(index)} = {expression}")
        return statements, [self._expression(arg)[0] for arg in self.program.outputs]

    def _choose_inlined(self, most: int) -> None:
        """Walk the statements from the last to the first; each swallows the instructions just before it."""
        self.inlined.clear()
        cursor, _ = self._swallow(self.program.outputs, self.end, most)
        while cursor > 0:
            cursor, _ = self._swallow(self.inlinable(self.program.body[cursor - 1]), cursor - 1, most)

    def _swallow(self, args: tuple[Arg, ...], cursor: int, room: int) -> tuple[int, int]:
        """Inline, right to left, the arguments that end just before `cursor`; returns where the statement starts."""
        for arg in reversed(args):
            if room > 0 and isinstance(arg, Var) and arg.index == cursor - 1:
                instr = self.program.body[arg.index]
                if not instr.name and self.use_counts[arg.index] == 1:
                    self.inlined.add(arg.index)
                    cursor, room = self._swallow(self.inlinable(instr), arg.index, room - 1)
        return cursor, room

    def _name(self, index: int) -> str:
        """The hinted name, or that of the state it is for, unless a value that is still needed holds it."""
        name = self.program.body[index].name or self.state_names.get(index, "")
        holder = self.holders.get(name)
        if not name or name in OPS or (holder is not None and self.last_use.get(holder, -1) > index):
            name = next(self.fresh)
        self.names[index] = name
        self.holders[name] = index
        return name

    def _expression(self, arg: Arg, *, top: bool = False) -> tuple[str, int]:
        """The text of an argument and how tightly it binds; `top` writes out even a named result."""
        if isinstance(arg, Const):
            text = number(arg.value)
            return text, _PRECEDENCE["neg"] if text[0] == "-" else _ATOM
        if isinstance(arg, Ref):
            return arg.name, _ATOM
        if arg.index not in self.inlined and not top:
            return self.names[arg.index], _ATOM
        instr = self.program.body[arg.index]
        return self.application(instr, [self._expression(argument) for argument in instr.args])


def _hyper(hyper: Hyper) -> str:
    return f"{hyper.name}={number(hyper.default)}"
