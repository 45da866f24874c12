"""Program to text, such that `parse(show(p)) == p`."""

from __future__ import annotations

import itertools
from collections import Counter

from programs.ir import Arg, Const, Hyper, Program, Ref, Var
from programs.ops import OPS

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "neg": 3, "**": 4}
_ATOM = 5
_MAX_INLINED = 4


def show(program: Program) -> str:
    """The rule as source text in the language, ending with a newline.

    Results without a name are written where they are used, as long as that keeps the order of the instructions and
    few enough stand in one line; the others are named `x1`, `x2`, ...
    """
    return _Printer(program).text()


def number(value: float) -> str:
    """A finite float as the shortest text that reads back as the same float."""
    text = repr(value)
    return text.removesuffix(".0")


class _Printer:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.end = len(program.body)
        self.use_counts = Counter(arg for _, arg in program.uses())
        self.last_use = {arg: index for index, arg in program.uses()}
        self.inlined: set[int] = set()
        self.names: dict[int, str] = {}
        head = [*program.inputs, *program.states, *(hyper.name for hyper in program.hypers)]
        self.holders: dict[str, Arg] = {name: Ref(name) for name in head}
        taken = {*head, *(instr.name for instr in program.body)}
        self.fresh = (name for name in map("x{}".format, itertools.count(1)) if name not in taken)

    def text(self) -> str:
        self._choose_inlined()
        lines = []
        for index in range(self.end):
            if index not in self.inlined:
                expression, _ = self._expression(Var(index), top=True)
                lines.append(f"    {self._name(index)} = {expression}")
        returned = ", ".join(self._expression(arg)[0] for arg in self.program.outputs)
        return "\n".join([self._head(), *lines, f"    return {returned}"]) + "\n"

    def _head(self) -> str:
        leading = [name for name in self.program.inputs if name in ("w", "g")]
        others = [name for name in self.program.inputs if name not in leading]
        parts = [*leading, *self.program.states, *others]
        if self.program.hypers:
            parts += ["*", *map(_hyper, self.program.hypers)]
        return f"def {self.program.name}({', '.join(parts)}):"

    def _choose_inlined(self) -> None:
        """Walk the statements from the last to the first; each swallows the instructions just before it."""
        cursor, _ = self._swallow(self.program.outputs, self.end, 0)
        while cursor > 0:
            cursor, _ = self._swallow(self.program.body[cursor - 1].args, cursor - 1, 0)

    def _swallow(self, args: tuple[Arg, ...], cursor: int, count: int) -> tuple[int, int]:
        """Inline, right to left, the arguments that end just before `cursor`; returns where the statement starts."""
        for arg in reversed(args):
            if count < _MAX_INLINED and isinstance(arg, Var) and arg.index == cursor - 1:
                instr = self.program.body[arg.index]
                if not instr.name and self.use_counts[arg] == 1:
                    self.inlined.add(arg.index)
                    cursor, count = self._swallow(instr.args, arg.index, count + 1)
        return cursor, count

    def _name(self, index: int) -> str:
        """The hinted name, unless a value that is still needed holds it."""
        name = self.program.body[index].name
        holder = self.holders.get(name)
        if not name or name in OPS or (holder is not None and self.last_use.get(holder, -1) > index):
            name = next(self.fresh)
        self.names[index] = name
        self.holders[name] = Var(index)
        return name

    def _expression(self, arg: Arg, *, top: bool = False) -> tuple[str, int]:
        """The text of an argument and how tightly it binds; `top` writes out even a named result."""
        if isinstance(arg, Const):
            return number(arg.value), _ATOM if arg.value >= 0 and str(arg.value)[0] != "-" else _PRECEDENCE["neg"]
        if isinstance(arg, Ref):
            return arg.name, _ATOM
        if arg.index not in self.inlined and not top:
            return self.names[arg.index], _ATOM
        instr = self.program.body[arg.index]
        op = OPS[instr.op]
        parts = [self._expression(argument) for argument in instr.args]
        if op.infix:
            (left, left_binds), (right, right_binds) = parts
            binds = _PRECEDENCE[op.infix]
            power = op.infix == "**"
            left = f"({left})" if left_binds < binds or (power and left_binds == binds) else left
            right = f"({right})" if right_binds <= binds else right
            return f"{left} {op.infix} {right}", binds
        if op.name == "neg" and not isinstance(instr.args[0], Const):
            text, binds = parts[0]
            return f"-({text})" if binds <= _PRECEDENCE["neg"] else f"-{text}", _PRECEDENCE["neg"]
        return f"{op.name}({', '.join(text for text, _ in parts)})", _ATOM


def _hyper(hyper: Hyper) -> str:
    return f"{hyper.name}={number(hyper.default)}"
